/** What the list of call-backs says of one. */
import type { OwedCallView } from '../generated/protocol';
import { timeOfDay } from '../shared/text';

const MINUTE = 60_000;

export interface DueWords {
  due: (time: string) => string;
  tomorrow: (time: string) => string;
  atOnce: string;
  overdue: string;
}

const dayOf = (at: number) => new Date(at).toDateString();

/** Until when, or that it is late. What the end of a server broke off is to be called back at once. */
export function dueText(words: DueWords, { since, dueAt }: Pick<OwedCallView, 'since' | 'dueAt'>, now: number): string {
  if (dueAt - since < MINUTE) return `▲ ${words.atOnce}`;
  if (now >= dueAt) return `■ ${words.overdue}`;
  return dayOf(dueAt) === dayOf(now) ? words.due(timeOfDay(dueAt)) : words.tomorrow(timeOfDay(dueAt));
}
