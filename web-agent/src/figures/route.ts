/** What the page shows, as its address says it: can be sent to colleagues, survives a reload, and the browser's back works. */
import type { CallPart, Channel, Figure, FigureGroup } from '../generated/protocol';
import type { Part } from './api';

export type Screen =
  'overview' | 'rows' | 'history' | 'calls' | 'requests' | 'legs' | 'agents' | 'quality' | 'written' | 'report';

/** Which rows; the names are the server's. */
export interface Filter {
  from: string;
  to: string;
  unit?: string;
  team?: string;
  item?: string;
  channel?: Channel;
  agent?: string;
  /** Hour of the day. */
  hour?: string;
}

export interface Route {
  screen: Screen;
  filter: Filter;
  by: FigureGroup;
  /** The figure of the chart, or behind which the rows are. */
  figure: Figure;
  part: Part;
  /** Of the history; of `quality`: which inspection; of `requests` and `legs`: the party who was rung or spoke. */
  conversation: string;
  /** Of `legs`: whose legs; all of them if nothing is said. */
  who?: CallPart | undefined;
  /** Of `legs`: the latest call first, not the worst. */
  isLatest?: boolean | undefined;
}

const CALL_PARTS: readonly CallPart[] = ['caller', 'operator', 'professional', 'guest', 'supervisor'];

const SCREENS: Screen[] = [
  'overview',
  'rows',
  'history',
  'calls',
  'requests',
  'legs',
  'agents',
  'quality',
  'written',
  'report',
];
const NARROWER = ['unit', 'team', 'item', 'channel', 'agent', 'hour'] as const;
const DAY_MS = 86_400_000;
const dayFormat = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'Asia/Shanghai',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
});

/** `2026-11-24` in Shanghai. */
export const dayOf = (at: number): string => dayFormat.format(at);
/** So many days later. */
export const plusDays = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
export const daysBetween = (from: string, to: string): number =>
  Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS);

export type Preset = 'today' | 'yesterday' | 'week' | 'month' | 'lastMonth';
export const PRESETS: Preset[] = ['today', 'yesterday', 'week', 'month', 'lastMonth'];

/** The days of a preset, seen from today. */
export function preset(which: Preset, today: string): { from: string; to: string } {
  const first = `${today.slice(0, 8)}01`;
  switch (which) {
    case 'today':
      return { from: today, to: today };
    case 'yesterday':
      return { from: plusDays(today, -1), to: plusDays(today, -1) };
    case 'week':
      return { from: plusDays(today, -6), to: today };
    case 'month':
      return { from: first, to: today };
    case 'lastMonth': {
      const last = plusDays(first, -1);
      return { from: `${last.slice(0, 8)}01`, to: last };
    }
  }
}

const isDay = (text: string | null): text is string =>
  /^2\d{3}-\d\d-\d\d$/.test(text ?? '') && !Number.isNaN(Date.parse(text ?? ''));

/** `fallback`: where nothing, or nonsense, is said. */
export function readRoute(hash: string, fallback: Route): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [name = '', conversation = ''] = path.split('/');
  const said = new URLSearchParams(query);
  const screen = SCREENS.find((one) => one === name) ?? fallback.screen;
  const filter: Filter = { from: fallback.filter.from, to: fallback.filter.to };
  const [from, to] = [said.get('from'), said.get('to')];
  if (isDay(from) && isDay(to) && from <= to) [filter.from, filter.to] = [from, to];
  for (const field of NARROWER) {
    const value = said.get(field);
    // An empty item means: of none.
    if (value !== null && (value !== '' || field === 'item')) Object.assign(filter, { [field]: value });
  }
  return {
    screen,
    filter,
    by: (said.get('by') as FigureGroup | null) ?? fallback.by,
    figure: (said.get('figure') as Figure | null) ?? fallback.figure,
    part: (said.get('part') as Part | null) ?? 'of',
    conversation: decodeURIComponent(conversation),
    who: CALL_PARTS.find((one) => one === said.get('who')),
    isLatest: said.get('order') === 'latest' || undefined,
  };
}

export function writeRoute(route: Route): string {
  const said = new URLSearchParams({ from: route.filter.from, to: route.filter.to });
  for (const field of NARROWER) {
    const value = route.filter[field];
    if (value !== undefined) said.set(field, value);
  }
  if (route.screen === 'calls') said.set('by', route.by);
  if (route.screen === 'overview' || route.screen === 'rows') {
    said.set('by', route.by);
    said.set('figure', route.figure);
  }
  if (['rows', 'requests', 'legs'].includes(route.screen) && route.part !== 'of') said.set('part', route.part);
  if (route.screen === 'legs' && route.who) said.set('who', route.who);
  if (route.screen === 'legs' && route.isLatest) said.set('order', 'latest');
  const mayHaveOne = ['quality', 'requests', 'legs'].includes(route.screen);
  const hasOne = route.screen === 'history' || (mayHaveOne && route.conversation !== '');
  const path = hasOne ? `${route.screen}/${encodeURIComponent(route.conversation)}` : route.screen;
  return `#/${path}?${said}`;
}
