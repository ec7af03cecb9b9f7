/** What the screen of duty makes of the server's answers; no clock, no network. */
import type { DutyHole, DutyWeek } from '../../generated/protocol';
import type { Roster } from '../api';
import { addDays, clockOf, dayAt, isDay, weekday, weekOf, type DayText } from '../logic/roster';
import { weekdayName } from '../logic/time';

/** Who answers for what: an item, or a unit. */
export interface Whom {
  kind: 'item' | 'unit';
  code: string;
  /** Code; null: the city, or not known. */
  district: string | null;
}

/** `item:residence-permit`, `unit:hrss@xuhui` */
export const whomText = ({ kind, code, district }: Whom): string =>
  `${kind}:${code}${district === null ? '' : `@${district}`}`;

export function readWhom(text: string | undefined): Whom | null {
  const match = /^(item|unit):([a-z0-9._-]+)(?:@([a-z0-9._-]+))?$/.exec(text ?? '');
  return match ? { kind: match[1] as Whom['kind'], code: match[2]!, district: match[3] ?? null } : null;
}

/** The week of an address, or of today. */
export const weekOfRoute = (text: string | undefined, today: DayText): DayText[] =>
  weekOf(text !== undefined && isDay(text) ? text : today);

/** The grid shows one line for each person; what it knows of a week is the roster of a team. */
export const rosterOf = ({ days, duties, holes }: DutyWeek): Roster => ({ days, duties, holes });

/** Who has a duty in the week, by name; those who left their team do not fill a gap and come last. */
export function people({ duties }: DutyWeek): string[] {
  const seen = new Map<string, { name: string; isMember: boolean }>();
  for (const { agent, name, isMember } of duties) {
    seen.set(agent, { name, isMember: isMember || (seen.get(agent)?.isMember ?? false) });
  }
  return [...seen]
    .sort(([, a], [, b]) => Number(b.isMember) - Number(a.isMember) || a.name.localeCompare(b.name, 'zh-CN'))
    .map(([agent]) => agent);
}

/** What a new duty of somebody on a day begins with. A single day: what repeats is a matter of the team's roster. */
export const preset = (agent: string, team: string, day: DayText) => ({
  agent,
  team,
  weekdays: [weekday(day)],
  validFrom: day,
  validTo: day,
});

/** Teams whose single duties of the week can be copied. */
export function copyable({ teams, duties }: DutyWeek): string[] {
  const withDuties = new Set(duties.filter(({ isSingle }) => isSingle).map(({ team }) => team));
  return teams.filter(({ code, mayChange }) => mayChange && withDuties.has(code)).map(({ code }) => code);
}

export interface HoleDay {
  day: DayText;
  from: string;
  to: string;
}

export interface HoleGroup {
  key: string;
  whom: Whom;
  /** 徐汇区 医保 */
  name: string;
  hasNumbers: boolean;
  holes: HoleDay[];
}

/** Holes under the department that they are of; those that no telephone would answer either come first. */
export function holeGroups(holes: readonly DutyHole[], city: string): HoleGroup[] {
  const groups = new Map<string, HoleGroup>();
  for (const hole of holes) {
    const key = `${hole.district ?? ''}/${hole.line}`;
    const group = groups.get(key) ?? {
      key,
      whom: { kind: 'unit', code: hole.line, district: hole.district },
      name: `${hole.districtName ?? city} · ${hole.lineName}`,
      hasNumbers: hole.hasNumbers,
      holes: [],
    };
    const day = dayAt(hole.from);
    group.holes.push({ day, from: clockOf(hole.from, day), to: clockOf(hole.to, day) });
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => Number(a.hasNumbers) - Number(b.hasNumbers));
}

/** 周二 14:00–15:00; days with the same gaps are told together: 周一至周五. */
export function holeTexts(holes: readonly HoleDay[], language: 'zh' | 'en'): string[] {
  const byHours = new Map<string, DayText[]>();
  for (const { day, from, to } of holes) {
    const hours = `${from}–${to}`;
    byHours.set(hours, [...(byHours.get(hours) ?? []), day]);
  }
  const name = (day: DayText) => weekdayName(weekday(day), language);
  return [...byHours].map(([hours, days]) => {
    const isRun = days.length > 2 && days.every((day, at) => at === 0 || day === addDays(days[at - 1]!, 1));
    const last = days.at(-1)!;
    const when = isRun
      ? `${name(days[0]!)}${language === 'zh' ? '至' : ' to '}${name(last)}`
      : days.map(name).join(language === 'zh' ? '、' : ', ');
    return `${when} ${hours}`;
  });
}
