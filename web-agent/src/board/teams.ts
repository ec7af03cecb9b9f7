/** Which team breaks its minute next: the state of each team and the orders of the table. */
import type { AtRisk, BoardLine, BoardView, TeamView, Timestamp } from '../generated/protocol';
import { slaState } from '../shared/sla';

/**
 * Worst first. `breached`, `at_risk`: somebody who waits; `unstaffed`: in service hours nobody is at work, or somebody
 * waits for nobody; `no_free`: all are busy or on a break, so the next one would wait; `resting`: out of hours, nobody
 * at work and nobody waiting.
 */
export const teamStates = ['breached', 'at_risk', 'unstaffed', 'no_free', 'ok', 'resting'] as const;
export type TeamState = (typeof teamStates)[number];

/** Always shown together with a word and a colour. */
export const teamGlyph: Record<TeamState, string> = {
  breached: '■',
  at_risk: '▲',
  unstaffed: '◇',
  no_free: '◆',
  ok: '●',
  resting: '○',
};

export interface TeamRow {
  /** The team, or the unit. */
  team: TeamView;
  line: BoardLine;
  state: TeamState;
  /** A unit: the sum over its teams and those of the units below it. */
  isUnit: boolean;
}

/** The promise of rule 1, for the moments in which the server's list gives no better example. */
const PROMISE_MS = 60_000;

/** A column by which the table can be sorted. */
export type Column =
  | 'state'
  | 'name'
  | 'waiting'
  | 'oldestAskedAt'
  | 'hourRate'
  | 'todayRate'
  | 'todayShortAbandons'
  | 'staffed'
  | 'free'
  | 'busy'
  | 'onBreak'
  | 'serving'
  | 'callBacks';
export type Direction = 'ascending' | 'descending';

/** The teams in catalogue order, each with its state at `now`. */
export function teamRows(view: BoardView, now: Timestamp): TeamRow[] {
  return view.teams.map(({ team, line }) => ({
    team,
    line,
    state: teamState(view, team, line, now),
    isUnit: false,
  }));
}

/** The units right below the board's own, each as bad as the worst of its teams, and the teams that are in none of them. */
export function unitRows(view: BoardView, now: Timestamp): TeamRow[] {
  const teams = teamRows(view, now);
  const states = new Map(teams.map(({ team, state }) => [team.code, state]));
  const worst = (codes: readonly string[]) => {
    const places = codes.map((code) => teamStates.indexOf(states.get(code) ?? 'resting'));
    return teamStates[Math.min(...places, teamStates.length - 1)]!;
  };
  const units = view.units.map(({ unit, line, teams: codes }) => ({
    team: unit,
    line,
    state: worst(codes),
    isUnit: true,
  }));
  const inUnits = new Set(view.units.flatMap((one) => one.teams));
  return [...units, ...teams.filter(({ team }) => !inUnits.has(team.code))];
}

function teamState(view: BoardView, team: TeamView, line: BoardLine, now: Timestamp): TeamState {
  const waiting = waitingState(view, team, line, now);
  if (waiting) return waiting;
  if (line.staffed === 0) return view.inService || line.waiting > 0 ? 'unstaffed' : 'resting';
  return line.free === 0 ? 'no_free' : 'ok';
}

function waitingState(view: BoardView, team: TeamView, line: BoardLine, now: Timestamp): 'breached' | 'at_risk' | null {
  if (line.oldestAskedAt === null) return null;
  // The server's own entry knows its step; between its steps, and beyond its 50 entries, the clock is counted here.
  const listed = view.atRisk.filter((one) => one.teamName === team.name).map((one) => one.clock);
  const example = listed[0] ?? view.atRisk[0]?.clock;
  const promise = example ? example.dueAt - example.askedAt : PROMISE_MS;
  const oldest = {
    askedAt: line.oldestAskedAt,
    dueAt: line.oldestAskedAt + promise,
    answeredAt: null,
    step: 'running' as const,
  };
  const states = [...listed, oldest].map((clock) => slaState(clock, now));
  if (states.includes('breached')) return 'breached';
  return states.includes('at_risk') ? 'at_risk' : null;
}

const rate = (hits: number, decided: number) => (decided > 0 ? hits / decided : null);

/** What a row is sorted by; `null` (no such number) goes last in both directions. */
function key(row: TeamRow, column: Column): number | null {
  const { line } = row;
  switch (column) {
    case 'state':
      return -teamStates.indexOf(row.state);
    case 'name':
      return null;
    case 'hourRate':
      return rate(line.hourHits, line.hourDecided);
    case 'todayRate':
      return rate(line.todayHits, line.todayDecided);
    case 'oldestAskedAt':
      // "Descending" = longest first.
      return line.oldestAskedAt === null ? null : -line.oldestAskedAt;
    default:
      return line[column];
  }
}

/** Does `one` need the supervisor more than `other`? Ties: who waits longest, then how many, then catalogue order. */
function byUrgency(one: TeamRow, other: TeamRow): number {
  const asked = (row: TeamRow) => row.line.oldestAskedAt ?? Number.MAX_SAFE_INTEGER;
  return (
    teamStates.indexOf(one.state) - teamStates.indexOf(other.state) ||
    asked(one) - asked(other) ||
    other.line.waiting - one.line.waiting
  );
}

/** The rows in the chosen order; equal ones by urgency. Leaves `rows` as it is. */
export function sortedRows(rows: readonly TeamRow[], column: Column, direction: Direction): TeamRow[] {
  const sign = direction === 'ascending' ? 1 : -1;
  return [...rows].sort((one, other) => {
    if (column === 'name') return sign * one.team.name.localeCompare(other.team.name, 'zh-CN') || byUrgency(one, other);
    const [a, b] = [key(one, column), key(other, column)];
    if (a === null || b === null) return Number(a === null) - Number(b === null) || byUrgency(one, other);
    return sign * (a - b) || byUrgency(one, other);
  });
}

/** Those at risk, the one with the least time left first. */
export function byTimeLeft(atRisk: readonly AtRisk[]): AtRisk[] {
  return [...atRisk].sort((one, other) => one.clock.dueAt - other.clock.dueAt);
}
