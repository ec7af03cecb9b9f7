/** The minute of an instant in Shanghai, e.g. `2026-11-24 09:30`; empty: never. */
export const minuteOf = (at: number | null): string =>
  at === null ? '' : new Date(at + 8 * 3_600_000).toISOString().slice(0, 16).replace('T', ' ');
