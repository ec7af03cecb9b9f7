/** The wall shows page after page of a table that is longer than its place: nobody scrolls a wall. */

/** Every page stands so long. */
export const PAGE_MS = 8_000;

export interface Page<T> {
  rows: readonly T[];
  /** From 1. */
  page: number;
  pages: number;
}

/** What stands on the wall at `now`, if `fit` rows fit. Every row comes up within `pages * PAGE_MS`. */
export function pageAt<T>(rows: readonly T[], fit: number, now: number): Page<T> {
  const size = Math.max(1, Math.floor(fit));
  const pages = Math.max(1, Math.ceil(rows.length / size));
  const index = Math.floor(now / PAGE_MS) % pages;
  return { rows: rows.slice(index * size, (index + 1) * size), page: index + 1, pages };
}
