/**
 * The calls of one person as one page has them: who rings, which call one is in and how its sound is, what is to be wrapped
 * up. Components only show it; the page gives it its link by `WindowPort`, as it does for virtual windows.
 *
 * What survives what: a leg is the server's and survives a reload or a lost link of up to 20 s; the page opens its
 * microphone again (the permission stands) and connects anew. Only the tab that had the leg takes it back by itself, so
 * that a second tab does not pull it away; there it is one press. One person speaks in one call at a time, so there is one
 * `Softphone`.
 */
import {
  computed,
  effectScope,
  inject,
  markRaw,
  onScopeDispose,
  reactive,
  ref,
  shallowReactive,
  shallowRef,
  watch,
  type InjectionKey,
} from 'vue';
import type {
  Answer,
  CallAct,
  CallId,
  CallsView,
  CallView,
  ConversationId,
  DeclineReason,
  ErrorCode,
  EventBody,
  OwedCallView,
  RingView,
} from '../../generated/protocol';
import { RequestError } from '../link';
import {
  browserDevices,
  keepChoices,
  open as openDevices,
  storedChoices,
  type DeviceEnvironment,
  type DeviceProblem,
} from '../window/devices';
import type { WindowPort } from '../window/room';
import { Softphone, type PhoneEnvironment, type PhoneState } from './softphone';
import { myLeg, newer } from './view';

export interface CallsOptions {
  port: WindowPort;
  devices?: DeviceEnvironment;
  phones?: PhoneEnvironment;
  /** What survives a reload of this tab; `null`: nothing does. */
  session?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null;
}

const LEG_KEY = 'bangban.call.leg';
/** The call in which this page has silenced itself. */
const QUIET_KEY = 'bangban.call.quiet';
/** Whoever asked for a call is rung within the time of a ring (20 s) and some seconds; then it is a surprise again. */
const EXPECTED_MS = 30_000;

const codeOf = (error: unknown): ErrorCode | 'lost' => {
  if (error instanceof RequestError) return error.code;
  console.error(error);
  return 'internal';
};

function tabStorage(): CallsOptions['session'] {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

export type Calls = ReturnType<typeof createCalls>;

export const callsKey: InjectionKey<Calls> = Symbol('calls');

export function useCalls(): Calls {
  const calls = inject(callsKey);
  if (!calls) throw new Error('useCalls() outside of a page with calls');
  return calls;
}

/** Lives until `dispose`. */
export function createCalls(options: CallsOptions) {
  const scope = effectScope(true);
  // Raw: its refs stay refs, wherever it is kept.
  return markRaw({ ...scope.run(() => build(options))!, dispose: () => scope.stop() });
}

function build(options: CallsOptions) {
  const { port } = options;
  const devices = options.devices ?? browserDevices();
  const session = options.session === undefined ? tabStorage() : options.session;

  const view = shallowRef<CallsView | null>(null);
  const calls = shallowReactive(new Map<CallId, CallView>());
  /** Who speaks now, as `call/leg`. */
  const heard = shallowReactive(new Set<string>());
  const choices = reactive(storedChoices(devices));

  const microphone = shallowRef<MediaStreamTrack | null>(null);
  const microphoneProblem = ref<DeviceProblem | null>(null);
  const isOpening = ref(false);

  /** The call whose sound is on this page. */
  const soundOf = ref<CallId | null>(null);
  const soundState = ref<PhoneState | null>(null);
  /** The sound of this call has been there: what connects now is to come back. */
  const hadSound = ref(false);
  /** Since when (local time) nothing is heard though one is in the call. */
  const cutSince = ref<number | null>(null);
  const voice = shallowRef<MediaStreamTrack | null>(null);
  /** The browser plays no sound before a press. */
  const isSilenced = ref(false);
  /** Calls whose sound another page of mine has taken. */
  const elsewhere = shallowReactive(new Set<CallId>());
  /** The ring or call that is being taken. */
  const taking = ref<CallId | null>(null);
  /** The last call that ended while one was in it, until it was read. */
  const over = shallowRef<CallView | null>(null);
  const refused = ref<ErrorCode | null>(null);
  const problem = ref<ErrorCode | 'lost' | null>(null);
  /** Commands under way, by name: a second press is the same one. */
  const pending = shallowReactive(new Set<string>());

  const subscriptions = new Map<CallId, () => void>();
  const watched = new Set<CallId>();
  const shown = new Set<string>();
  /** What was asked for here, and until when (local time) it may come. */
  const expected = shallowReactive(new Map<CallId | ConversationId, number>());
  let phone: Softphone | null = null;
  /** The server has had one in this call: not being in it any more is its end. */
  let wasIn = false;
  let isFirst = true;
  let isDisposed = false;
  /** The caller's own call, from their hanging up to its end. */
  let leaving: CallId | null = null;

  const rings = computed<readonly RingView[]>(() => view.value?.rings ?? []);
  /** Mine now: the call that one speaks in. */
  const current = computed<CallView | null>(() => {
    const id = soundOf.value ?? view.value?.mine[0];
    const found = id ? calls.get(id) : undefined;
    // Its end may be told before that one is in it no more.
    return found && found.state !== 'ended' ? found : null;
  });
  const mine = computed(() => myLeg(current.value));
  /** Silent by this page alone: a caller tells nobody to silence them, they close their own microphone. */
  const isQuiet = ref(false);
  const isMuted = computed(() => isQuiet.value || (mine.value?.isMuted ?? false));

  // --- what the server says ---------------------------------------------------------------------------------------

  function see(next: CallsView): void {
    view.value = newer(view.value, next);
    if (view.value !== next) return;
    follow();
    for (const ring of next.rings) hearRing(ring);
    for (const call of [...elsewhere]) if (!next.mine.includes(call)) elsewhere.delete(call);
    const { value: call } = soundOf;
    if (call) {
      if (next.mine.includes(call)) wasIn = true;
      else if (wasIn) stopSound();
    }
  }

  function hearRing(ring: RingView): void {
    const key = `${ring.call}/${ring.leg}`;
    if (shown.has(key)) return;
    shown.add(key);
    if (ring.onTelephone) return;
    // Without this word nobody is known to hear it, and the ring is over after 2 s.
    request({ type: 'rings', call: ring.call }).catch(() => shown.delete(key));
    if (isExpected(ring)) void takeExpected(ring);
  }

  async function takeExpected(ring: RingView): Promise<void> {
    if (await answer(ring.call)) return;
    // It rings like any other from now on: one sees why it was not taken.
    expected.delete(ring.call);
    if (ring.conversation) expected.delete(ring.conversation);
  }

  function isExpected({ call, conversation }: RingView): boolean {
    const now = Date.now();
    return [call, conversation].some((one) => one !== undefined && (expected.get(one) ?? 0) > now);
  }

  /** What rings next for this call or conversation was asked for on this page: it is taken without another press. */
  function expect(what: CallId | ConversationId): void {
    expected.set(what, Date.now() + EXPECTED_MS);
    const ring = rings.value.find((one) => !one.onTelephone && isExpected(one));
    if (ring) void takeExpected(ring);
  }

  function follow(): void {
    const { rings = [], mine = [], left = [], wrapUps = [] } = view.value ?? {};
    const wanted = new Set([...rings.map((one) => one.call), ...mine, ...left, ...watched]);
    if (leaving) wanted.add(leaving);
    const kept = new Set([...wanted, ...wrapUps.map((one) => one.call)]);
    for (const [call, leave] of subscriptions) {
      if (kept.has(call)) continue;
      leave();
      subscriptions.delete(call);
    }
    for (const call of [...calls.keys()]) if (!kept.has(call) && call !== soundOf.value) calls.delete(call);
    for (const call of kept) if (!subscriptions.has(call)) subscriptions.set(call, listen(call));
  }

  function listen(call: CallId): () => void {
    return port.subscribe(`call:${call}`, {
      snapshot: (snapshot) => {
        if (snapshot.type !== 'call') return;
        // Another life of the server may count anew, and what was said meanwhile was not heard.
        calls.delete(call);
        for (const key of [...heard]) if (key.startsWith(`${call}/`)) heard.delete(key);
        seeCall(snapshot.view);
      },
      event: (body) => {
        if (body.type === 'call') seeCall(body.view);
        else if (body.type === 'call_heard') hear(`${call}/${body.leg}`, body.speaking);
      },
      // Over, or not one's own any more: what was last known stays for the wrap-up.
      refused: () => {
        if (leaving === call) leaving = null;
      },
    });
  }

  function seeCall(next: CallView): void {
    calls.set(next.call, newer(calls.get(next.call), next));
    if (next.state !== 'ended') return;
    const isLeaving = leaving === next.call;
    if (isLeaving) leaving = null;
    if (isLeaving || soundOf.value === next.call) over.value = next;
    if (soundOf.value === next.call) stopSound();
  }

  function hear(key: string, isSpeaking: boolean): void {
    if (isSpeaking) heard.add(key);
    else heard.delete(key);
  }

  const stopTopic = port.subscribe('calls', {
    snapshot: (snapshot) => {
      if (snapshot.type !== 'calls') return;
      refused.value = null;
      view.value = null;
      shown.clear();
      see(snapshot.view);
      if (isFirst) comeBack();
      // The leg is kept; its connection was to a socket that has gone.
      else if (phone && soundOf.value && snapshot.view.mine.includes(soundOf.value)) phone.connect();
      isFirst = false;
    },
    event: (body) => {
      if (body.type === 'calls') see(body.view);
    },
    refused: (error) => {
      refused.value = error.code === 'lost' ? null : error.code;
    },
  });

  const stopSession = port.listenSession((body: EventBody) => {
    if (body.type === 'call_link' && body.call === soundOf.value) {
      if (body.link === 'over') phone?.connect();
    } else if (body.type === 'call_replaced' && body.call === soundOf.value) {
      stopSound();
      elsewhere.add(body.call);
    }
  });

  // --- the microphone ---------------------------------------------------------------------------------------------

  /** Opens it if it is not open. Answers whether there is one. */
  async function openMicrophone(isAnew = false): Promise<boolean> {
    if (microphone.value && !isAnew) return true;
    isOpening.value = true;
    const opened = await openDevices(devices, { ...choices, withCamera: false });
    isOpening.value = false;
    const { voice: track, voiceProblem } = opened;
    if (isDisposed) {
      track?.stop();
      return false;
    }
    microphone.value?.stop();
    microphone.value = track;
    microphoneProblem.value = voiceProblem;
    track?.addEventListener('ended', () => {
      if (microphone.value !== track) return;
      microphone.value = null;
      microphoneProblem.value = 'not_found';
      void phone?.speak(null);
    });
    await phone?.speak(track);
    speakOrNot();
    return track !== null;
  }

  /** The light of the browser tells the truth: outside of calls and of the check nobody is heard. */
  function closeMicrophone(): void {
    if (soundOf.value || taking.value) return;
    microphone.value?.stop();
    microphone.value = null;
  }

  function choose(more: Partial<typeof choices>): Promise<unknown> {
    Object.assign(choices, more);
    keepChoices(devices, { ...choices });
    return 'microphone' in more ? openMicrophone(true) : Promise.resolve();
  }

  /** Silent is silent here as well, whatever the link to the server does. */
  function speakOrNot(isSilent = isMuted.value): void {
    if (microphone.value) microphone.value.enabled = !isSilent;
  }
  watch(isMuted, (is) => speakOrNot(is));

  // --- sound --------------------------------------------------------------------------------------------------------

  /** Takes what rings here. */
  async function answer(call: CallId): Promise<boolean> {
    const ring = rings.value.find((one) => one.call === call);
    return begin(call, ring?.part === 'supervisor');
  }

  /** This page's sound for a leg that one has: after a reload, from another page, or as the caller. */
  const attach = (call: CallId): Promise<boolean> => begin(call, false);

  /** `mayBeMute`: one may listen without a microphone. */
  async function begin(call: CallId, mayBeMute: boolean): Promise<boolean> {
    if (taking.value || soundOf.value === call) return false;
    taking.value = call;
    problem.value = null;
    try {
      const hasVoice = await openMicrophone();
      if (isDisposed || (!hasVoice && !mayBeMute)) return false;
      const ready = await request({ type: 'prepare', call });
      if (ready.type !== 'call_ready' || isDisposed) return false;
      phone?.close();
      soundOf.value = call;
      soundState.value = 'connecting';
      wasIn = view.value?.mine.includes(call) ?? false;
      elsewhere.delete(call);
      const made = new Softphone({
        offer: async (sdp) => {
          const isRung = rings.value.some((one) => one.call === call) && !view.value?.mine.includes(call);
          const answered = await request({ type: isRung ? 'answer' : 'connect', call, sdp });
          expected.delete(call);
          remember(call);
          return answered.type === 'call_sound' ? answered.sdp : '';
        },
        iceServers: ready.iceServers,
        policy: ready.policy,
        changed: (state) => {
          if (phone !== made) return;
          soundState.value = state;
          if (state === 'up') hadSound.value = true;
          cutSince.value = state === 'up' ? null : (cutSince.value ?? Date.now());
        },
        heard: (track) => {
          if (phone === made) voice.value = track;
        },
        refused: (error) => {
          if (phone !== made) return;
          problem.value = codeOf(error);
          stopSound();
        },
        ...(options.phones ? { environment: options.phones } : {}),
      });
      phone = markRaw(made);
      await made.speak(microphone.value);
      speakOrNot();
      made.connect();
      return true;
    } catch (error) {
      problem.value = codeOf(error);
      return false;
    } finally {
      taking.value = null;
      closeMicrophone();
    }
  }

  function stopSound(): void {
    isQuiet.value = false;
    const old = phone;
    phone = null;
    soundOf.value = null;
    soundState.value = null;
    hadSound.value = false;
    cutSince.value = null;
    voice.value = null;
    wasIn = false;
    remember(null);
    old?.close();
    closeMicrophone();
    follow();
  }

  function remember(call: CallId | null): void {
    keep(LEG_KEY, call);
    keep(QUIET_KEY, isQuiet.value ? call : null);
  }

  function keep(key: string, call: CallId | null): void {
    try {
      if (call) session?.setItem(key, call);
      else session?.removeItem(key);
    } catch {
      // Full: a reload asks first.
    }
  }

  /** This tab was in a call before it was loaded again. */
  function comeBack(): void {
    let kept: string | null = null;
    try {
      kept = session?.getItem(LEG_KEY) ?? null;
      // Before the microphone is open.
      isQuiet.value = kept !== null && session?.getItem(QUIET_KEY) === kept;
    } catch {
      // Blocked.
    }
    if (kept && view.value?.mine.includes(kept)) void attach(kept);
    else {
      isQuiet.value = false;
      remember(null);
    }
  }

  // --- what people do -----------------------------------------------------------------------------------------------

  function request(act: CallAct): Promise<Answer> {
    return port.request({ type: 'call', act });
  }

  /**
   * Does something; what went wrong stands in `problem`. Answers `null` then. `instead`: where the server says that the way
   * which is named by `to` is not there.
   */
  async function does(act: CallAct, instead?: CallAct): Promise<Answer | null> {
    if (pending.has(act.type)) return null;
    pending.add(act.type);
    problem.value = null;
    try {
      return await request(act).catch((error: unknown) => {
        if (instead && error instanceof RequestError && error.field === 'to') return request(instead);
        throw error;
      });
    } catch (error) {
      problem.value = codeOf(error);
      return null;
    } finally {
      pending.delete(act.type);
    }
  }

  /**
   * One is rung oneself by what one does here, for one of these: that ring is taken at once. A telephone on the desk rings, and is
   * picked up.
   */
  const doesAndComes = (act: CallAct, ...of: (CallId | ConversationId | undefined)[]): Promise<Answer | null> =>
    comesAfter(() => does(act), of);

  /** Who was not reached: by the number that they left; without one, or without trunks, on their page. */
  const callBack = ({ call, conversation }: OwedCallView): Promise<Answer | null> => {
    const by = (type: 'left' | 'browser'): CallAct => ({ type: 'call_back', call, to: { type } });
    return comesAfter(() => does(by('left'), by('browser')), [call, conversation]);
  };

  async function comesAfter(
    doing: () => Promise<Answer | null>,
    of: (CallId | ConversationId | undefined)[],
  ): Promise<Answer | null> {
    const keys = view.value?.hasTelephone ? [] : of.filter((one) => one !== undefined);
    keys.forEach(expect);
    const answered = await doing();
    if (!answered) for (const key of keys) expected.delete(key);
    else if (keys.length > 0 && answered.type === 'call_opened') expect(answered.call);
    return answered;
  }

  /** The citizen calls from their page. */
  async function start(conversation: ConversationId): Promise<Answer | null> {
    problem.value = null;
    // First the microphone: nobody is to be rung for a citizen who cannot speak.
    taking.value = conversation;
    const hasVoice = await openMicrophone();
    taking.value = null;
    if (!hasVoice) return null;
    const answered = await does({ type: 'start', conversation });
    if (answered?.type === 'call_opened') await attach(answered.call);
    else closeMicrophone();
    return answered;
  }

  /** Silent, or not any more: at once here, then for all. */
  async function toggleMute(): Promise<void> {
    const [{ value: leg }, { value: call }] = [mine, current];
    if (!leg || !call) return;
    if (!call.may.includes('mute_self')) {
      isQuiet.value = !isQuiet.value;
      keep(QUIET_KEY, isQuiet.value ? call.call : null);
      speakOrNot();
      return;
    }
    const muted = !leg.isMuted;
    if (muted) speakOrNot(true);
    if (!(await does({ type: 'mute', call: call.call, leg: leg.leg, muted }))) speakOrNot();
  }

  const decline = (call: CallId, reason?: DeclineReason) =>
    does({ type: 'decline', call, ...(reason ? { reason } : {}) });

  async function hangUp(call: CallId): Promise<boolean> {
    // A caller who hangs up is told how it ended, whether that comes before the answer or after it.
    if (current.value?.call === call && mine.value?.part === 'caller') leaving = call;
    const done = (await does({ type: 'hang_up', call })) !== null;
    if (!done) leaving = null;
    // Whatever the link says: who hangs up is not heard any more.
    if (soundOf.value === call) stopSound();
    return done;
  }

  /** Supervisors: also the calls that one looks at. Answers how to stop. */
  function look(call: CallId): () => void {
    watched.add(call);
    follow();
    return () => {
      watched.delete(call);
      follow();
    };
  }

  onScopeDispose(() => {
    isDisposed = true;
    stopTopic();
    stopSession();
    for (const leave of subscriptions.values()) leave();
    phone?.close();
    phone = null;
    microphone.value?.stop();
  });

  return {
    view,
    calls,
    rings,
    current,
    mine,
    isMuted,
    over,
    refused,
    problem,
    pending,
    taking,
    elsewhere,
    devices,
    choices,
    choose,
    microphone,
    microphoneProblem,
    isOpening,
    openMicrophone,
    closeMicrophone,
    soundOf,
    soundState,
    hadSound,
    cutSince,
    voice,
    isSilenced,
    /** Is this ring taken by itself, because it was asked for here? */
    isAwaited: isExpected,
    isTalking: (call: CallId, leg: number) => heard.has(`${call}/${leg}`),
    expect,
    answer,
    attach,
    decline,
    hangUp,
    start,
    does,
    doesAndComes,
    callBack,
    toggleMute,
    look,
    /** The browser's connection, for its statistics. */
    raw: () => phone?.raw,
  };
}
