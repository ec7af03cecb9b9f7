/** 我的咨询: one's own conversations beyond the last days, page by page. Pure. */
import type { ConversationId, MyConversation, MyPast } from '../../generated/protocol';

export interface Past {
  conversations: readonly MyPast[];
  /** Are there more after the last one? */
  more: boolean;
}

export const emptyPast: Past = { conversations: [], more: false };

/** With the page that follows. What moved to another page meanwhile stands once, as it was told last. */
export function withPage(past: Past, page: readonly MyPast[], more: boolean): Past {
  const told = new Map(page.map((one) => [one.id, one]));
  const before = past.conversations.map((one) => told.get(one.id) ?? one);
  const known = new Set(before.map((one) => one.id));
  return { conversations: [...before, ...page.filter((one) => !known.has(one.id))], more };
}

/** The one after which the next page begins. */
export const lastOf = (past: Past): ConversationId | undefined => past.conversations.at(-1)?.id;

/** With what the page knows of open ones at this moment. */
export function withLive(past: Past, live: readonly MyConversation[]): readonly MyPast[] {
  const stages = new Map(live.map((one) => [one.id, one]));
  const listed = new Set(past.conversations.map((one) => one.id));
  const missing = live
    .filter((one) => !listed.has(one.id))
    .map((one): MyPast => ({
      id: one.id,
      item: one.item,
      itemName: one.itemName,
      stage: one.stage,
      outcome: null,
      stars: null,
      openedAt: one.openedAt,
      closedAt: null,
      mayContinue: true,
      receipts: [],
    }));
  const told = past.conversations.map((one) => {
    const now = stages.get(one.id);
    return now && now.stage !== one.stage ? { ...one, stage: now.stage } : one;
  });
  return [...missing, ...told].sort((one, other) => other.openedAt - one.openedAt);
}
