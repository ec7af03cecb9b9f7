import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { daysAhead, elapsedText, isCovered, misses, rateText, riskCounts, staffShares, timeText } from './figures';
import { atRisk, line, NOON, view } from './sample';

describe('the within-minute rate', () => {
  it.each([
    [0, 0, '—'],
    [0, 7, '0.0%'],
    [2, 3, '66.6%'],
    [63, 64, '98.4%'],
    [999, 1_000, '99.9%'],
    [99_999, 100_000, '99.9%'],
    [64, 64, '100%'],
  ])('%i of %i is %s', (hits, decided, text) => expect(rateText(hits, decided)).toBe(text));

  it('is never shown better than it is, and 100% only when nothing was missed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.nat(), (decided, n) => {
        const hits = n % (decided + 1);
        const shown = Number(rateText(hits, decided).slice(0, -1));
        // A tenth of a percent is what rounding down may take.
        expect(shown).toBeLessThanOrEqual((hits / decided) * 100 + 1e-9);
        expect(shown).toBeGreaterThan((hits / decided) * 100 - 0.1 - 1e-9);
        expect(rateText(hits, decided) === '100%').toBe(misses(hits, decided) === 0);
      }),
    );
  });
});

describe('elapsed time', () => {
  it.each([
    [-5, '00:00'],
    [999, '00:00'],
    [37_000, '00:37'],
    [59_999, '00:59'],
    [3_599_999, '59:59'],
    [3_723_000, '1:02:03'],
  ])('%i ms is %s', (ms, text) => expect(elapsedText(ms)).toBe(text));
});

it('those at risk are counted by their state at the moment, not by the view that brought them', () => {
  const board = view({}, { atRisk: [atRisk('a', 59_000, 'alerted', 1), atRisk('a', 31_000, 'warned', 2)] });
  expect(riskCounts(board, NOON)).toEqual({ atRisk: 2, breached: 0 });
  expect(riskCounts(board, NOON + 1_000)).toEqual({ atRisk: 1, breached: 1 });
  expect(riskCounts(board, NOON + 29_000)).toEqual({ atRisk: 0, breached: 2 });
});

it('coverage is complete only if the catalogue has items and none is missing', () => {
  expect(isCovered(view({}, { itemsCovered: 40, itemsTotal: 40 }))).toBe(true);
  expect(isCovered(view({}, { itemsCovered: 39, itemsTotal: 40 }))).toBe(false);
  expect(isCovered(view({}, { itemsCovered: 0, itemsTotal: 0 }))).toBe(false);
});

it('the staff bar is the whole of those at work, and empty when nobody is', () => {
  expect(staffShares(line({ staffed: 4, free: 1, busy: 2, onBreak: 1 }))).toEqual({ free: 25, busy: 50, onBreak: 25 });
  expect(staffShares(line({ staffed: 0, free: 0 }))).toEqual({ free: 0, busy: 0, onBreak: 0 });
});

it('times and days are those of Shanghai wherever the screen stands', () => {
  expect(timeText(NOON)).toBe('12:00:00');
  expect(timeText(NOON - 12 * 3_600_000)).toBe('00:00:00');
  expect(daysAhead(NOON + 11.9 * 3_600_000, NOON)).toBe(0);
  expect(daysAhead(NOON + 12 * 3_600_000, NOON)).toBe(1);
  expect(daysAhead(NOON + 72 * 3_600_000, NOON)).toBe(3);
});
