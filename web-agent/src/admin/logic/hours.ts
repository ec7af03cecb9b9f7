/** Service hours: periods of a working day, own or inherited from the unit above. */
import type { Hours } from '../api';

/** Minutes since midnight, 24:00 included. */
export interface Period {
  from: number;
  to: number;
}

/** `09:00` → 540; `24:00` → 1440; null: not a time. */
export function minutesOf(text: string): number | null {
  const match = /^(\d{2}):(\d{2})$/.exec(text.trim());
  if (!match) return null;
  const [hour, minute] = [Number(match[1]), Number(match[2])];
  const minutes = hour * 60 + minute;
  return minute < 60 && minutes <= 1440 ? minutes : null;
}

export const timeText = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

/** `09:00-11:30`; null: not a period, or one that does not end after it begins. */
export function parsePeriod(text: string): Period | null {
  const [from, to, more] = text.split('-').map(minutesOf);
  if (from === undefined || to === undefined || more !== undefined || from === null || to === null) return null;
  return from < to ? { from, to } : null;
}

export const periodText = ({ from, to }: Period): string => `${timeText(from)}-${timeText(to)}`;

/** What is wrong with the periods: the position of the first bad one, and why. */
export function periodsProblem(texts: readonly string[]): { at: number; why: 'none' | 'malformed' | 'overlap' } | null {
  if (texts.length === 0) return { at: 0, why: 'none' };
  let end = 0;
  for (const [at, text] of texts.entries()) {
    const period = parsePeriod(text);
    if (!period) return { at, why: 'malformed' };
    if (period.from < end) return { at, why: 'overlap' };
    end = period.to;
  }
  return null;
}

export const isAlways = (hours: Hours): hours is { always: true } => 'always' in hours;

/** The day's periods; round the clock is one of them. Malformed ones are left out. */
export const periodsOf = (hours: Hours): Period[] =>
  isAlways(hours)
    ? [{ from: 0, to: 1440 }]
    : hours.periods.map(parsePeriod).filter((period): period is Period => period !== null);

/** Something that has hours and something above it. */
export interface Node {
  code: string;
  name: string;
  parent: string | null;
  hours: Hours | null;
}

/** The nearest hours at or above `code`; null: none up to the top, so those of the configuration hold. */
export function hoursAt(code: string | null, nodes: ReadonlyMap<string, Node>): { hours: Hours; from: Node } | null {
  const seen = new Set<string>();
  for (let node = code === null ? undefined : nodes.get(code); node;) {
    if (node.hours) return { hours: node.hours, from: node };
    seen.add(node.code);
    // A circle is refused by the server; a page that shows one must still not hang.
    node = node.parent === null || seen.has(node.parent) ? undefined : nodes.get(node.parent);
  }
  return null;
}
