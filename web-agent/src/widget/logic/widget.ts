/**
 * The panel's state and everything the citizen can do; components only show it. One `Widget` lives as long as the page;
 * a new person in the demo replaces the link and the conversations.
 */
import { computed, inject, ref, shallowRef, watch, type ComputedRef, type InjectionKey, type Ref } from 'vue';
import type {
  BotOption,
  ActionKind,
  ActionStepKind,
  Channel,
  Command,
  ConversationId,
  ErrorCode,
  GuideStepKind,
  Identity,
  MyConversation,
  Slot,
  ThreadEntry,
  Timestamp,
  WantedChannels,
} from '../../generated/protocol';
import { setClock } from '../../shared/clock';
import { createFiles } from '../../shared/files/files';
import type { Attachment } from '../../shared/files/kinds';
import type { Recording } from '../../shared/files/recorder';
import { createNotices } from '../../shared/notices';
import { Link, RequestError, followBrowser, socketUrl, type LinkState, type Welcome } from '../../shared/link';
import { Outbox, newClientId, type Outgoing } from '../../shared/outbox';
import type { ThreadState } from '../../shared/thread';
import type { WindowPort } from '../../shared/window/room';
import { emptyThread } from '../../shared/thread';
import { language, languageOfPage } from '../../shared/words';
import { createConversations, type Conversations } from './conversations';
import { connectHost, createPageDoor, type Host } from './host';
import {
  ask,
  chooseDemoCitizen,
  chosenDemoCitizen,
  demoToken,
  serverConfig,
  TokenError,
  type DemoCitizen,
  type ServerConfig,
} from './identity';
import { emptyPast, lastOf, withLive, withPage, type Past } from './past';
import { chooseElder, elder, remember, safeStorage, wishElder } from './preferences';
import { forgetRedeemed, redeem, storedRedeemed, takeCode, wayState, withView, type Way } from './second-device';
import { hall, ticketOfPage } from './shared-device';
import { asksForPerson, comeBackTo, type Remembered } from './situation';
import { forgetVisitor, isVisitorHere, noteAsked, noteVisitorHere, storedVisitor, visitorToken } from './visitor';

/** What the whole panel shows. */
export type Phase =
  /** Finding out who the citizen is, or making the first connection. */
  | 'starting'
  /** Demo: choose a person. */
  | 'identify'
  /** No token and no demo: come from the portal, or ask without a name where that is allowed. */
  | 'no_token'
  /** A device in a hall waits for the next person. */
  | 'hall'
  /** A second device: its code was taken, or has to be typed. */
  | 'code'
  /** Somebody was told the code of a virtual window, by telephone for instance. */
  | 'window_code'
  | 'live'
  /** The token's time is over and a new one was asked for. */
  | 'renewing'
  /** The token's time is over and nobody gave a new one. */
  | 'expired'
  /** The page speaks another protocol: reload. */
  | 'outdated'
  /** The server was not reached to find out who the citizen is. */
  | 'unreachable';

/** Out of hours: when humans are back, and the times that one may choose. */
export interface OutOfHours {
  conversation: ConversationId;
  opensAt: Timestamp;
  slots: readonly Slot[];
}

export interface Notice {
  /**
   * `unknown_item`: the page's item does not exist; a general conversation is shown instead. `promised`: out of hours,
   * and the citizen has been promised an answer already.
   * `blocked`: no humans for a while.
   */
  code: ErrorCode | 'lost' | 'promised' | 'blocked';
  /** In a hall: `hall` or `ticket` is none. */
  field?: string;
  /** With `blocked`: they may ask again from then on; `null`: nobody knows yet. */
  until?: Timestamp | null;
}

export interface Receipt {
  receipt: string;
  slot: Slot;
}

/** How long the portal has to hand in a new token. */
const RENEW_MS = 10_000;
/** How long a page around us has to speak before we take it for a stranger. */
const HOST_MS = 3_000;
/** A message that another tab wrote and did not send within this time is sent by this one. */
const ADOPT_MS = 4_000;
/** So many new tokens may be refused one after the other before we stop asking. */
const RENEWALS = 2;

export type Widget = ReturnType<typeof createWidget>;

export const widgetKey: InjectionKey<Widget> = Symbol('widget');

export function useWidget(): Widget {
  const widget = inject(widgetKey);
  if (!widget) throw new Error('useWidget() outside of the widget');
  return widget;
}

const codeOf = (error: unknown): ErrorCode | 'lost' => {
  if (error instanceof RequestError || error instanceof TokenError) return error.code;
  console.error(error);
  return 'internal';
};

/** Phone or computer, as the reports tell them apart; a device in a hall says so in its address. */
function channelOf(parameters: URLSearchParams): Channel {
  if (hall) return hall.channel;
  if (parameters.get('channel') === 'hall') return 'hall';
  return matchMedia('(pointer: coarse)').matches ? 'mobile' : 'pc';
}

export function createWidget() {
  const parameters = new URLSearchParams(location.search);
  const channel = channelOf(parameters);
  const session = safeStorage('sessionStorage');
  const local = safeStorage('localStorage');

  const phase = ref<Phase>('starting');
  const config = shallowRef<ServerConfig | null>(null);
  const isDemoServer = computed(() => config.value?.demo === true);
  /** In a hall: the number of the queue ticket, as it was typed or as the address named it. */
  const ticket = ref(ticketOfPage());
  /** The code of this page for a second device. */
  const way = shallowRef<Way | null>(null);
  /** Why a second device was not let in. */
  const codeProblem = ref<ErrorCode | 'lost' | null>(null);
  const past = shallowRef<Past>(emptyPast);
  /** What was asked on this device without a name could become the citizen's. */
  const mayClaim = ref(false);
  const linkState = shallowRef<LinkState>({ kind: 'connecting' });
  /** Local instant at which the link was lost; `null`: it is there, or there was none yet. */
  const lostSince = computed(() => {
    const { value } = linkState;
    return value.kind === 'lost' || value.kind === 'connecting' ? (value.since ?? null) : null;
  });
  const me = shallowRef<Extract<Identity, { type: 'citizen' }> | null>(null);
  const conversations = shallowRef<Conversations | null>(null);
  const shown = ref<ConversationId | null>(null);
  const outgoing = shallowRef<readonly Outgoing[]>([]);
  const notice = shallowRef<Notice | null>(null);
  const outOfHours = shallowRef<OutOfHours | null>(null);
  const isAsking = ref(false);
  /** The citizen asked for a human while the link was lost: done as soon as it is back. */
  const asksWhenBack = ref<ConversationId | null>(null);
  const panelOpen = ref(true);
  /** News of the last moment, for the announcer, the sound and the bell. */
  const news = shallowRef<{ conversation: ConversationId; entries: readonly ThreadEntry[] } | null>(null);

  let pageItem: string | null = parameters.get('item') || null;
  /** The district that the page is about: what holds there is answered. */
  let pageDistrict: string | null = parameters.get('district') || null;
  let token = '';
  let link: Link | null = null;
  let outbox: Outbox | null = null;
  let unfollow = () => {};
  let hostTimer = 0;
  let renewTimer = 0;
  let renewals = 0;
  /** On a second device: what to show first. */
  let continued: ConversationId | null = null;
  let unfollowWay = () => {};
  /** Ends what listens to the browser. */
  const listening = new AbortController();
  /** Messages that this tab sent: only they may open a form here. */
  const sentHere = new Set<string>();

  const files = createFiles({
    request: (command) => (link ? link.request(command) : Promise.reject(new Error('no link yet'))),
    token: () => token,
    isOnline: () => linkState.value.kind === 'open',
    now: () => link?.serverNow() ?? Date.now(),
  });

  const inForce = createNotices(() => thread.value.view?.item ?? pageItem);

  const host: Host = connectHost((message) => {
    if (message.item !== undefined && !link) pageItem = message.item || pageItem;
    if (message.elder !== undefined) {
      wishElder(message.elder);
      host.say({ elder: elder.value });
    }
    if (message.open !== undefined) panelOpen.value = message.open;
    page.hear(message);
    if (message.token !== undefined) void handedIn(message.token);
  });

  const page = createPageDoor(host);

  // --- who ---------------------------------------------------------------------------------------------------------

  async function handedIn(portalToken: string | null): Promise<void> {
    window.clearTimeout(hostTimer);
    if (portalToken) {
      // Whoever was a visitor is somebody now: another link, and what they asked may be claimed.
      if (me.value?.anonymous) signOut();
      signIn(portalToken);
    } else if (phase.value === 'starting') await withoutToken();
  }

  async function withoutToken(): Promise<void> {
    try {
      config.value = await serverConfig();
      const citizen = chosenDemoCitizen();
      if (hall) phase.value = 'hall';
      else if (config.value.anonymous && isVisitorHere()) signIn(await visitorToken(Date.now()));
      else if (!isDemoServer.value) phase.value = 'no_token';
      else if (citizen) signIn(await demoToken(citizen));
      else phase.value = 'identify';
    } catch (error) {
      codeOf(error);
      phase.value = 'unreachable';
    }
  }

  function start(): void {
    phase.value = 'starting';
    const code = host.isEmbedded ? null : takeCode();
    const before = storedRedeemed(Date.now());
    if (code) void comeByCode(code);
    else if (before && !host.isEmbedded) goOn(before);
    else if (parameters.get('window') === 'code' && !isVisitorHere()) void askForWindowCode();
    else if (host.isEmbedded) hostTimer = window.setTimeout(() => void handedIn(null), HOST_MS);
    else void withoutToken();
  }

  // --- a second device ---------------------------------------------------------------------------------------------

  function goOn(redeemed: { token: string; conversation: ConversationId }): void {
    continued = redeemed.conversation;
    signIn(redeemed.token);
  }

  /** Lets this device in by a code, once. */
  async function comeByCode(code: string): Promise<void> {
    codeProblem.value = null;
    phase.value = 'starting';
    try {
      goOn(await redeem(code));
    } catch (error) {
      codeProblem.value = codeOf(error);
      phase.value = 'code';
    }
  }

  /** By which ways the citizen wants to be told; with `wanted`: from now on. Throws `TokenError`. */
  async function channels(wanted?: WantedChannels): Promise<WantedChannels> {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const init = wanted ? { method: 'PUT', headers, body: JSON.stringify(wanted) } : { headers };
    return (await ask('/api/citizen/channels', init)) as WantedChannels;
  }

  /** Here: a code for a second device, told to nobody but this page. */
  async function makeWay(): Promise<void> {
    const conversation = shown.value;
    if (!conversation) return;
    const answer = await attempt(() => link!.request({ type: 'continue_elsewhere', conversation }));
    if (answer?.type !== 'continue_code') return;
    unfollowWay();
    const { continuation: id, code, short, expiresAt } = answer;
    way.value = { id, conversation, code, short, expiresAt, redeemedAt: null, revokedAt: null };
    const heard = (view: Parameters<typeof withView>[1]) => {
      if (way.value) way.value = withView(way.value, view);
    };
    unfollowWay = link!.subscribe(`continuation:${id}`, {
      snapshot: (snapshot) => {
        if (snapshot.type === 'continuation') heard(snapshot.view);
      },
      event: (body) => {
        if (body.type === 'continuation') heard(body.view);
      },
    });
  }

  /** The code, or the second device that it let in, is not wanted any more. */
  async function endWay(): Promise<void> {
    const ending = way.value;
    if (!ending) return;
    const done = await attempt(() => link!.request({ type: 'revoke_continuation', continuation: ending.id }));
    if (done && way.value?.id === ending.id) forgetWay();
  }

  /** The picture is put away: nobody may use the code that was on it. */
  function closeWay(): void {
    const { value } = way;
    if (!value) return;
    const { kind } = wayState(value, link?.serverNow() ?? Date.now());
    if (kind === 'open') void endWay();
    else if (kind !== 'used') forgetWay();
  }

  function forgetWay(): void {
    unfollowWay();
    unfollowWay = () => {};
    way.value = null;
  }

  // --- virtual windows ---------------------------------------------------------------------------------------------

  const windowPort: WindowPort = {
    request: (command) =>
      link ? link.request(command) : Promise.reject(new RequestError('lost', 'not signed in', undefined, true)),
    subscribe: (topic, subscription) => link?.subscribe(topic, subscription) ?? (() => {}),
    listenSession: (listener) => link?.listenSession(listener) ?? (() => {}),
    isOpen: computed(() => linkState.value.kind === 'open'),
    token: () => token,
    now: () => link?.serverNow() ?? Date.now(),
  };

  /** The form for the six digits; whoever types them needs no name. */
  async function askForWindowCode(): Promise<void> {
    notice.value = null;
    phase.value = 'window_code';
    try {
      config.value ??= await serverConfig();
    } catch (error) {
      codeOf(error);
      phase.value = 'unreachable';
    }
  }

  // --- without a name ----------------------------------------------------------------------------------------------

  /** Begins as the visitor that this device is, or becomes. */
  async function comeAnonymously(): Promise<void> {
    notice.value = null;
    const before = phase.value;
    phase.value = 'starting';
    try {
      signIn(await visitorToken(Date.now()));
      noteVisitorHere(true);
    } catch (error) {
      notice.value = { code: codeOf(error) };
      phase.value = before;
    }
  }

  /** What was asked here without a name becomes the citizen's: both tokens are the proof. */
  async function claim(): Promise<void> {
    const visitor = storedVisitor(Date.now());
    if (!visitor) {
      mayClaim.value = false;
      return;
    }
    const answer = await attempt(() => link!.request({ type: 'claim_visitor', visitor: visitor.token }));
    if (answer?.type !== 'claimed') return;
    forgetVisitor();
    mayClaim.value = false;
    await loadPast();
    for (const one of past.value.conversations) {
      if (one.mayContinue) conversations.value?.add(one);
    }
  }

  /** It was somebody else: this device forgets it. */
  function disclaim(): void {
    forgetVisitor();
    mayClaim.value = false;
  }

  async function chooseCitizen(citizen: DemoCitizen): Promise<void> {
    notice.value = null;
    try {
      const demo = await demoToken(citizen);
      chooseDemoCitizen(citizen);
      noteVisitorHere(false);
      signIn(demo);
    } catch (error) {
      notice.value = { code: codeOf(error) };
    }
  }

  /** Demo: be somebody else. */
  function leave(): void {
    chooseDemoCitizen(null);
    noteVisitorHere(false);
    forgetRedeemed();
    signOut();
    phase.value = 'identify';
  }

  function signOut(): void {
    unfollow();
    forgetWay();
    conversations.value?.close();
    inForce.stop();
    link?.stop();
    link = null;
    outbox = null;
    files.reset();
    me.value = null;
    conversations.value = null;
    shown.value = null;
    outgoing.value = [];
    outOfHours.value = null;
    asksWhenBack.value = null;
    notice.value = null;
    past.value = emptyPast;
    mayClaim.value = false;
    sentHere.clear();
  }

  function signIn(newToken: string): void {
    window.clearTimeout(renewTimer);
    token = newToken;
    if (link) {
      if (phase.value !== 'live') phase.value = 'starting';
      link.start();
      return;
    }
    phase.value = 'starting';
    // In a portal nobody has asked for it yet.
    if (!config.value)
      serverConfig().then(
        (known) => (config.value = known),
        () => {},
      );
    link = new Link({
      url: socketUrl(),
      token: () => token,
      onState: (state) => linkChanged(state),
      onWelcome: (welcome) => welcomed(welcome),
    });
    const newLink = link;
    setClock(() => newLink.serverNow());
    unfollow = followBrowser(link);
    link.start();
  }

  /** Asks for a new token: the demo server, or the page around us. */
  async function renew(): Promise<void> {
    phase.value = 'renewing';
    renewals += 1;
    if (renewals > RENEWALS) {
      phase.value = 'expired';
      return;
    }
    if (me.value?.continuation) {
      // Only the first device could bring a new one.
      forgetRedeemed();
      phase.value = 'expired';
      return;
    }
    if (me.value?.anonymous || hall) {
      phase.value = 'expired';
      return;
    }
    const citizen = chosenDemoCitizen();
    try {
      if (citizen && isDemoServer.value) {
        signIn(await demoToken(citizen));
        return;
      }
    } catch (error) {
      codeOf(error);
      phase.value = 'expired';
      return;
    }
    if (!host.isEmbedded) {
      phase.value = 'expired';
      return;
    }
    host.say({ expired: true });
    renewTimer = window.setTimeout(() => {
      phase.value = 'expired';
    }, RENEW_MS);
  }

  function linkChanged(state: LinkState): void {
    linkState.value = state;
    if (state.kind !== 'stopped') return;
    if (state.reason === 'token') void renew();
    else if (state.reason === 'protocol') phase.value = 'outdated';
  }

  function welcomed(welcome: Welcome): void {
    if (welcome.me.type !== 'citizen') {
      phase.value = 'no_token';
      link?.stop();
      return;
    }
    if (me.value && me.value.id !== welcome.me.id) {
      // The portal's person changed under us: start anew as that one, with nothing of the other on screen.
      const theirs = token;
      signOut();
      signIn(theirs);
      return;
    }
    if (!me.value) begin(welcome.me);
    renewals = 0;
    mayClaim.value = !welcome.me.anonymous && !welcome.me.continuation && storedVisitor(Date.now())?.hasAsked === true;
    void files.loadLimits();
    conversations.value!.replace(welcome.conversations);
    phase.value = 'live';
    void outbox!.flush();
    if (shown.value === null) void showFirst(welcome.conversations);
    if (asksWhenBack.value) void requestHuman(asksWhenBack.value);
  }

  function begin(citizen: Extract<Identity, { type: 'citizen' }>): void {
    const newLink = link!;
    me.value = citizen;
    // The page's own word, and what the person chose on it, are stronger.
    if (citizen.language && languageOfPage === null) language.value = citizen.language === 'en' ? 'en' : 'zh';
    outbox = new Outbox({
      storage: local,
      key: `bangban.outbox.${citizen.id}`,
      send: (message, change) =>
        message.attachment
          ? files.send(message, change)
          : newLink.request(
              message.choose && message.entry
                ? {
                    type: 'choose_entry',
                    conversation: message.conversation,
                    clientId: message.clientId,
                    entry: message.entry,
                  }
                : {
                    type: 'send',
                    conversation: message.conversation,
                    clientId: message.clientId,
                    text: message.text,
                  },
            ),
      changed: (messages) => {
        outgoing.value = messages;
      },
    });
    inForce.follow(newLink);
    outgoing.value = outbox.messages();
    const box = outbox;
    conversations.value = createConversations({
      link: newLink,
      now: () => Date.now(),
      arrived: (entries) => {
        for (const entry of entries) if (entry.clientId) settle(box, entry.clientId);
      },
      news: (conversation, entries) => heard(conversation, entries),
    });
  }

  function settle(box: Outbox, clientId: string): void {
    if (box.messages().some((message) => message.clientId === clientId && message.attachment)) files.settled(clientId);
    box.settle(clientId);
  }

  // --- conversations -----------------------------------------------------------------------------------------------

  const shownKey = () => `bangban.shown.${me.value?.id}`;
  const openedKey = () => `bangban.opened.${me.value?.id}`;

  async function showFirst(mine: readonly MyConversation[]): Promise<void> {
    let remembered: Remembered | null = null;
    try {
      remembered = JSON.parse(session?.getItem(shownKey()) ?? 'null') as Remembered | null;
    } catch {
      // Not ours: as if there were none.
    }
    const back = continued ?? comeBackTo(mine, pageItem, remembered);
    continued = null;
    if (back) show(back);
    else await openNew();
  }

  /** Opens (or finds) the conversation on the page's item and shows it. */
  async function openNew(item: string | null = pageItem): Promise<void> {
    try {
      const answer = await link!.request({
        type: 'open_conversation',
        channel,
        ...(item ? { item } : {}),
        ...(pageDistrict ? { district: pageDistrict } : {}),
        ...(hall ? { hall: hall.hall } : {}),
        ...(hall && ticket.value.trim() ? { ticket: ticket.value.trim() } : {}),
      });
      if (answer.type !== 'opened') return;
      conversations.value!.add({
        id: answer.conversation,
        item,
        itemName: null,
        stage: 'bot',
        openedAt: link!.serverNow(),
      });
      // Other tabs hear of it by the storage event.
      remember(local, openedKey(), answer.conversation);
      show(answer.conversation);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'lost') return; // The next welcome tries again.
      const { field } = error as { field?: string };
      if (hall && (field === 'hall' || field === 'ticket')) {
        // Before anything was said: the person can mend the ticket, somebody else the address.
        signOut();
        phase.value = 'hall';
        notice.value = { code, field };
        return;
      }
      notice.value = { code };
      if (field === 'district') {
        // The page's mistake: what holds everywhere is answered all the same.
        pageDistrict = null;
        notice.value = null;
        return openNew(item);
      }
      if (code !== 'unknown_item' || item === null) return;
      pageItem = null;
      await openNew(null);
    }
  }

  function show(id: ConversationId): void {
    conversations.value!.listen(id);
    shown.value = id;
    const remembered: Remembered = { pageItem, id };
    remember(session, shownKey(), JSON.stringify(remembered));
  }

  function heard(conversation: ConversationId, entries: readonly ThreadEntry[]): void {
    if (entries.length === 0) return;
    news.value = { conversation, entries };
    const { entries: all } = conversations.value!.thread(conversation);
    const asked = [...all].reverse().find((entry) => entry.body.type === 'text');
    const isOurs = asked?.clientId !== undefined && sentHere.has(asked.clientId);
    if (isOurs && asksForPerson(all)) {
      sentHere.delete(asked.clientId!);
      void requestHuman(conversation);
    }
  }

  const thread: ComputedRef<ThreadState> = computed(() =>
    shown.value && conversations.value ? conversations.value.thread(shown.value) : emptyThread,
  );

  // --- what the citizen does ---------------------------------------------------------------------------------------

  /** Carries something out and says what went wrong; `null`: it did. */
  async function attempt<T>(run: () => Promise<T>): Promise<T | null> {
    notice.value = null;
    try {
      return await run();
    } catch (error) {
      notice.value = { code: codeOf(error) };
      return null;
    }
  }

  function say(text: string): void {
    if (!shown.value) return;
    notice.value = null;
    if (me.value?.anonymous) noteAsked(Date.now());
    sentHere.add(
      outbox!.add({ conversation: shown.value, text: text.trim(), writtenAt: Math.round(link!.serverNow()) }),
    );
  }

  function sayFile({ id, attachment }: { id: string; attachment: Attachment }): void {
    if (!shown.value) return;
    notice.value = null;
    outbox!.add({ conversation: shown.value, text: '', attachment, writtenAt: Math.round(link!.serverNow()) }, id);
  }

  /** Sends what was chosen; before the text that belongs to it. */
  function sayChosen(): void {
    if (shown.value) for (const one of files.take(shown.value)) sayFile(one);
  }

  function discard(clientId: string): void {
    const message = outgoing.value.find((one) => one.clientId === clientId);
    outbox?.discard(clientId);
    if (message?.attachment) files.discarded(message);
  }

  function choose(entry: string, question: string): void {
    if (!shown.value) return;
    // A second press on the same question before the first has arrived.
    if (outgoing.value.some((message) => message.choose && message.entry === entry && !message.refused)) return;
    notice.value = null;
    outbox!.add({
      conversation: shown.value,
      text: question,
      entry,
      choose: true,
      writtenAt: Math.round(link!.serverNow()),
    });
  }

  /** None of the questions that 小申 offered; of a second press the same id. */
  const refusals = new Map<number, string>();
  async function refuse(on: number): Promise<void> {
    const conversation = shown.value;
    if (!conversation) return;
    const key = refusals.get(on) ?? newClientId();
    refusals.set(on, key);
    await attempt(() => link!.request({ type: 'refuse_options', conversation, clientId: key, on }));
  }

  /** Published questions near what is being typed. */
  async function suggest(text: string): Promise<readonly BotOption[]> {
    const conversation = shown.value;
    if (!conversation || linkState.value.kind !== 'open') return [];
    const answer = await link!.request({ type: 'suggest', conversation, text });
    return answer.type === 'suggestions' && conversation === shown.value ? answer.options : [];
  }

  // --- guided dialogues --------------------------------------------------------------------------------------------

  /** What is on its way in a guided dialogue: the position that it answers; 0: the begin. */
  const guideBusy = ref<number | null>(null);
  /** Of each step the same id, however often it is pressed: the link may have gone after it was taken. */
  const guideIds = new Map<string, string>();
  /** The next card of the dialogue takes the focus. */
  let guideFocus = false;

  async function guide(at: number, key: string, command: (clientId: string) => Command): Promise<void> {
    if (guideBusy.value !== null) return;
    guideBusy.value = at;
    guideFocus = true;
    const clientId = guideIds.get(key) ?? newClientId();
    guideIds.set(key, clientId);
    const answer = await attempt(() => link!.request(command(clientId)));
    if (answer) guideIds.delete(key);
    else guideFocus = false;
    guideBusy.value = null;
  }

  function startGuide(item: string): void {
    const conversation = shown.value;
    if (!conversation) return;
    if (me.value?.anonymous) noteAsked(Date.now());
    void guide(0, `${conversation}/${item}`, (clientId) => ({ type: 'start_guide', conversation, clientId, item }));
  }

  function stepGuide(on: number, step: GuideStepKind, choice?: string): void {
    const conversation = shown.value;
    if (!conversation) return;
    const key = [conversation, on, step, choice ?? ''].join('/');
    void guide(on, key, (clientId) => ({
      type: 'guide_step',
      conversation,
      clientId,
      on,
      step,
      ...(choice === undefined ? {} : { choice }),
    }));
  }

  // --- actions -----------------------------------------------------------------------------------------------------

  /** What is on its way in an action: the position that it answers; 0: the begin. */
  const actionBusy = ref<number | null>(null);
  /** Of each step the same id, however often it is pressed: nothing may be done twice. */
  const actionIds = new Map<string, string>();
  /** The next card of the action takes the focus. */
  let actionFocus = false;

  async function act(at: number, key: string, command: (clientId: string) => Command): Promise<void> {
    if (actionBusy.value !== null) return;
    actionBusy.value = at;
    actionFocus = true;
    const clientId = actionIds.get(key) ?? newClientId();
    actionIds.set(key, clientId);
    const answer = await attempt(() => link!.request(command(clientId)));
    if (answer) actionIds.delete(key);
    else actionFocus = false;
    actionBusy.value = null;
  }

  function startAction(kind: ActionKind, item: string | null): void {
    const conversation = shown.value;
    if (!conversation) return;
    if (me.value?.anonymous) noteAsked(Date.now());
    void act(0, [conversation, kind, item ?? ''].join('/'), (clientId) => ({
      type: 'start_action',
      conversation,
      clientId,
      kind,
      ...(item === null ? {} : { item }),
    }));
  }

  function stepAction(on: number, step: ActionStepKind, choice?: string): void {
    const conversation = shown.value;
    if (!conversation) return;
    void act(on, [conversation, on, step, choice ?? ''].join('/'), (clientId) => ({
      type: 'action_step',
      conversation,
      clientId,
      on,
      step,
      ...(choice === undefined ? {} : { choice }),
    }));
  }

  /** Whoever is not known says who they are: in the portal around us, or in the demo. */
  function askToSignIn(): void {
    if (host.isEmbedded) host.say({ signIn: true });
    else if (isDemoServer.value) leave();
  }

  const judge = (seq: number, solved: boolean) =>
    attempt(() => link!.request({ type: 'bot_feedback', conversation: shown.value!, seq, solved }));

  // --- speech ------------------------------------------------------------------------------------------------------

  /** Called by a word: it is listened at once, and only once. */
  let voiceWish = parameters.get('voice') === '1';

  /** What was said, for the citizen to read. Throws `TokenError`. */
  async function recognise(speech: Blob): Promise<{ text: string }> {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'audio/wav' };
    return (await ask('/api/citizen/speech', { method: 'POST', headers, body: speech })) as { text: string };
  }

  async function requestHuman(conversation: ConversationId | null = shown.value): Promise<void> {
    if (!conversation || isAsking.value) return;
    if (linkState.value.kind !== 'open') {
      asksWhenBack.value = conversation;
      return;
    }
    isAsking.value = true;
    asksWhenBack.value = null;
    notice.value = null;
    try {
      const answer = await link!.request({ type: 'request_human', conversation });
      if (answer.type === 'blocked') notice.value = { code: 'blocked', until: answer.until };
      if (answer.type !== 'out_of_hours') return;
      if (conversations.value!.thread(conversation).view?.stage === 'call_back') notice.value = { code: 'promised' };
      else {
        outOfHours.value = { conversation, opensAt: answer.opensAt, slots: answer.slots };
      }
    } catch (error) {
      if (codeOf(error) === 'lost') asksWhenBack.value = conversation;
      else notice.value = { code: codeOf(error) };
    } finally {
      isAsking.value = false;
    }
  }

  /** Waiting: back to 小申. A promised call-back: not needed any more. */
  const cancelRequest = () => attempt(() => link!.request({ type: 'cancel_request', conversation: shown.value! }));

  const finish = () => attempt(() => link!.request({ type: 'finish', conversation: shown.value! }));

  const rate = (stars: number, comment: string) =>
    attempt(() => link!.request({ type: 'rate', conversation: shown.value!, stars, comment }));

  let leftId = newClientId();
  /** Out of hours: leaves the message. Throws `RequestError`, for the form to show at the right field. */
  async function leaveMessage(text: string, phone: string, slot: Slot): Promise<Receipt | null> {
    const conversation = outOfHours.value?.conversation;
    if (!conversation) return null;
    const answer = await link!.request({
      type: 'leave_message',
      conversation,
      clientId: leftId,
      text: text.trim(),
      phone: phone.trim(),
      slot: slot.startsAt,
    });
    if (answer.type === 'blocked') {
      outOfHours.value = null;
      notice.value = { code: 'blocked', until: answer.until };
    }
    if (answer.type !== 'message_left') return null;
    leftId = newClientId();
    return { receipt: answer.receipt, slot: answer.slot };
  }

  /** Times to which the promised call-back may be moved. Throws `RequestError`, as the next one. */
  async function callBackSlots(): Promise<readonly Slot[]> {
    const answer = await link!.request({ type: 'call_back_slots', conversation: shown.value! });
    return answer.type === 'call_back_slots' ? answer.slots : [];
  }

  const moveCallBack = (slot: Slot) =>
    link!.request({ type: 'move_call_back', conversation: shown.value!, slot: slot.startsAt });

  /** The slots as they are now, after one was full. */
  async function refreshSlots(): Promise<void> {
    const conversation = outOfHours.value?.conversation;
    if (!conversation) return;
    const answer = await link!.request({ type: 'request_human', conversation });
    // Hours may have begun meanwhile: then the citizen stands in the queue, which is better.
    outOfHours.value =
      answer.type === 'out_of_hours' ? { conversation, opensAt: answer.opensAt, slots: answer.slots } : null;
  }

  function typing(isTyping: boolean): void {
    if (!shown.value || linkState.value.kind !== 'open') return;
    link!.request({ type: 'typing', conversation: shown.value, typing: isTyping }).catch(() => {});
  }

  // --- the past ----------------------------------------------------------------------------------------------------

  /** The first page of 我的咨询, or with `further` the next one. */
  async function loadPast(further = false): Promise<void> {
    const before = further ? lastOf(past.value) : undefined;
    const answer = await attempt(() => link!.request({ type: 'past_conversations', ...(before ? { before } : {}) }));
    if (answer?.type !== 'past_conversations') return;
    past.value = withPage(further ? past.value : emptyPast, answer.conversations, answer.more);
  }

  // --- the browser -------------------------------------------------------------------------------------------------

  const isVisible = ref(document.visibilityState === 'visible');
  const { signal } = listening;
  document.addEventListener(
    'visibilitychange',
    () => {
      isVisible.value = document.visibilityState === 'visible';
    },
    { signal },
  );

  const changedElsewhere = (event: StorageEvent) => {
    outbox?.changedElsewhere(event.key);
    if (event.key?.startsWith('bangban.outbox.')) window.setTimeout(() => void outbox?.flush(), ADOPT_MS);
    if (me.value && event.key === openedKey() && event.newValue) {
      const stub = { id: event.newValue, item: null, itemName: null, stage: 'bot' as const, openedAt: Date.now() };
      conversations.value?.add(stub);
    }
  };
  window.addEventListener('storage', changedElsewhere, { signal });

  // Another item has other notices.
  watch(
    () => thread.value.view?.item,
    (now, before) => {
      if (before !== undefined && now !== before) inForce.refresh();
    },
  );

  const unreadTotal = computed(() => conversations.value?.unreadTotal.value ?? 0);
  watch(unreadTotal, (unread) => host.say({ unread }));

  return {
    // State.
    phase: phase as Readonly<Ref<Phase>>,
    isDemoServer,
    config: config as Readonly<Ref<ServerConfig | null>>,
    hall,
    ticket,
    way: way as Readonly<Ref<Way | null>>,
    codeProblem: codeProblem as Readonly<Ref<ErrorCode | 'lost' | null>>,
    mayClaim: mayClaim as Readonly<Ref<boolean>>,
    /** All conversations, as far as they are loaded. */
    past: computed(() => ({
      ...past.value,
      conversations: withLive(past.value, conversations.value?.list.value ?? []),
    })),
    serverNow: () => link?.serverNow() ?? Date.now(),
    linkState: linkState as Readonly<Ref<LinkState>>,
    lostSince,
    me: me as Readonly<Ref<Extract<Identity, { type: 'citizen' }> | null>>,
    list: computed<readonly MyConversation[]>(() => conversations.value?.list.value ?? []),
    shown: shown as Readonly<Ref<ConversationId | null>>,
    thread,
    outgoing: outgoing as Readonly<Ref<readonly Outgoing[]>>,
    notice,
    /** What the administration tells everybody who asks about this. */
    notices: inForce,
    outOfHours,
    isAsking: isAsking as Readonly<Ref<boolean>>,
    asksWhenBack,
    news: news as Readonly<typeof news>,
    unreadTotal,
    unread: (id: ConversationId) => conversations.value?.unread(id) ?? 0,
    /** Is anybody looking: the panel is open and the page is in front? */
    isLookedAt: computed(() => panelOpen.value && isVisible.value),
    panelOpen: panelOpen as Readonly<Ref<boolean>>,
    isEmbedded: host.isEmbedded,
    /** The portal's page around the panel, which a clerk may be allowed to see. */
    page,
    pageItem: () => pageItem,

    files,

    // Doings.
    start,
    chooseCitizen,
    comeAnonymously,
    comeByCode,
    askForCode: () => {
      codeProblem.value = null;
      phase.value = 'code';
    },
    windowPort,
    askForWindowCode,
    channels,
    makeWay,
    endWay,
    closeWay,
    claim,
    disclaim,
    loadPast,
    leave,
    /** The page is given up: nothing goes on, nothing listens. */
    dispose: () => {
      listening.abort();
      window.clearTimeout(hostTimer);
      window.clearTimeout(renewTimer);
      signOut();
      token = '';
    },
    askAgain: () => {
      renewals = 0;
      return renew();
    },
    reload: () => location.reload(),
    reconnect: () => link?.retryNow(),
    openNew: (item?: string | null) => openNew(item),
    show,
    loadEarlier: () => (shown.value ? conversations.value!.loadEarlier(shown.value) : Promise.resolve()),
    see: (seq: number) => {
      if (shown.value) conversations.value?.see(shown.value, seq);
    },
    say,
    sayChosen,
    sayVoice: (recording: Recording) => sayFile(files.takeVoice(recording)),
    choose,
    refuse,
    suggest,
    retry: (clientId: string) => outbox?.retry(clientId),
    discard,
    judge,
    guideBusy: guideBusy as Readonly<Ref<number | null>>,
    startGuide,
    stepGuide,
    /** Will the next card of the dialogue take the focus? */
    leadsToGuide: () => guideFocus,
    takeGuideFocus: () => {
      const takes = guideFocus;
      guideFocus = false;
      return takes;
    },
    actionBusy: actionBusy as Readonly<Ref<number | null>>,
    startAction,
    stepAction,
    /** Will the next card of the action take the focus? */
    leadsToAction: () => actionFocus,
    takeActionFocus: () => {
      const takes = actionFocus;
      actionFocus = false;
      return takes;
    },
    /** Is there a way to say who one is? */
    maySignIn: computed(() => host.isEmbedded || isDemoServer.value),
    askToSignIn,
    recognise,
    isTooMany: (error: unknown) => error instanceof TokenError && error.code === 'rate_limited',
    takeVoiceWish: () => {
      const wishes = voiceWish;
      voiceWish = false;
      return wishes;
    },
    requestHuman: () => requestHuman(),
    cancelRequest,
    finish,
    rate,
    leaveMessage,
    callBackSlots,
    moveCallBack,
    refreshSlots,
    typing,
    toggleElder: () => {
      chooseElder(!elder.value);
      host.say({ elder: elder.value });
    },
    closePanel: () => host.say({ close: true }),
  };
}
