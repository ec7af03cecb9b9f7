/** How figures become text. */
import type { Figure, FigureDefinition, FigureNumber } from '../generated/protocol';
import type { Language } from '../shared/words';

/** Shown where there is no number: nothing of nothing is no rate. */
export const NONE = '—';

export type Numbers = Partial<Record<Figure, FigureNumber>>;

/** Percent, rounded down to a tenth: "100%" is said only when nothing was missed. */
export function percentText(hits: number, of: number): string {
  if (of <= 0) return NONE;
  const permille = Math.floor((hits * 1_000) / of);
  return permille === 1_000 ? '100%' : `${(permille / 10).toFixed(1)}%`;
}

/** `7.3 s`, `4:05`, `1:02:03`. */
export function spanText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NONE;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms % 1_000 === 0 ? 0 : 1)} s`;
  const seconds = Math.round(ms / 1_000);
  const two = (n: number) => String(n).padStart(2, '0');
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds >= 3_600 ? `${Math.floor(seconds / 3_600)}:${rest}` : rest.replace(/^0/, '');
}

const plain = new Intl.NumberFormat('en-US');
export const countText = (n: number): string => plain.format(n);

/** Numerator ÷ denominator, or what is counted. */
export function definitionText({ numerator, denominator }: FigureDefinition, language: Language): string {
  return denominator[language] ? `${numerator[language]} ÷ ${denominator[language]}` : numerator[language];
}

/** The number itself: percent, milliseconds, a mean, or how many; `null`: there is none. */
export function valueOf(definition: FigureDefinition, number: FigureNumber | undefined): number | null {
  const { of = 0, hits = 0, sum = 0 } = number ?? {};
  if (definition.shape === 'count') return of;
  if (of === 0) return null;
  if (definition.shape === 'rate') return (hits / of) * 100;
  return sum / of;
}

/** As people read it. */
export function valueText(definition: FigureDefinition, number: FigureNumber | undefined): string {
  const { of = 0, hits = 0, sum = 0 } = number ?? {};
  switch (definition.shape) {
    case 'count':
      return countText(of);
    case 'rate':
      return percentText(hits, of);
    case 'span':
      return of === 0 ? NONE : spanText(sum / of);
    case 'mean':
      return of === 0 ? NONE : (sum / of).toFixed(2);
  }
}

/** What it is made of, beside the number; empty: the number says it. */
export function partsText(definition: FigureDefinition, number: FigureNumber | undefined): string {
  const { of = 0, hits = 0, sum = 0 } = number ?? {};
  if (definition.shape === 'rate') return `${countText(hits)} / ${countText(of)}`;
  if (definition.shape === 'mean') return `${countText(sum)} / ${countText(of)}`;
  return definition.shape === 'span' ? `n = ${countText(of)}` : '';
}

/** More than the time before: points of percent, of a span and a count percent. `null`: nothing to compare with. */
export function change(
  definition: FigureDefinition,
  now: FigureNumber | undefined,
  before: FigureNumber | undefined,
): number | null {
  const [a, b] = [valueOf(definition, now), valueOf(definition, before)];
  if (a === null || b === null) return null;
  if (definition.shape === 'rate' || definition.shape === 'mean') return a - b;
  return b === 0 ? null : ((a - b) / b) * 100;
}

export function changeText(definition: FigureDefinition, by: number | null, points: string): string {
  if (by === null) return NONE;
  const sign = by > 0 ? '+' : by < 0 ? '−' : '±';
  const size = Math.abs(by);
  if (definition.shape === 'rate') return `${sign}${size.toFixed(1)} ${points}`;
  if (definition.shape === 'mean') return `${sign}${size.toFixed(2)}`;
  return `${sign}${size.toFixed(1)}%`;
}

/** Figures of which less is better; of the others a change up is good, and of mere counts it is neither. */
const LESS: Figure[] = [
  'short_abandons',
  'answered_late',
  'left_late',
  'wait',
  'missed',
  'declined',
  'accept_time',
  'reopened',
  'abandoned',
  'bad_ratings',
];
const NEITHER: Figure[] = ['requests', 'conversations', 'out_of_scope', 'abuse', 'messages', 'handling'];

export function tone(figure: Figure, by: number | null): 'good' | 'bad' | 'plain' {
  if (by === null || Math.abs(by) < 0.05 || NEITHER.includes(figure)) return 'plain';
  return by > 0 === LESS.includes(figure) ? 'bad' : 'good';
}

const format = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Shanghai', hourCycle: 'h23', ...options });
const time = format({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
const minute = format({ hour: '2-digit', minute: '2-digit' });
const day = format({ year: 'numeric', month: '2-digit', day: '2-digit' });

/** `2026-11-24 09:00:00` in Shanghai. */
export const instantText = (at: number): string => `${day.format(at)} ${time.format(at)}`;
/** `09:00` in Shanghai. */
export const minuteText = (at: number): string => minute.format(at);
