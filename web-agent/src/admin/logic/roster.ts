/** The week of a team as a grid. Who is on duty when, and when nobody is, the server says: it knows the calendar. */
import type { Duty, Gap } from '../api';

const DAY = 86_400_000;
const SHANGHAI = 8 * 3_600_000;

/** `2026-11-24`, a day of the Shanghai calendar. */
export type DayText = string;

const utc = (day: DayText): number => Date.parse(`${day}T00:00:00Z`);
const dayText = (ms: number): DayText => new Date(ms).toISOString().slice(0, 10);

/** Is it a day? An address may say anything. */
export const isDay = (text: string): boolean => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(utc(text));

/** 1 Monday .. 7 Sunday. */
export const weekday = (day: DayText): number => new Date(utc(day)).getUTCDay() || 7;

export const addDays = (day: DayText, count: number): DayText => dayText(utc(day) + count * DAY);

/** Monday to Sunday of the week that the day lies in. */
export function weekOf(day: DayText): DayText[] {
  const monday = addDays(day, 1 - weekday(day));
  return Array.from({ length: 7 }, (_, at) => addDays(monday, at));
}

/** The day in Shanghai at an instant. */
export const dayAt = (at: number): DayText => dayText(at + SHANGHAI);

/** `09:00`; an end at midnight is 24:00 of the day before. */
export function clockOf(at: number, day: DayText): string {
  const minutes = Math.round((at + SHANGHAI - utc(day)) / 60_000);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(Math.floor(minutes / 60) % 24 || (minutes >= 1440 && minutes % 1440 === 0 ? 24 : 0))}:${two(minutes % 60)}`;
}

export interface Row {
  agent: string;
  /** Seven lists, Monday first, each by its begin. */
  days: Duty[][];
}

/** One line for each member of the team, and for whoever else has a duty in it this week. A duty stands where it begins. */
export function rows(duties: readonly Duty[], members: readonly string[], week: readonly DayText[]): Row[] {
  const lines = new Map(members.map((agent) => [agent, week.map((): Duty[] => [])]));
  for (const duty of [...duties].sort((a, b) => a.from - b.from)) {
    const days = lines.get(duty.agent) ?? week.map((): Duty[] => []);
    lines.set(duty.agent, days);
    days[week.indexOf(dayAt(duty.from))]?.push(duty);
  }
  return [...lines].map(([agent, days]) => ({ agent, days }));
}

/** Gaps under the day on which they begin. */
export const gapsByDay = (gaps: readonly Gap[], week: readonly DayText[]): Gap[][] =>
  week.map((day) => gaps.filter((gap) => dayAt(gap.from) === day));

/** A press of an arrow key in a grid of so many rows and columns; null: not one. */
export function moved(
  key: string,
  [row, column]: readonly [number, number],
  [rowCount, columnCount]: readonly [number, number],
): [number, number] | null {
  const clamp = (value: number, count: number) => Math.min(Math.max(value, 0), Math.max(count - 1, 0));
  const steps: Record<string, [number, number]> = {
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    Home: [row, 0],
    End: [row, columnCount - 1],
  };
  const to = steps[key];
  return to ? [clamp(to[0], rowCount), clamp(to[1], columnCount)] : null;
}
