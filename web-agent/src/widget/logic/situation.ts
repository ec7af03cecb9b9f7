/** From a conversation's state to what the page offers. Pure; the words are elsewhere. */
import type {
  HandOverReason,
  ConversationView,
  MyConversation,
  ThreadEntry,
  Timestamp,
} from '../../generated/protocol';

/** A citizen who writes again within this time continues the conversation (DOMAIN, definitions). */
export const CONTINUE_WITHIN = 7 * 86_400_000;

/** The waiting for a human. */
export interface Queue {
  /** `offered`: somebody is looking at the request. */
  phase: 'waiting' | 'offered';
  /** Place in the line, 1 = next; `null`: not known yet. */
  position: number | null;
  waitedMs: number;
  /** Left of the promise (rule 1); 0 once it is over. */
  leftMs: number;
  /** Length of the promise. */
  promiseMs: number;
  /** The promise is broken: say so and promise nothing more. */
  isOver: boolean;
}

export interface Situation {
  /** Is there a button for a human, and is one waiting or serving already? */
  human: 'available' | 'asked' | 'serving' | 'none';
  queue: Queue | null;
  /** `open`: writes on; `reopens`: writing continues a closed conversation; `over`: closed too long ago. */
  writing: 'open' | 'reopens' | 'over';
  /** The citizen may end it. */
  mayFinish: boolean;
  /** 小申's options may be chosen and its answers judged. */
  botListens: boolean;
  /** A human served and it is closed: stars, also to change them. */
  mayRate: boolean;
  /** Stars given since the last closing. */
  stars: number | null;
}

const lastOf = (entries: readonly ThreadEntry[], type: ThreadEntry['body']['type']) =>
  [...entries].reverse().find((entry) => entry.body.type === type);

/** When it was closed, if the thread tells. */
export const closedAt = (entries: readonly ThreadEntry[]): Timestamp | null => lastOf(entries, 'closed')?.at ?? null;

/** Stars since the last closing: a continued conversation is rated anew. */
export function starsOf(entries: readonly ThreadEntry[]): number | null {
  for (const { body } of [...entries].reverse()) {
    if (body.type === 'rated') return body.stars;
    if (body.type === 'closed') return null;
  }
  return null;
}

function queueOf(view: ConversationView, now: Timestamp): Queue | null {
  if ((view.stage !== 'waiting' && view.stage !== 'offered') || !view.clock) return null;
  const { askedAt, dueAt, step, answeredAt } = view.clock;
  // A conversation whose agent was lost after the first answer waits again, but owes no minute any more.
  const isOwed = answeredAt === null;
  return {
    phase: view.stage,
    position: view.position,
    waitedMs: Math.max(0, now - askedAt),
    leftMs: isOwed ? Math.max(0, dueAt - now) : 0,
    promiseMs: dueAt - askedAt,
    isOver: isOwed && (step === 'breached' || now >= dueAt),
  };
}

export function situation(view: ConversationView, entries: readonly ThreadEntry[], now: Timestamp): Situation {
  const ended = closedAt(entries);
  const inTime = ended === null || now - ended <= CONTINUE_WITHIN;
  const isClosed = view.stage === 'closed';
  const human = (): Situation['human'] => {
    switch (view.stage) {
      case 'bot':
      case 'call_back':
        return 'available';
      case 'waiting':
      case 'offered':
        return 'asked';
      case 'serving':
      case 'wrap_up':
        return 'serving';
      case 'closed':
        return inTime ? 'available' : 'none';
    }
  };
  return {
    human: human(),
    queue: queueOf(view, now),
    writing: isClosed ? (inTime ? 'reopens' : 'over') : 'open',
    mayFinish: !isClosed && view.stage !== 'wrap_up',
    botListens: view.stage === 'bot',
    mayRate: isClosed && inTime && view.agent !== null && view.outcome !== null,
    stars: isClosed ? starsOf(entries) : null,
  };
}

/** With these 小申 asks for a person at once, and says nothing else that would lead to one. */
export const asking: ReadonlySet<HandOverReason> = new Set(['wants_person', 'not_understood', 'approval']);

/** Asking for a person in words ("转人工") queues only in service hours; else the page has to ask and offer a message. */
export function asksForPerson(entries: readonly ThreadEntry[]): boolean {
  for (const { body } of [...entries].reverse()) {
    if (body.type === 'bot_hand_over') return asking.has(body.reason);
    // Something newer was said, or the wish was taken back.
    if (body.type === 'text' || body.type === 'request_cancelled') return false;
  }
  return false;
}

/** What this tab showed last, so that a reload comes back to it. */
export interface Remembered {
  /** The item of the page, `null` without one. */
  pageItem: string | null;
  id: string;
}

/** The conversation to come back to, or `null`: open (or find) the one of the page's item. */
export function comeBackTo(
  mine: readonly MyConversation[],
  pageItem: string | null,
  remembered: Remembered | null,
): string | null {
  if (!remembered || remembered.pageItem !== pageItem) return null;
  return mine.some((conversation) => conversation.id === remembered.id) ? remembered.id : null;
}

/** Another conversation in which a human waits for the citizen, or the citizen for a human. */
export function callingElsewhere(mine: readonly MyConversation[], shown: string | null): MyConversation | null {
  const rank: Partial<Record<MyConversation['stage'], number>> = { serving: 0, offered: 1, waiting: 2 };
  const calling = mine.filter((other) => other.id !== shown && rank[other.stage] !== undefined);
  return calling.sort((one, other) => (rank[one.stage] ?? 0) - (rank[other.stage] ?? 0))[0] ?? null;
}
