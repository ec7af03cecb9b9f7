/** Rules of answers that are put into the composer. */
import type { KnowledgeHit, ThreadEntry } from '../../generated/protocol';

/** The entry whose answer the text is, word for word; undefined as soon as the agent has changed it. */
export const entryOf = (text: string, known: Iterable<KnowledgeHit>): KnowledgeHit | undefined => {
  const written = text.trim();
  if (!written) return undefined;
  for (const hit of known) if (hit.answer.trim() === written) return hit;
  return undefined;
};

/** The text with `piece` put in place of the selection, on lines of its own, and where the caret goes. */
export function insertedAt(text: string, from: number, to: number, piece: string): { text: string; caret: number } {
  const before = text.slice(0, from);
  const after = text.slice(to);
  const head = before && !before.endsWith('\n') ? `${before}\n` : before;
  const tail = after && !after.startsWith('\n') ? `\n${after}` : after;
  if (!before.trim() && !after.trim()) return { text: piece, caret: piece.length };
  return { text: head + piece + tail, caret: (head + piece).length };
}

/**
 * Has the agent just typed the key that opens the search? Chinese input methods make `、` of it, which begins no
 * sentence. Only at the begin of a line, so that `和/或` can be written.
 */
export function opensSearch(before: string, after: string, caret: number): boolean {
  if (after.length !== before.length + 1) return false;
  const typed = after[caret - 1];
  if (typed !== '/' && typed !== '、') return false;
  const isInserted = after.slice(0, caret - 1) + after.slice(caret) === before;
  return isInserted && (caret === 1 || after[caret - 2] === '\n');
}

/** What the citizen wrote last; empty: nothing, or not in words. */
export function lastAsked(entries: readonly ThreadEntry[]): string {
  const asked = [...entries].reverse().find(({ from, body }) => from.type === 'citizen' && body.type === 'text');
  return asked?.body.type === 'text' ? asked.body.text : '';
}

/** What may be written back: the last answer that an agent has given in their own words, and what it answered. */
export function solvedBy(entries: readonly ThreadEntry[]): { question: string; answer: string } | null {
  for (let at = entries.length - 1; at >= 0; at--) {
    const { from, body } = entries[at]!;
    if (from.type !== 'agent' || body.type !== 'text' || body.entry !== undefined) continue;
    const question = lastAsked(entries.slice(0, at)).replace(/\s+/g, ' ').trim();
    return { question: question.slice(0, 200), answer: body.text.trim() };
  }
  return null;
}
