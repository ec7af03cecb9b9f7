/** How a deadline stands, for the glyph on the board. The server decides what is in time (`domain::task::in_time`). */
import type { TaskLine } from '../../generated/protocol';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export type DueState = 'kept' | 'late' | 'dropped' | 'overdue' | 'soon' | 'open';

/** Due within this time is due soon. */
const SOON = DAY;

export function dueState(task: Pick<TaskLine, 'state' | 'inTime' | 'dueAt'>, now: number): DueState {
  if (task.state === 'dropped') return 'dropped';
  if (task.state === 'done') return task.inTime ? 'kept' : 'late';
  if (now > task.dueAt) return 'overdue';
  return task.dueAt - now <= SOON ? 'soon' : 'open';
}

export interface Span {
  unit: 'days' | 'hours' | 'minutes';
  count: number;
}

/** The time between an instant and a deadline in its biggest unit, rounded down; at least one minute. */
export function span(from: number, to: number): Span {
  const left = Math.abs(to - from);
  if (left >= DAY) return { unit: 'days', count: Math.floor(left / DAY) };
  if (left >= HOUR) return { unit: 'hours', count: Math.floor(left / HOUR) };
  return { unit: 'minutes', count: Math.max(1, Math.floor(left / 60_000)) };
}
