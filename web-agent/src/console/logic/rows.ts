/** What the list shows of a conversation, and which one comes next. */
import type { AgentView, ConversationId, DeskConversation, ThreadEntry, Timestamp } from '../../generated/protocol';
import type { ThreadState } from '../../shared/thread';
import { isSaid } from './lines';

export interface RowFacts {
  /** Messages of the citizen that no agent has seen. */
  unread: number;
  /** The last message of citizen or agent; system lines and 小申 do not count. */
  last: ThreadEntry | null;
  /** Since when the citizen waits for a reply; null: the agent spoke last. */
  owedSince: Timestamp | null;
}

const isCitizenText = (entry: ThreadEntry) => entry.from.type === 'citizen' && isSaid(entry);
const isAgentText = (entry: ThreadEntry) => entry.from.type === 'agent' && isSaid(entry);

export function rowFacts(thread: ThreadState): RowFacts {
  const seen = thread.view?.agentRead ?? 0;
  let unread = 0;
  let last: ThreadEntry | null = null;
  let owedSince: Timestamp | null = null;
  // Of a page in the middle the request itself is not loaded.
  let isWithHuman = thread.more && !!thread.view?.clock;
  for (const entry of thread.entries) {
    const { type } = entry.body;
    // What was said to 小申 before does not wait for a human.
    if (type === 'human_requested' || type === 'call_back_due') {
      isWithHuman = true;
      owedSince = entry.at;
    }
    if (isCitizenText(entry)) {
      last = entry;
      if (entry.seq > seen) unread += 1;
      if (isWithHuman) owedSince ??= entry.at;
    } else if (isAgentText(entry)) {
      last = entry;
      isWithHuman = true;
      owedSince = null;
    }
  }
  return { unread, last, owedSince };
}

/** Those of which a further step of an owed answer was reached. */
export function newlyOwed(before: AgentView | null, next: AgentView): DeskConversation[] {
  const known = new Map((before?.conversations ?? []).map((one) => [one.id, one.owed]));
  return next.conversations.filter(({ id, owed }) => {
    const last = known.get(id);
    return owed && (owed.no !== last?.no || owed.step > last.step);
  });
}

/** Why a conversation is not on the desk any more. */
export type Leaving = { kind: 'closed' } | { kind: 'taken_over'; by: string } | { kind: 'lost' };

/** As the last lines of its thread tell, which come before the desk without it. */
export function leftBecause(thread: ThreadState | undefined): Leaving {
  for (const { body } of [...(thread?.entries ?? [])].reverse()) {
    if (body.type === 'closed') return { kind: 'closed' };
    if (body.type === 'transferred') return { kind: 'taken_over', by: body.name };
    if (body.type === 'text') break;
  }
  return { kind: 'lost' };
}

/** The neighbour of `current`, around the ends; the first one if `current` is not in the list. */
export function neighbour(
  list: readonly ConversationId[],
  current: ConversationId | null,
  step: 1 | -1,
): ConversationId | null {
  if (list.length === 0) return null;
  const at = current === null ? -1 : list.indexOf(current);
  if (at < 0) return list[step === 1 ? 0 : list.length - 1]!;
  return list[(at + step + list.length) % list.length]!;
}

/**
 * Whom to turn to when `gone` has left the list: who is still owed a first response, else who has written, else whoever
 * stands where `gone` stood. `list` is the list of now, `place` the place of `gone` before.
 */
export function successor(
  list: readonly DeskConversation[],
  place: number,
  unread: (id: ConversationId) => number,
): ConversationId | null {
  const owed = list.find((one) => one.clock.answeredAt === null && one.stage !== 'wrap_up');
  const wrote = list.find((one) => unread(one.id) > 0);
  const there = list[Math.min(Math.max(place, 0), list.length - 1)];
  return (owed ?? wrote ?? there)?.id ?? null;
}
