/** Instants as this page shows and takes them: always Shanghai's, which has no summer time. */
import type { Language } from '../../shared/words';

const SHANGHAI = 8 * 3_600_000;

/** For `<input type="datetime-local">`: `2026-11-24T09:30`. */
export const inputText = (at: number): string => new Date(at + SHANGHAI).toISOString().slice(0, 16);

/** The instant of such a field; null: empty or not a time. */
export function instantOf(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(text)) return null;
  const at = Date.parse(`${text.slice(0, 16)}:00Z`);
  return Number.isNaN(at) ? null : at - SHANGHAI;
}

/** `2026-11-24 09:30`, the same in both languages, so that columns line up. */
export const timeStamp = (at: number): string => inputText(at).replace('T', ' ');

/** `2026-11-24 09:30:15`, where the order within a minute matters. */
export const exactTime = (at: number): string => new Date(at + SHANGHAI).toISOString().slice(0, 19).replace('T', ' ');

const units: [number, Record<Language, (count: number) => string>][] = [
  [86_400_000, { zh: (count) => `${count} 天前`, en: (count) => `${count} d ago` }],
  [3_600_000, { zh: (count) => `${count} 小时前`, en: (count) => `${count} h ago` }],
  [60_000, { zh: (count) => `${count} 分钟前`, en: (count) => `${count} min ago` }],
];

/** `3 分钟前`. */
export function ago(at: number, now: number, language: Language): string {
  for (const [span, words] of units) if (now - at >= span) return words[language](Math.floor((now - at) / span));
  return language === 'zh' ? '刚刚' : 'just now';
}

const weekdays: Record<Language, string[]> = {
  zh: ['周一', '周二', '周三', '周四', '周五', '周六', '周日'],
  en: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'],
};

/** 1 Monday .. 7 Sunday. */
export const weekdayName = (weekday: number, language: Language): string => weekdays[language][weekday - 1] ?? '';
