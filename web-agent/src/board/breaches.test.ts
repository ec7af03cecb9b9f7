import { expect, it } from 'vitest';
import { Breaches } from './breaches';
import { atRisk, NOON, view } from './sample';

it('a breach is news once; those from before the page was opened are none', () => {
  const breaches = new Breaches();
  const old = atRisk('a', 90_000, 'breached', 1);
  const running = atRisk('a', 59_000, 'alerted', 2);
  const board = view({}, { atRisk: [old, running] });
  expect(breaches.look(board, NOON)).toEqual([]);
  expect(breaches.look(board, NOON + 999)).toEqual([]);
  expect(breaches.look(board, NOON + 1_000)).toEqual([running]);
  expect(breaches.look(board, NOON + 2_000)).toEqual([]);
});

it('who asks again after a breach can be news again', () => {
  const breaches = new Breaches();
  const first = atRisk('a', 90_000, 'breached', 1);
  breaches.look(view({}, { atRisk: [first] }), NOON);
  breaches.look(view({}, { atRisk: [] }), NOON);
  const again = atRisk('a', 61_000, 'breached', 1);
  expect(breaches.look(view({}, { atRisk: [again] }), NOON)).toEqual([again]);
});
