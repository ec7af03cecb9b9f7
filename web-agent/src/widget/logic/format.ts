/** Times as a citizen reads them. Always Shanghai's: the promises are made there, wherever the reader is. */
import type { Slot, Timestamp } from '../../generated/protocol';
import type { Language } from '../../shared/words';

const ZONE = 'Asia/Shanghai';
const DAY = 86_400_000;
const SHANGHAI_OFFSET = 8 * 3_600_000;

const locale = (language: Language) => (language === 'en' ? 'en-GB' : 'zh-CN');
const formats = new Map<string, Intl.DateTimeFormat>();

function format(language: Language, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${language} ${name}`;
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat(locale(language), { timeZone: ZONE, ...options });
  formats.set(key, made);
  return made;
}

/** Number of the day in Shanghai, which has no summer time. */
export const dayNumber = (at: Timestamp): number => Math.floor((at + SHANGHAI_OFFSET) / DAY);

/** `14:03`. */
export const clockTime = (at: Timestamp, language: Language): string =>
  format(language, 'time', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at);

const relativeWords: Record<Language, Record<number, string>> = {
  zh: { [-1]: '昨天', 0: '今天', 1: '明天', 2: '后天' },
  en: { [-1]: 'Yesterday', 0: 'Today', 1: 'Tomorrow' },
};

/** `今天`, `明天`, else `11月25日 周三`. */
export function dayLabel(at: Timestamp, now: Timestamp, language: Language): string {
  return relativeWords[language][dayNumber(at) - dayNumber(now)] ?? date(at, language);
}

/** `11月25日周三`. */
export const date = (at: Timestamp, language: Language): string =>
  format(language, 'date', { month: 'long', day: 'numeric', weekday: 'short' }).format(at);

/** `明天（11月25日周三）`, so that nobody has to guess which day a promise means. */
export function fullDay(at: Timestamp, now: Timestamp, language: Language): string {
  const relative = relativeWords[language][dayNumber(at) - dayNumber(now)];
  if (relative === undefined) return date(at, language);
  return language === 'en' ? `${relative}, ${date(at, language)}` : `${relative}（${date(at, language)}）`;
}

/** `11月25日周三 14:03`, for an instant that may be far away. */
export const dayAndTime = (at: Timestamp, language: Language): string =>
  `${date(at, language)} ${clockTime(at, language)}`;

/** `09:00–09:30`. */
export const slotTimes = (slot: Slot, language: Language): string =>
  `${clockTime(slot.startsAt, language)}–${clockTime(slot.endsAt, language)}`;

/** `11月25日周三 09:00–09:30`, for a line that is read again on other days. */
export const dayAndSlot = (slot: Slot, language: Language): string =>
  `${date(slot.startsAt, language)} ${slotTimes(slot, language)}`;

/** `明天（11月25日周三）09:00–09:30`. */
export const slotText = (slot: Slot, now: Timestamp, language: Language): string =>
  `${fullDay(slot.startsAt, now, language)} ${slotTimes(slot, language)}`;

/** Slots under the day that they are on, in their order. */
export function slotsByDay(slots: readonly Slot[]): { day: number; slots: Slot[] }[] {
  const days: { day: number; slots: Slot[] }[] = [];
  for (const slot of slots) {
    const day = dayNumber(slot.startsAt);
    const last = days.at(-1);
    if (last?.day === day) last.slots.push(slot);
    else days.push({ day, slots: [slot] });
  }
  return days;
}
