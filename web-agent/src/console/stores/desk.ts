/** One's own desk as the server tells it, and which conversation is open on the screen. */
import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type {
  AgentStatus,
  AgentView,
  CallBackView,
  ConversationId,
  DeskConversation,
  EventBody,
  OfferView,
  PersonView,
  WindowId,
} from '../../generated/protocol';
import { refreshClock, serverNow } from '../../shared/clock';
import { offerChange, type OfferChange } from '../logic/offer';
import { newlyNear } from '../logic/rail';
import { leftBecause, neighbour, newlyOwed, rowFacts, successor, type Leaving } from '../logic/rows';
import { useComposer } from './composer';
import { useSession } from './session';
import { useThreads } from './threads';

/** What the page tells the person once. */
export interface DeskListener {
  offer?: (change: OfferChange) => void;
  /** An offer is about to be accepted on this page: whatever follows from it is wanted here. */
  accepting?: (offer: OfferView) => void;
  /** A conversation left the desk without being closed from this page. */
  left?: (conversation: DeskConversation, why: Leaving) => void;
  /** A step of an answer that is owed was reached. */
  owed?: (conversation: DeskConversation, isLate: boolean) => void;
  /** A promised call-back of one's teams has come near. */
  callBack?: (callBack: CallBackView) => void;
  /** A colleague asks one into a virtual window. */
  invited?: (window: WindowId, by: PersonView) => void;
}

type Surroundings = Extract<EventBody, { type: 'agent_surroundings' }>;

/** The desk with what the others do now. */
function around(view: AgentView, { waiting, colleagues, callBacks }: Surroundings): AgentView {
  return {
    ...view,
    waiting,
    colleagues: colleagues ?? view.colleagues,
    callBacks: callBacks ?? view.callBacks,
  };
}

/** Two presses within this time are one (milliseconds). */
const ONE_PRESS = 600;

export const useDesk = defineStore('desk', () => {
  const session = useSession();
  const threads = useThreads();
  const composer = useComposer();
  const view = shallowRef<AgentView | null>(null);
  const current = ref<ConversationId | null>(null);
  /** The offer whose answer is under way. */
  const answering = ref<string | null>(null);
  const listeners = new Set<DeskListener>();
  const closedHere = new Set<ConversationId>();
  let leave = () => {};
  let pressedAt = 0;
  let opening: ConversationId | null = null;

  const conversations = computed(() => view.value?.conversations ?? []);
  const offer = computed<OfferView | null>(() => view.value?.offer ?? null);
  const open = computed(() => conversations.value.find((one) => one.id === current.value) ?? null);
  const facts = computed(() => {
    const known = new Map<ConversationId, ReturnType<typeof rowFacts>>();
    for (const { id } of conversations.value) {
      const thread = threads.open.get(id);
      if (thread) known.set(id, rowFacts(thread.shared));
    }
    return known;
  });
  const unread = (id: ConversationId) => facts.value.get(id)?.unread ?? 0;

  function apply(next: AgentView, isFirst: boolean) {
    refreshClock();
    const before = view.value;
    const change = offerChange(isFirst ? null : before, next);
    view.value = next;
    const ids = new Set(next.conversations.map((one) => one.id));
    for (const { id } of next.conversations) threads.begin(id);
    for (const { id, citizenName } of before?.conversations ?? []) {
      // A visitor has logged in: there is more to know of them than before.
      if (next.conversations.some((one) => one.id === id && one.citizenName !== citizenName)) threads.refresh(id);
    }
    const gone = (before?.conversations ?? []).filter((one) => !ids.has(one.id));
    const left = gone.map((one) => ({ one, why: leftBecause(threads.open.get(one.id)?.shared) }));
    for (const { one } of left) {
      threads.end(one.id);
      composer.forget(one.id);
    }
    choose(before, next);
    for (const one of isFirst ? [] : newlyOwed(before, next)) {
      const isLate = !!one.owed && serverNow() >= one.owed.dueAt;
      for (const listener of listeners) listener.owed?.(one, isLate);
    }
    for (const one of newlyNear(isFirst ? null : before, next)) {
      for (const listener of listeners) listener.callBack?.(one);
    }
    if (change.kind !== 'none') for (const listener of listeners) listener.offer?.(change);
    for (const { one, why } of left) {
      if (closedHere.delete(one.id)) continue;
      for (const listener of listeners) listener.left?.(one, why);
    }
  }

  function choose(before: AgentView | null, next: AgentView) {
    const has = (id: ConversationId | null) => next.conversations.some((one) => one.id === id);
    if (opening && has(opening)) {
      current.value = opening;
      opening = null;
    } else if (!has(current.value)) {
      const place = before?.conversations.findIndex((one) => one.id === current.value) ?? 0;
      current.value = successor(next.conversations, place, unread);
    }
  }

  function begin(me: string) {
    let isFirst = true;
    leave = session.subscribe(`agent:${me}`, {
      snapshot: (snapshot) => {
        if (snapshot.type === 'agent') apply(snapshot.view, isFirst);
        isFirst = false;
      },
      event: (body) => {
        if (body.type === 'agent') apply(body.view, false);
        if (body.type === 'window_invited') for (const listener of listeners) listener.invited?.(body.window, body.by);
        if (body.type === 'agent_surroundings' && view.value) apply(around(view.value, body), false);
      },
    });
  }

  function end() {
    leave();
    leave = () => {};
    threads.reset();
    view.value = null;
    current.value = null;
    answering.value = null;
    opening = null;
  }

  function select(id: ConversationId | null) {
    if (id === null || conversations.value.some((one) => one.id === id)) current.value = id;
  }

  const step = (by: 1 | -1) =>
    select(
      neighbour(
        conversations.value.map((one) => one.id),
        current.value,
        by,
      ),
    );

  /** Answers the open offer; a second press while the first is under way, or right after it, does nothing. */
  async function answerOffer(accept: boolean): Promise<void> {
    const asked = offer.value;
    const now = Date.now();
    if (!asked || answering.value || now - pressedAt < ONE_PRESS) return;
    pressedAt = now;
    answering.value = asked.id;
    if (accept) opening = asked.conversation;
    if (accept) for (const listener of listeners) listener.accepting?.(asked);
    try {
      await session.request({ type: accept ? 'accept_offer' : 'decline_offer', offer: asked.id });
      if (accept) select(asked.conversation);
    } catch (error) {
      opening = null;
      throw error;
    } finally {
      answering.value = null;
    }
  }

  async function setStatus(status: AgentStatus): Promise<void> {
    await session.request({ type: 'set_status', status });
  }

  function listen(listener: DeskListener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  return {
    view,
    current,
    open,
    offer,
    answering,
    conversations,
    facts,
    unread,
    begin,
    end,
    select,
    step,
    answerOffer,
    setStatus,
    listen,
    /** The conversation is being closed from this page: its leaving is no news. */
    expectClosing: (id: ConversationId) => closedHere.add(id),
    closingFailed: (id: ConversationId) => closedHere.delete(id),
  };
});
