/**
 * A short memory of the board, collected by this page since it was opened. The server keeps no such series, so a reload
 * begins anew, and a time without link leaves a hole instead of a line that nobody measured.
 */
import type { BoardView, Timestamp } from '../generated/protocol';

/** One point for so long. */
export const STEP_MS = 5_000;
/** So many points at most: half an hour. */
export const POINTS = 360;

export interface TrendPoint {
  /** Begin of the step. */
  at: Timestamp;
  /** The most people who waited at a time within the step. */
  waiting: number;
  /** Within-minute rate of the last hour in 0..1 at the end of the step; `null`: nothing was decided. */
  rate: number | null;
}

/** The series with what is true at `at`. */
export function withSample(points: readonly TrendPoint[], at: Timestamp, view: BoardView): readonly TrendPoint[] {
  const { waiting, hourHits, hourDecided } = view.total;
  const begin = Math.floor(at / STEP_MS) * STEP_MS;
  const rate = hourDecided > 0 ? hourHits / hourDecided : null;
  const last = points.at(-1);
  if (last && begin < last.at) return points;
  if (last?.at === begin) {
    if (waiting <= last.waiting && rate === last.rate) return points;
    return [...points.slice(0, -1), { at: begin, waiting: Math.max(waiting, last.waiting), rate }];
  }
  return [...points, { at: begin, waiting, rate }].slice(-POINTS);
}

/** Runs of points without a hole between them, for `value`; points without a value end a run. */
export function runs(
  points: readonly TrendPoint[],
  value: (point: TrendPoint) => number | null,
): { at: Timestamp; value: number }[][] {
  const all: { at: Timestamp; value: number }[][] = [];
  let before: Timestamp | undefined;
  for (const point of points) {
    const y = value(point);
    if (y !== null) {
      // One lost step is the jitter of a timer, not a lost link.
      if (before === undefined || point.at - before > 2 * STEP_MS) all.push([]);
      all.at(-1)?.push({ at: point.at, value: y });
    }
    before = y === null ? undefined : point.at;
  }
  return all;
}

/** A picture's coordinates: `x` grows with time, `y` downwards. */
export interface Frame {
  from: Timestamp;
  to: Timestamp;
  /** Value at the top edge; the bottom is 0. */
  top: number;
  width: number;
  height: number;
}

/** SVG path of a run as steps: a value holds until the next one. */
export function stepPath(run: readonly { at: Timestamp; value: number }[], frame: Frame, area = false): string {
  const x = (at: Timestamp) => round(((at - frame.from) / Math.max(1, frame.to - frame.from)) * frame.width);
  const y = (value: number) => round(frame.height - (value / frame.top) * frame.height);
  const first = run[0];
  const last = run.at(-1);
  if (!first || !last) return '';
  const end = Math.min(frame.to, last.at + STEP_MS);
  const line = run.map((point, i) =>
    i === 0 ? `M${x(point.at)} ${y(point.value)}` : `H${x(point.at)}V${y(point.value)}`,
  );
  const path = `${line.join('')}H${x(end)}`;
  return area ? `${path}V${frame.height}H${x(first.at)}Z` : path;
}

const round = (n: number) => Math.round(n * 10) / 10;

/** A top edge that is easy to read: at least 5, then 1, 2 or 5 times a power of ten. */
export function niceTop(highest: number): number {
  if (highest <= 5) return 5;
  const power = 10 ** Math.floor(Math.log10(highest));
  return ([1, 2, 5, 10].find((n) => n * power >= highest) ?? 10) * power;
}
