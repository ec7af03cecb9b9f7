/** Small text rules. */
import { lengthOf, preciseTime, timeOfDay, two } from '../../shared/text';

export { lengthOf, preciseTime, timeOfDay };

/** Longest message, in Unicode characters as the server counts them. */
export const MAX_TEXT = 4_000;

/** Left over after `text` is sent; negative: too long. White space around does not count. */
export const roomLeft = (text: string): number => MAX_TEXT - lengthOf(text.trim());

/** The local day, comparable. */
export function dayOf(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `2026-11-23 09:00–09:30`. */
export const slotOf = ({ startsAt, endsAt }: { startsAt: number; endsAt: number }): string =>
  `${dayOf(startsAt)} ${timeOfDay(startsAt)}–${timeOfDay(endsAt)}`;

/** `2026年11月23日 星期一`, or `Monday, November 23, 2026`. */
export const longDay = (at: number, language: 'zh' | 'en'): string =>
  new Date(at).toLocaleDateString(language === 'zh' ? 'zh-CN' : 'en-GB', {
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    weekday: 'long',
  });
