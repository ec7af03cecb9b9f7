/**
 * What the board shows, computed from the server's state and an instant. No clock, no network, no DOM.
 * Definitions of the figures: DOMAIN "Definitions of the published figures"; the wording is in `words.ts`.
 */
import type { BoardLine, BoardView } from '../generated/protocol';

/** Milliseconds without a confirmed link after which the numbers are called old. */
export const STALE_AFTER = 5_000;

/** Shown in place of a rate or span that has no basis. */
export const NONE = '—';

/** How good or bad a number is; always shown by a word or glyph too, never by colour alone. */
export type Tone = 'plain' | 'ok' | 'risk' | 'breach';

/** A rate as a text with one decimal. Rounds down: 100.0 % is written only if nobody was missed. */
export function formatRate(hits: number, decided: number): string {
  if (decided === 0) return NONE;
  return `${(Math.floor((hits * 1000) / decided) / 10).toFixed(1)}%`;
}

/**
 * Tone of a within-minute rate. Rule 1 promises the minute to everybody, so one miss is no longer `ok`;
 * below nine in ten it is `breach`, the level that rule 4 asks of the resolution rate.
 */
export function rateTone(hits: number, decided: number): Tone {
  if (decided === 0) return 'plain';
  if (hits === decided) return 'ok';
  return hits * 10 >= decided * 9 ? 'risk' : 'breach';
}

/** Milliseconds that the longest waiting person has waited; `null` when nobody waits. Never negative. */
export function oldestWait(line: BoardLine, now: number): number | null {
  return line.oldestAskedAt === null ? null : Math.max(0, now - line.oldestAskedAt);
}

/** Tone of a wait against the steps of rule 1: 30 s warn, 60 s breach. */
export function waitTone(wait: number | null): Tone {
  if (wait === null) return 'plain';
  if (wait > 60_000) return 'breach';
  return wait >= 30_000 ? 'risk' : 'ok';
}

/** Rule 4: the items that nobody can serve now; 0 is the only good number. */
export function uncovered(view: BoardView): number {
  return Math.max(0, view.itemsTotal - view.itemsCovered);
}

/** What is known about the connection that feeds the board. */
export interface Feed {
  /** Has any state arrived yet? */
  known: boolean;
  /** Since when (page clock, ms) the state is not confirmed by a live link; `null`: it is. */
  unconfirmedSince: number | null;
}

/** Before the first state. */
export function newFeed(now: number): Feed {
  return { known: false, unconfirmedSince: now };
}

/** The link left `online`. A link that is already unconfirmed keeps its first instant. */
export function feedLost(feed: Feed, now: number): Feed {
  return feed.unconfirmedSince === null ? { ...feed, unconfirmedSince: now } : feed;
}

/**
 * State arrived. Only this confirms: a link that is open again but has not brought the state yet
 * would show numbers from before the gap as if they were of now.
 */
export function feedArrived(): Feed {
  return { known: true, unconfirmedSince: null };
}

/** Are the numbers on the screen old? (Nothing is old before there are numbers.) */
export function isStale(feed: Feed, now: number): boolean {
  return feed.known && feed.unconfirmedSince !== null && now - feed.unconfirmedSince > STALE_AFTER;
}

/**
 * The instant that running spans are shown for: now, but while stale the instant at which the link was lost,
 * because a countdown that runs on would claim to know that nobody answered meanwhile.
 *
 * `now` and the feed are of the same clock.
 */
export function shownInstant(feed: Feed, now: number): number {
  return isStale(feed, now) ? (feed.unconfirmedSince as number) : now;
}

const dayTime = new Intl.DateTimeFormat('zh-CN', {
  timeZone: 'Asia/Shanghai',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const day = new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Shanghai', dateStyle: 'short' });
const monthDay = new Intl.DateTimeFormat('zh-CN', { timeZone: 'Asia/Shanghai', month: 'numeric', day: 'numeric' });

/** `HH:MM:SS` in Shanghai. */
export function timeOfDay(at: number): string {
  return dayTime.format(at);
}

/** `HH:MM` in Shanghai, with the date (`11/27`) before it if that is not the day of `now`. */
export function whenShort(at: number, now: number): string {
  const time = dayTime.format(at).slice(0, 5);
  return day.format(at) === day.format(now) ? time : `${monthDay.format(at)} ${time}`;
}
