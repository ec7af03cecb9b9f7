import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BoardLine, BoardView } from '../generated/protocol';
import {
  feedArrived,
  feedLost,
  formatRate,
  isStale,
  newFeed,
  oldestWait,
  rateTone,
  shownInstant,
  timeOfDay,
  uncovered,
  waitTone,
  whenShort,
} from './model';

const shanghai = (text: string) => Date.parse(`${text}+08:00`);
const line = (over: Partial<BoardLine> = {}): BoardLine => ({
  waiting: 0,
  oldestAskedAt: null,
  hourHits: 0,
  hourDecided: 0,
  todayHits: 0,
  todayDecided: 0,
  todayShortAbandons: 0,
  staffed: 0,
  free: 0,
  busy: 0,
  onBreak: 0,
  serving: 0,
  callBacks: 0,
  ...over,
});

describe('within-minute rate', () => {
  it.each([
    [0, 0, '—'],
    [0, 3, '0.0%'],
    [1, 3, '33.3%'],
    [2, 3, '66.6%'],
    [3, 3, '100.0%'],
    [9999, 10000, '99.9%'],
  ])('%i of %i is %s', (hits, decided, text) => expect(formatRate(hits, decided)).toBe(text));

  it('never says 100 % while somebody was missed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 1e6 }), (missed, hits) => {
        expect(formatRate(hits, hits + missed)).not.toBe('100.0%');
      }),
    );
  });

  it.each([
    [0, 0, 'plain'],
    [10, 10, 'ok'],
    [9, 10, 'risk'],
    [899, 1000, 'breach'],
    [0, 1, 'breach'],
  ])('%i of %i is toned %s', (hits, decided, tone) => expect(rateTone(hits, decided)).toBe(tone));
});

describe('oldest wait', () => {
  it('runs with the clock and is absent when nobody waits', () => {
    expect(oldestWait(line(), 5)).toBeNull();
    expect(oldestWait(line({ oldestAskedAt: 1_000 }), 43_500)).toBe(42_500);
  });
  it('is not negative when the page is a little behind the server', () =>
    expect(oldestWait(line({ oldestAskedAt: 1_000 }), 990)).toBe(0));
  it.each([
    [null, 'plain'],
    [29_999, 'ok'],
    [30_000, 'risk'],
    [60_000, 'risk'],
    [60_001, 'breach'],
  ])('%s ms is toned %s', (wait, tone) => expect(waitTone(wait)).toBe(tone));
});

it('counts the items that nobody serves', () => {
  const view = { itemsCovered: 58, itemsTotal: 60 } as BoardView;
  expect(uncovered(view)).toBe(2);
  expect(uncovered({ ...view, itemsCovered: 60 })).toBe(0);
});

describe('staleness', () => {
  it('is not claimed before there are numbers', () => expect(isStale(newFeed(0), 60_000)).toBe(false));

  it('begins more than 5 s after the link was lost, counted from the first loss', () => {
    const lost = feedLost(feedLost(feedArrived(), 1_000), 4_000);
    expect(isStale(lost, 6_000)).toBe(false);
    expect(isStale(lost, 6_001)).toBe(true);
  });

  it('ends only when state arrives', () => {
    expect(isStale(feedArrived(), 1e9)).toBe(false);
  });

  it('freezes running spans at the loss', () => {
    const lost = feedLost(feedArrived(), 1_000);
    expect(shownInstant(lost, 5_000)).toBe(5_000);
    expect(shownInstant(lost, 9_000)).toBe(1_000);
  });
});

describe('times', () => {
  it('are of Shanghai', () => expect(timeOfDay(shanghai('2026-11-24T00:05:09'))).toBe('00:05:09'));
  it('carry the date only on another day', () => {
    const now = shanghai('2026-11-24T10:00:00');
    expect(whenShort(shanghai('2026-11-24T11:30:00'), now)).toBe('11:30');
    expect(whenShort(shanghai('2026-11-25T09:00:00'), now)).toBe('11/25 09:00');
  });
});
