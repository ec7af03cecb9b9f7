/** How numbers of the board become text. */
import type { BoardLine, BoardView, Timestamp } from '../generated/protocol';
import { slaState, type SlaState } from '../shared/sla';

/** Shown where there is no number to show. */
export const NONE = '—';

/**
 * The within-minute rate in percent, rounded down to a tenth: "100%" is said only when nothing was missed. `—` while
 * nothing is decided, because nothing of nothing is no rate.
 */
export function rateText(hits: number, decided: number): string {
  if (decided <= 0) return NONE;
  const permille = Math.floor((hits * 1_000) / decided);
  return permille === 1_000 ? '100%' : `${(permille / 10).toFixed(1)}%`;
}

/** A span as `00:37` or `1:02:03`, rounded down: what is shown has really passed. */
export function elapsedText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (n: number) => String(n).padStart(2, '0');
  const text = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds >= 3_600 ? `${Math.floor(seconds / 3_600)}:${text}` : text;
}

/** How many of those at risk are in which state at `now`. */
export function riskCounts(view: BoardView, now: Timestamp): { atRisk: number; breached: number } {
  const states = view.atRisk.map((one) => slaState(one.clock, now));
  const count = (wanted: SlaState) => states.filter((state) => state === wanted).length;
  return { atRisk: count('at_risk'), breached: count('breached') };
}

/** The server lists so many at most; beyond that a count is "at least". */
export const AT_RISK_LIMIT = 50;

export const misses = (hits: number, decided: number): number => Math.max(0, decided - hits);

/** Has every high-frequency item a staffed team? An empty catalogue is not covered. */
export const isCovered = (view: BoardView): boolean => view.itemsTotal > 0 && view.itemsCovered >= view.itemsTotal;

/** Parts of the staff bar, in percent of those at work; all 0 while nobody is. */
export function staffShares(line: BoardLine): { free: number; busy: number; onBreak: number } {
  const share = (n: number) => (line.staffed > 0 ? (n / line.staffed) * 100 : 0);
  return { free: share(line.free), busy: share(line.busy), onBreak: share(line.onBreak) };
}

const shanghai = { timeZone: 'Asia/Shanghai', hourCycle: 'h23' } as const;
const timeFormat = new Intl.DateTimeFormat('en-GB', {
  ...shanghai,
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const minuteFormat = new Intl.DateTimeFormat('en-GB', { ...shanghai, hour: '2-digit', minute: '2-digit' });
const dayFormat = new Intl.DateTimeFormat('en-CA', { ...shanghai, year: 'numeric', month: '2-digit', day: '2-digit' });

/** `15:04:05` in Shanghai. */
export const timeText = (at: Timestamp): string => timeFormat.format(at);
/** `15:04` in Shanghai. */
export const minuteText = (at: Timestamp): string => minuteFormat.format(at);
/** `2026-11-23` in Shanghai. */
export const dayText = (at: Timestamp): string => dayFormat.format(at);

/** How far a day is from today, both in Shanghai: 0 today, 1 tomorrow. */
export function daysAhead(at: Timestamp, now: Timestamp): number {
  return Math.round((Date.parse(dayText(at)) - Date.parse(dayText(now))) / 86_400_000);
}
