/**
 * One virtual window as one page has it: what the server says, one's own devices, the connection for pictures and voices,
 * ink. Components only show it; the page gives it its link by `WindowPort`.
 *
 * What survives what: the seat, the participant's id, ink and consent are the server's and survive everything within
 * 20 s. A reload loses devices (opened again without a question, as the permission stands) and one's own screen (browsers
 * give a screen only to a press). A socket that comes back takes the seat again and connects anew, because it may have
 * missed an offer.
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
  type Ref,
} from 'vue';
import type {
  AgentId,
  Answer,
  Command,
  ErrorCode,
  EventBody,
  Medium,
  ParticipantId,
  Point,
  Purpose,
  Seat,
  Timestamp,
  WindowId,
  WindowView,
} from '../../generated/protocol';
import { PageFeed } from '../browse/feed';
import { upload } from '../files/uploads';
import { RequestError, type Subscription } from '../link';
import {
  browserDevices,
  isOfThisPage,
  keepChoices,
  open as openDevices,
  openScreen,
  storedChoices,
  type DeviceEnvironment,
  type DeviceProblem,
} from './devices';
import { Hand, Pace, drawInk, inkColour, nextNumber, noInk, onPicture, withChange, type Ink, type Spoken } from './ink';
import { Peer, localCandidates, noWay, type NoWay, type PeerEnvironment, type PeerState } from './rtc';
import { hasConsent, lightOf, mySeat, screenOf, sharer, textOf, type Screen } from './screen';
import { findWay, type Way, type WayEnvironment } from './way';

/** What the page lends. */
export interface WindowPort {
  request: (command: Command) => Promise<Answer>;
  subscribe: (topic: string, subscription: Subscription) => () => void;
  listenSession: (listener: (body: EventBody) => void) => () => void;
  /** Is the link to the server open? */
  isOpen: Readonly<Ref<boolean>>;
  token: () => string;
  /** The server's time. */
  now: () => Timestamp;
}

export interface RoomOptions {
  port: WindowPort;
  window: WindowId;
  seat: Seat;
  devices?: DeviceEnvironment;
  peers?: PeerEnvironment;
  ways?: WayEnvironment;
  /** What survives a reload of this tab; `null`: nothing does. */
  session?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null;
}

/** A place that somebody points at is forgotten after this time (docs/protocol.md). */
const POINTER_MS = 2_000;
/** No way was found for so long: say what may be the matter. */
const HINT_MS = 8_000;
/** The server was busy: try to sit down again after this time. */
const AGAIN_MS = 2_000;
const SEAT_KEY = 'bangban.window.seat';
/** Width of a line of ink on a picture that is kept, in parts of its width. */
const LINE = 1 / 300;

export interface Own {
  track: MediaStreamTrack | null;
  /** Do the others see or hear it? */
  isOn: boolean;
  problem: DeviceProblem | null;
}

/** Whether `code` is a refusal of the server, or the loss of the link. */
const codeOf = (error: unknown): ErrorCode | 'lost' => {
  if (error instanceof RequestError) return error.code;
  console.error(error);
  return 'internal';
};

interface Remembered {
  window: WindowId;
  voice: boolean;
  camera: boolean;
}

function tabStorage(): RoomOptions['session'] {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

export type Room = ReturnType<typeof createRoom>;

export const roomKey: InjectionKey<Room> = Symbol('window');

export function useRoom(): Room {
  const room = inject(roomKey);
  if (!room) throw new Error('useRoom() outside of a window');
  return room;
}

/** The room lives until `dispose`, whichever component shows it meanwhile. */
export function createRoom(options: RoomOptions) {
  const scope = effectScope(true);
  // Raw: its refs stay refs, wherever it is kept.
  return markRaw({ ...scope.run(() => build(options))!, dispose: () => scope.stop() });
}

function build(options: RoomOptions) {
  const { port, window: id, seat } = options;
  const devices = options.devices ?? browserDevices();
  const session = options.session === undefined ? tabStorage() : options.session;

  const view = shallowRef<WindowView | null>(null);
  const ink = shallowRef<Ink>(noInk);
  const pointers = shallowReactive(new Map<ParticipantId, { at: Point; picture: number }>());
  const tracks = shallowRef<ReadonlyMap<ParticipantId, Partial<Record<Medium, MediaStreamTrack>>>>(new Map());
  const own = shallowReactive<Record<Medium, Own>>({
    voice: { track: null, isOn: true, problem: null },
    camera: { track: null, isOn: true, problem: null },
    screen: { track: null, isOn: false, problem: null },
  });
  const choices = reactive(storedChoices(devices));
  const isReady = ref(false);
  /** This page has the seat, or had it when its link was lost and will have it again. */
  const sits = ref(false);
  /** The server takes what this page does as done on the seat. */
  const isSeated = ref(false);
  const isReplaced = ref(false);
  const isOpening = ref(false);
  const refused = ref<ErrorCode | null>(null);
  const problem = ref<ErrorCode | 'lost' | null>(null);
  const isBusy = ref(false);
  const peerState = ref<PeerState | null>(null);
  /** Since when (local time) pictures and voices do not come, though one sits. */
  const cutSince = ref<number | null>(null);
  const hint = ref<NoWay | null>(null);
  /** Before one goes in: how pictures and voices would come through; `null`: not looked at, or nobody can say. */
  const way = ref<Way | 'looking' | null>(null);
  /** Pictures and voices have come through since one sat down. */
  const wasUp = ref(false);
  const code = ref<{ code: string; until: Timestamp } | null>(null);
  /** The browser plays no sound before a press. */
  const isSilenced = ref(false);
  const snapshots = ref(0);
  /** What is shown is this very page: ink stands on it, and no picture of it is needed. */
  const isThisTab = ref(false);
  /** Put away for now; the window goes on. */
  const isFolded = ref(false);

  const listeners = new Set<(body: EventBody) => void>();
  /** For clerks: the citizen's page, kept from the first event on. */
  const feed = new PageFeed();
  const pointerTimers = new Map<ParticipantId, number>();
  const drawnHere = new Set<number>();
  let lastNumber = 0;
  let peer: Peer | null = null;
  let isJoining = false;
  let isDisposed = false;
  let hintTimer = 0;
  let againTimer = 0;

  const screen = computed<Screen>(() =>
    screenOf(view.value, {
      seat,
      isReady: isReady.value,
      isSeated: sits.value,
      isReplaced: isReplaced.value,
      refused: refused.value,
    }),
  );
  const me = computed(() => mySeat(view.value));
  const showing = computed(() => sharer(view.value));
  const light = computed(() => lightOf(view.value, port.isOpen.value, peerState.value));

  // --- what the server says ---------------------------------------------------------------------------------------

  function see(next: WindowView): void {
    const before = view.value;
    if (before && next.version < before.version) return;
    view.value = next;
    ink.value = onPicture(ink.value, next.picture);
    if (before && before.picture !== next.picture) {
      pointers.clear();
      pointing.stop();
    }
    // What the server has ended is not sent any more: a consent taken back on another page, a call that has the voices.
    const had = mySeat(before)?.media ?? [];
    const has = mySeat(next)?.media ?? [];
    for (const medium of had) {
      if (has.includes(medium) || !own[medium].isOn || mySeat(next)?.participant !== mySeat(before)?.participant)
        continue;
      if (medium === 'screen') dropScreen();
      else void setTrack(medium, own[medium].track, false);
    }
    if (next.state === 'ended') standUp();
    if (!next.seats.some((one) => one.isMe) && before?.seats.some((one) => one.isMe) && isSeated.value) {
      // Shown out, or the conversation is a colleague's now.
      standUp();
      refused.value = next.state === 'ended' ? null : 'forbidden';
    }
  }

  function heard(body: EventBody): void {
    switch (body.type) {
      case 'window':
        see(body.view);
        break;
      case 'pointed':
        point(body.by, body.picture, body.at);
        break;
      case 'inked':
        // What I draw stands already.
        if (body.change.type === 'drawn' && body.by === me.value?.participant && drawnHere.has(body.change.number))
          break;
        ink.value = withChange(ink.value, body.picture, body.by, body.change);
        break;
      default:
        break;
    }
    feed.heard(body);
    for (const listener of listeners) listener(body);
  }

  const stopTopic = port.subscribe(`window:${id}`, {
    snapshot: (snapshot) => {
      if (snapshot.type !== 'window') return;
      refused.value = null;
      // Another life of the server may count anew.
      view.value = null;
      see(snapshot.view);
      ink.value = { picture: snapshot.view.picture, strokes: snapshot.strokes };
    },
    event: (body) => heard(body),
    refused: (error) => {
      if (view.value?.state === 'ended') return;
      standUp();
      refused.value = error.code === 'lost' ? null : error.code;
    },
  });

  const stopSession = port.listenSession((body) => {
    if (!('window' in body) || body.window !== id) return;
    if (body.type === 'window_offer') peer?.offered(body.number, body.sdp);
    else if (body.type === 'window_legs') peer?.carries(body.legs);
    else if (body.type === 'window_link') peer?.linked(body.link);
    else if (body.type === 'window_replaced') {
      standUp();
      isReplaced.value = true;
    }
  });

  // --- devices ------------------------------------------------------------------------------------------------------

  function change(medium: Medium, more: Partial<Own>): void {
    own[medium] = { ...own[medium], ...more };
  }

  async function setTrack(medium: Medium, track: MediaStreamTrack | null, isOn: boolean): Promise<void> {
    change(medium, { track, isOn });
    if (track) track.enabled = isOn;
    await peer?.send(medium, isOn ? track : null);
  }

  /** Opens what was chosen; the old tracks go. */
  async function prepare(): Promise<void> {
    if (seat === 'supervisor') return;
    isOpening.value = true;
    const before = [own.voice.track, own.camera.track];
    const opened = await openDevices(devices, choices);
    for (const track of before) track?.stop();
    if (isDisposed) {
      opened.voice?.stop();
      opened.camera?.stop();
      return;
    }
    change('voice', { track: opened.voice, problem: opened.voiceProblem });
    change('camera', { track: opened.camera, problem: opened.cameraProblem, isOn: choices.withCamera });
    for (const medium of ['voice', 'camera'] as const) {
      const { track, isOn } = own[medium];
      if (!track) continue;
      track.enabled = isOn;
      track.addEventListener('ended', () => unplugged(medium, track));
      await peer?.send(medium, isOn ? track : null);
    }
    isOpening.value = false;
  }

  /** The device was pulled out, or another program took it. */
  function unplugged(medium: 'voice' | 'camera', track: MediaStreamTrack): void {
    if (own[medium].track !== track) return;
    change(medium, { track: null, problem: 'not_found' });
    void peer?.send(medium, null);
    if (isSeated.value) port.request({ type: 'publish', window: id, medium, on: false }).catch(() => {});
  }

  function choose(more: Partial<typeof choices>): Promise<void> {
    Object.assign(choices, more);
    keepChoices(devices, { ...choices });
    return 'speaker' in more ? Promise.resolve() : prepare();
  }

  /** Looks whether pictures and voices would come through; at most one look at a time. */
  async function lookForWay(): Promise<void> {
    if (way.value === 'looking' || !port.isOpen.value) return;
    way.value = 'looking';
    let found: Way | null = null;
    try {
      const answer = await port.request({ type: 'check_window', window: id });
      if (answer.type === 'window_check' && !isDisposed) found = await findWay(answer, options.ways);
    } catch {
      // A server that is busy, or a browser without connections: going in will show it.
    }
    way.value = found;
  }

  /** The devices are as they should be: goes in as soon as everybody has agreed. */
  function ready(): void {
    isReady.value = true;
    remember();
  }

  function remember(): void {
    const kept: Remembered = { window: id, voice: own.voice.isOn, camera: own.camera.isOn };
    try {
      if (isReady.value) session?.setItem(SEAT_KEY, JSON.stringify(kept));
      else session?.removeItem(SEAT_KEY);
    } catch {
      // Full: a reload asks again.
    }
  }

  /** This tab sat here before it was loaded again. */
  function comeBack(): void {
    let kept: Remembered | null = null;
    try {
      kept = JSON.parse(session?.getItem(SEAT_KEY) ?? 'null') as Remembered | null;
    } catch {
      // Not ours.
    }
    if (kept?.window !== id) return;
    change('voice', { isOn: kept.voice !== false });
    choices.withCamera = kept.camera !== false;
    void prepare().then(() => {
      if (!isDisposed) isReady.value = true;
    });
  }

  // --- the seat ---------------------------------------------------------------------------------------------------

  const wire = {
    connect: async (sdp: string, lines: LinesOf) =>
      sdpOf(await port.request({ type: 'connect_window', window: id, sdp, lines })),
    restart: async (sdp: string, lines: LinesOf) =>
      sdpOf(await port.request({ type: 'restart_window_link', window: id, sdp, lines })),
    answer: async (number: number, sdp: string) => {
      await port.request({ type: 'answer_window_offer', window: id, number, sdp });
    },
  };

  async function join(): Promise<void> {
    if (isJoining || isSeated.value || !port.isOpen.value || isDisposed) return;
    isJoining = true;
    window.clearTimeout(againTimer);
    try {
      const answer = await port.request({ type: 'take_seat', window: id, seat });
      if (answer.type !== 'seated' || isDisposed) return;
      // Of an earlier socket: it may have missed what it was offered.
      peer?.close();
      peer = makePeer(answer);
      isSeated.value = true;
      sits.value = true;
      for (const medium of ['voice', 'camera', 'screen'] as const) {
        const { track, isOn } = own[medium];
        await peer.send(medium, isOn ? track : null);
      }
      peer.connect();
      await publishAll(answer.resumed);
    } catch (error) {
      const why = codeOf(error);
      if (why === 'lost' || isDisposed) return;
      if (error instanceof RequestError && error.retryable) againTimer = window.setTimeout(() => void join(), AGAIN_MS);
      else {
        standUp();
        refused.value = why;
      }
    } finally {
      isJoining = false;
    }
  }

  /** What the others may see and hear is what this page sends, also of a seat that had more before. */
  async function publishAll(isResumed: boolean): Promise<void> {
    if (seat === 'supervisor') return;
    const before = me.value?.media ?? [];
    for (const medium of ['voice', 'camera', 'screen'] as const) {
      const on = own[medium].isOn && own[medium].track !== null && !(medium === 'voice' && view.value?.inCall);
      if (!on && !isResumed && !before.includes(medium)) continue;
      await port.request({ type: 'publish', window: id, medium, on });
    }
  }

  function makePeer({ iceServers, policy }: Extract<Answer, { type: 'seated' }>): Peer {
    peerState.value = 'connecting';
    const made: Peer = new Peer({
      wire,
      iceServers,
      policy,
      changed: (state) => {
        if (peer !== made) return;
        peerState.value = state;
        if (state === 'up') wasUp.value = true;
      },
      heard: (found) => {
        if (peer === made || peer === null) tracks.value = found;
      },
      refused: (error) => {
        refused.value = codeOf(error) === 'lost' ? null : (codeOf(error) as ErrorCode);
      },
      ...(options.peers ? { environment: options.peers } : {}),
    });
    return markRaw(made);
  }

  /** Leaves the seat here: nothing is sent or shown any more. */
  function standUp(): void {
    isSeated.value = false;
    sits.value = false;
    isReady.value = false;
    remember();
    peer?.close();
    peer = null;
    peerState.value = null;
    wasUp.value = false;
    tracks.value = new Map();
    for (const medium of ['voice', 'camera', 'screen'] as const) {
      own[medium].track?.stop();
      change(medium, { track: null, ...(medium === 'screen' ? { isOn: false } : {}) });
    }
  }

  // --- what people do ----------------------------------------------------------------------------------------------

  /** Carries something out; what went wrong stands in `problem`. */
  async function attempt<T>(run: () => Promise<T>): Promise<T | null> {
    if (isBusy.value) return null;
    isBusy.value = true;
    problem.value = null;
    try {
      return await run();
    } catch (error) {
      problem.value = codeOf(error);
      return null;
    } finally {
      isBusy.value = false;
    }
  }

  const does = (command: Command) => attempt(() => port.request(command));

  async function agree(purpose: Purpose): Promise<boolean> {
    const text = view.value && textOf(view.value, purpose);
    if (!text) return false;
    const { id: name, version } = text;
    return (await does({ type: 'consent', window: id, purpose, text: name, version })) !== null;
  }

  async function toggle(medium: 'voice' | 'camera'): Promise<void> {
    const { isOn, track } = own[medium];
    if (isOn) {
      // At once here, whatever the server or the link says. The camera's light tells the truth.
      if (medium === 'camera') track?.stop();
      await setTrack(medium, medium === 'camera' ? null : track, false);
      remember();
      if (port.isOpen.value) await does({ type: 'publish', window: id, medium, on: false });
      return;
    }
    change(medium, { isOn: true });
    if (!track) {
      if (medium === 'camera') choices.withCamera = true;
      await prepare();
    }
    const { track: opened } = own[medium];
    if (!opened || !(await does({ type: 'publish', window: id, medium, on: true }))) {
      await setTrack(medium, opened, false);
      return;
    }
    await setTrack(medium, opened, true);
    remember();
  }

  /** Asks for a screen and shows it. Call it by a press: browsers give none otherwise. */
  async function share(thisTab: boolean): Promise<void> {
    const opened = await openScreen(devices, thisTab);
    if ('problem' in opened) {
      change('screen', { problem: opened.problem === 'cancelled' ? null : opened.problem });
      return;
    }
    const { track } = opened;
    const needs = seat === 'citizen' && view.value !== null && !hasConsent(view.value, 'screen');
    const may = !needs || (await agree('screen'));
    if (!may || !isSeated.value) {
      track.stop();
      return;
    }
    // The browser's own bar has a button for the end, too.
    track.addEventListener('ended', () => {
      if (own.screen.track === track) void stopSharing();
    });
    change('screen', { problem: null });
    isThisTab.value = isOfThisPage(track);
    await setTrack('screen', track, true);
    if (!(await does({ type: 'publish', window: id, medium: 'screen', on: true }))) dropScreen();
  }

  function dropScreen(): void {
    own.screen.track?.stop();
    change('screen', { track: null, isOn: false });
    void peer?.send('screen', null);
  }

  /** One does not want to go in: what that is called follows from where the window stands. */
  async function decline(): Promise<void> {
    const { value } = view;
    if (!value) return;
    const isAsker = value.askedBy === seat;
    if (value.state === 'asked' && !isAsker && value.origin !== 'booking') {
      await does({ type: 'answer_window', window: id, accepts: false });
    } else if (value.state === 'asked' || (value.state === 'consented' && isAsker)) {
      await does({ type: 'cancel_window', window: id });
    } else if (seat === 'citizen') await does({ type: 'withdraw_consent', window: id, purpose: 'window' });
    else if (value.state === 'consented' && seat === 'agent') {
      // Only whoever sits there can end what a citizen waits for.
      if (await does({ type: 'take_seat', window: id, seat })) await does({ type: 'end_window', window: id });
    } else isFolded.value = true;
    for (const medium of ['voice', 'camera'] as const) {
      own[medium].track?.stop();
      change(medium, { track: null });
    }
  }

  /** At once here, whatever the server or the link says. */
  async function stopSharing(): Promise<void> {
    dropScreen();
    if (port.isOpen.value)
      await port.request({ type: 'publish', window: id, medium: 'screen', on: false }).catch(() => {});
  }

  // --- ink ----------------------------------------------------------------------------------------------------------

  function point(by: ParticipantId, picture: number, at: Point): void {
    if (picture !== view.value?.picture) return;
    pointers.set(by, { at, picture });
    window.clearTimeout(pointerTimers.get(by));
    pointerTimers.set(
      by,
      window.setTimeout(() => pointers.delete(by), POINTER_MS),
    );
  }

  /** Where one points, for the others. */
  let pointed: Point = { x: 0, y: 0 };
  const pointing = new Pace(() => port.request({ type: 'point', window: id, at: pointed }).catch(() => {}));
  function pointAt(at: Point): void {
    const mine = me.value?.participant;
    if (!mine || !view.value) return;
    point(mine, view.value.picture, at);
    pointed = at;
    pointing.ask();
  }

  /** Begins a stroke; its moves are told by `move`, its end by `end`. */
  function draw(kind: 'pen' | 'box') {
    const picture = view.value?.picture ?? 0;
    const by = me.value?.participant ?? '';
    const begin = () => {
      lastNumber = nextNumber(lastNumber, port.now() - (view.value?.liveSince ?? port.now()));
      drawnHere.add(lastNumber);
      return new Hand(lastNumber, kind, say);
    };
    const say = ({ number, stroke }: Spoken) => {
      ink.value = withChange(ink.value, picture, by, { type: 'drawn', number, stroke });
      port.request({ type: 'draw', window: id, number, stroke }).catch((error: unknown) => {
        // What nobody else sees must not stand here.
        ink.value = withChange(ink.value, picture, by, { type: 'undone', number });
        if (codeOf(error) !== 'lost') problem.value = codeOf(error);
      });
    };
    let hand = begin();
    return {
      move: (at: Point) => {
        if (hand.move(at)) return;
        hand.end();
        hand = begin();
        hand.move(at);
      },
      end: () => hand.end(),
    };
  }

  /**
   * Puts the picture with its ink into the thread. `source`: what is seen, in its own size.
   */
  async function snapshot(source: CanvasImageSource, width: number, height: number): Promise<boolean> {
    const { value } = view;
    if (!value) return false;
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext('2d');
    if (!context) return false;
    context.drawImage(source, 0, 0, width, height);
    const seats = new Map(value.seats.map((one) => [one.participant, one.seat]));
    const whole = { left: 0, top: 0, width, height };
    drawInk(context, whole, ink.value.strokes, (by) => inkColour(seats.get(by)), Math.max(2, width * LINE));
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', 0.9));
    if (!blob) return false;
    const done = await attempt(async () => {
      const { file } = await upload({
        conversation: value.conversation,
        attachment: { kind: 'image', name: 'window.jpg', size: blob.size, width, height },
        blob,
        token: port.token,
        isOnline: () => port.isOpen.value,
        began: () => {},
        progress: () => {},
        signal: new AbortController().signal,
      });
      return port.request({ type: 'keep_snapshot', window: id, file });
    });
    if (done) snapshots.value += 1;
    return done !== null;
  }

  // --- the browser and the link --------------------------------------------------------------------------------------

  watch(port.isOpen, (isOpen) => {
    if (!isOpen) {
      // The seat is kept for 20 s; pictures and voices may go on meanwhile.
      isSeated.value = false;
    } else if (sits.value || screen.value.kind === 'joining') void join();
  });
  watch(
    () => screen.value.kind,
    (kind) => {
      if (kind === 'joining') void join();
      // Ready to go in, and nothing was opened: it was asked for on another page, or the check was skipped.
      if (kind === 'check' && !own.voice.track && !own.voice.problem && !isOpening.value) void prepare();
      if (kind === 'check') void lookForWay();
    },
  );
  watch([light, isSeated, () => screen.value.kind], ([now, , kind]) => {
    const isCut = now === 'lost' && (kind === 'live' || kind === 'waiting' || kind === 'joining');
    cutSince.value = isCut ? (cutSince.value ?? Date.now()) : null;
    window.clearTimeout(hintTimer);
    if (!isCut) hint.value = null;
    else hintTimer = window.setTimeout(() => void guess(), HINT_MS);
  });

  async function guess(): Promise<void> {
    const raw = peer?.raw;
    if (!raw || !port.isOpen.value) return;
    const hasRelays = (raw.getConfiguration().iceServers ?? []).length > 0;
    hint.value = noWay(await localCandidates(raw), hasRelays);
  }

  const networkChanged = () => peer?.mend();
  const network = (navigator as { connection?: EventTarget }).connection;
  window.addEventListener('online', networkChanged);
  network?.addEventListener('change', networkChanged);

  onScopeDispose(() => {
    isDisposed = true;
    stopTopic();
    stopSession();
    window.removeEventListener('online', networkChanged);
    network?.removeEventListener('change', networkChanged);
    window.clearTimeout(hintTimer);
    window.clearTimeout(againTimer);
    for (const timer of pointerTimers.values()) window.clearTimeout(timer);
    pointing.stop();
    standUp();
  });

  comeBack();

  return {
    id,
    seat,
    view,
    screen,
    me,
    showing,
    light,
    ink,
    pointers: pointers as ReadonlyMap<ParticipantId, { at: Point; picture: number }>,
    tracks,
    own: own as Readonly<Record<Medium, Own>>,
    choices: choices as Readonly<typeof choices>,
    devices,
    isSeated: isSeated as Readonly<Ref<boolean>>,
    isOpening: isOpening as Readonly<Ref<boolean>>,
    isBusy: isBusy as Readonly<Ref<boolean>>,
    problem,
    peerState: peerState as Readonly<Ref<PeerState | null>>,
    cutSince: cutSince as Readonly<Ref<number | null>>,
    hint: hint as Readonly<Ref<NoWay | null>>,
    way: way as Readonly<Ref<Way | 'looking' | null>>,
    wasUp: wasUp as Readonly<Ref<boolean>>,
    code: code as Readonly<typeof code>,
    isSilenced,
    snapshots: snapshots as Readonly<Ref<number>>,
    isThisTab: isThisTab as Readonly<Ref<boolean>>,
    isFolded,

    prepare,
    choose,
    lookForWay,
    ready,
    agree,
    decline,
    answer: (accepts: boolean) => does({ type: 'answer_window', window: id, accepts }),
    cancel: () => does({ type: 'cancel_window', window: id }),
    withdraw: (purpose: Purpose) => does({ type: 'withdraw_consent', window: id, purpose }),
    makeCode: async () => {
      const answer = await does({ type: 'make_window_code', window: id });
      if (answer?.type === 'window_code') code.value = { code: answer.code, until: answer.until };
    },
    invite: (agent: AgentId) => does({ type: 'invite_to_window', window: id, agent }),
    remove: (participant: ParticipantId) => does({ type: 'remove_from_window', window: id, participant }),
    /** One's own seat; when the citizen or the last clerk does, the window ends. */
    leave: async () => {
      if (!isSeated.value || (await does({ type: 'leave_window', window: id }))) standUp();
    },
    end: () => does({ type: 'end_window', window: id }),
    /** The seat is another page's: have it here. */
    takeBack: async () => {
      isReplaced.value = false;
      await prepare();
      ready();
    },
    toggle,
    share,
    stopSharing,
    freeze: (frozen: boolean) => does({ type: 'freeze_window', window: id, frozen }),
    pointAt,
    draw,
    undo: () => does({ type: 'undo_ink', window: id }),
    clear: () => does({ type: 'clear_ink', window: id }),
    snapshot,
    browse: (on: boolean) => does({ type: 'browse', window: id, on }),
    feed,
    request: port.request,
    /** Every event of the window's topic, for what this module does not know. */
    listen: (listener: (body: EventBody) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    mend: () => peer?.mend(),
  };
}

type LinesOf = Extract<Command, { type: 'connect_window' }>['lines'];

function sdpOf(answer: Answer): string {
  if (answer.type !== 'window_answer') throw new Error(`not an answer to an offer: ${answer.type}`);
  return answer.sdp;
}
