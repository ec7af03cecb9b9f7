/** What concerns an agent now, in one short list: answers that run out, flags, near call-backs. Pure. */
import type { AgentView, CallBackView, ConversationId, Timestamp } from '../../generated/protocol';

export type RailItem = {
  /** Stays the same as long as it is the same matter. */
  key: string;
  citizenName: string;
  itemName: string | null;
} & (
  | { kind: 'late' | 'soon_late'; conversation: ConversationId; dueAt: Timestamp }
  | { kind: 'flag'; conversation: ConversationId; raisedAt: Timestamp; seenBy: string | null }
  | { kind: 'call_back'; startsAt: Timestamp; endsAt: Timestamp; teamName: string }
);

const rank: Record<RailItem['kind'], number> = { late: 0, soon_late: 1, flag: 2, call_back: 3 };

/** The instant by which those of one kind are ordered. */
const instant = (item: RailItem): Timestamp => {
  if (item.kind === 'flag') return item.raisedAt;
  return item.kind === 'call_back' ? item.startsAt : item.dueAt;
};

/** The most urgent first, of these the one whose time comes first. */
export function railItems(view: AgentView, now: Timestamp): RailItem[] {
  const items: RailItem[] = [];
  for (const { id, citizenName, itemName, clock, owed, flag } of view.conversations) {
    const about = { conversation: id, citizenName, itemName };
    // A first answer that is owed is one from its warning on; a next one from the step on that its policy says.
    const isOwed = clock.answeredAt === null && clock.step !== 'running';
    const dueAt = isOwed ? clock.dueAt : owed?.dueAt;
    if (dueAt !== undefined) {
      items.push({ ...about, key: `owed-${id}`, kind: now >= dueAt ? 'late' : 'soon_late', dueAt });
    }
    if (flag) items.push({ ...about, key: `flag-${id}`, kind: 'flag', raisedAt: flag.raisedAt, seenBy: flag.seenBy });
  }
  for (const { conversation, citizenName, itemName, teamName, slot } of view.callBacks) {
    items.push({ key: `call-${conversation}`, kind: 'call_back', citizenName, itemName, teamName, ...slot });
  }
  return items.sort((a, b) => rank[a.kind] - rank[b.kind] || instant(a) - instant(b));
}

/** Call-backs that have come near since; what was near when the page was opened is no news. */
export function newlyNear(before: AgentView | null, next: AgentView): CallBackView[] {
  if (!before) return [];
  const known = new Set(before.callBacks.map((one) => `${one.conversation} ${one.slot.startsAt}`));
  return next.callBacks.filter((one) => !known.has(`${one.conversation} ${one.slot.startsAt}`));
}
