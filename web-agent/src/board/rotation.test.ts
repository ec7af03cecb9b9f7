import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PAGE_MS, pageAt } from './rotation';

it('everything fits: one page that never turns', () => {
  expect(pageAt([1, 2, 3], 3, 0)).toEqual({ rows: [1, 2, 3], page: 1, pages: 1 });
  expect(pageAt([1, 2, 3], Infinity, 9 * PAGE_MS)).toEqual({ rows: [1, 2, 3], page: 1, pages: 1 });
  expect(pageAt([], 3, 0)).toEqual({ rows: [], page: 1, pages: 1 });
});

it('every row comes up exactly once in one turn, and never more than fit', () => {
  fc.assert(
    fc.property(fc.nat(80), fc.integer({ min: 0, max: 12 }), fc.nat(1e9), (count, fit, start) => {
      const rows = Array.from({ length: count }, (_, i) => i);
      const { pages } = pageAt(rows, fit, start);
      const turn = Array.from({ length: pages }, (_, i) => pageAt(rows, fit, start + i * PAGE_MS).rows);
      expect(turn.flat().sort((a, b) => a - b)).toEqual(rows);
      for (const page of turn) expect(page.length).toBeLessThanOrEqual(Math.max(1, fit));
    }),
  );
});
