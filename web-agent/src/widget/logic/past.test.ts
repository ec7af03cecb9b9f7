import { expect, test } from 'vitest';
import type { MyConversation, MyPast } from '../../generated/protocol';
import { emptyPast, lastOf, withLive, withPage } from './past';

const one = (id: string, openedAt: number, more: Partial<MyPast> = {}): MyPast => ({
  id,
  item: 'a',
  itemName: '居住证办理',
  stage: 'closed',
  outcome: 'solved',
  stars: null,
  openedAt,
  closedAt: openedAt + 1,
  mayContinue: false,
  receipts: [],
  ...more,
});
const live = (id: string, openedAt: number, stage: MyConversation['stage']): MyConversation => ({
  id,
  item: 'a',
  itemName: '居住证办理',
  stage,
  openedAt,
});
const ids = (list: readonly MyPast[]) => list.map(({ id }) => id).join(' ');

test('pages follow one another, and what comes twice stands once as it is now', () => {
  expect(lastOf(emptyPast)).toBeUndefined();
  const first = withPage(emptyPast, [one('c', 30), one('b', 20)], true);
  expect(lastOf(first)).toBe('b');
  const second = withPage(first, [one('b', 20, { stars: 5 }), one('a', 10)], false);
  expect(ids(second.conversations)).toBe('c b a');
  expect(second.conversations[1]?.stars).toBe(5);
  expect(second.more).toBe(false);
});

test('what is open is shown as the page knows it, and what was opened a moment ago is there', () => {
  const past = withPage(emptyPast, [one('b', 20, { stage: 'bot', outcome: null }), one('a', 10)], false);
  const shown = withLive(past, [live('n', 40, 'bot'), live('b', 20, 'serving')]);
  expect(ids(shown)).toBe('n b a');
  expect(shown.map(({ stage }) => stage)).toEqual(['bot', 'serving', 'closed']);
});
