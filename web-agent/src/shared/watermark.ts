/** What the watermark says. */

/** Minute in Shanghai, e.g. `2026-11-28 12:03`: the pattern changes once a minute. */
export function watermarkTime(at: number): string {
  const local = new Date(at + 8 * 3_600_000).toISOString();
  return `${local.slice(0, 10)} ${local.slice(11, 16)}`;
}

/** The part of an id that tells staff apart; a whole one would not fit. */
export const watermarkNumber = (id: string): string => id.slice(-8);
