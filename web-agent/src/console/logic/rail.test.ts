import { expect, test } from 'vitest';
import type { CallBackView } from '../../generated/protocol';
import { newlyNear, railItems } from './rail';
import { conversation, desk, MINUTE } from './testing';

const near = (id: string, startsAt: number): CallBackView => ({
  conversation: id,
  citizenName: '李*',
  itemName: null,
  teamName: '居住与户籍',
  slot: { startsAt, endsAt: startsAt + 30 * MINUTE },
});

test('what is late stands first, then what runs out, flags and call-backs, each by its time', () => {
  const view = desk({
    conversations: [
      conversation('cv_flag', { flag: { raisedAt: 5_000, seenBy: '吴督导' } }),
      conversation('cv_next', { owed: { no: 1, askedAt: 0, dueAt: 200_000, step: 1 } }),
      conversation('cv_late', { owed: { no: 2, askedAt: 0, dueAt: 90_000, step: 2 } }),
      conversation('cv_first', { clock: { askedAt: 40_000, dueAt: 100_001, answeredAt: null, step: 'alerted' } }),
      conversation('cv_new', { clock: { askedAt: 99_000, dueAt: 159_000, answeredAt: null, step: 'running' } }),
    ],
    callBacks: [near('cv_b', 400_000), near('cv_a', 300_000)],
  });
  expect(railItems(view, 100_000).map((item) => [item.kind, item.key])).toEqual([
    ['late', 'owed-cv_late'],
    ['soon_late', 'owed-cv_first'],
    ['soon_late', 'owed-cv_next'],
    ['flag', 'flag-cv_flag'],
    ['call_back', 'call-cv_a'],
    ['call_back', 'call-cv_b'],
  ]);
  // The millisecond at which it is due.
  expect(railItems(view, 100_001)[1]!.kind).toBe('late');
});

test('nothing to say is an empty list', () => {
  expect(railItems(desk({ conversations: [conversation('cv_1')] }), 0)).toEqual([]);
});

test('a call-back is news once, and again when it was moved', () => {
  const before = desk({ callBacks: [near('cv_a', 300_000)] });
  const next = desk({ callBacks: [near('cv_a', 300_000), near('cv_b', 300_000)] });
  expect(newlyNear(null, next)).toEqual([]);
  expect(newlyNear(before, next).map((one) => one.conversation)).toEqual(['cv_b']);
  expect(newlyNear(before, desk({ callBacks: [near('cv_a', 900_000)] }))).toHaveLength(1);
});
