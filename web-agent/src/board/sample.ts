/** Views for tests. */
import type { AtRisk, BoardLine, BoardView, SlaStep, Timestamp } from '../generated/protocol';

/** 2026-11-24 12:00 in Shanghai. */
export const NOON = 1_795_492_800_000;

export const line = (change: Partial<BoardLine> = {}): BoardLine => ({
  waiting: 0,
  oldestAskedAt: null,
  hourHits: 0,
  hourDecided: 0,
  todayHits: 0,
  todayDecided: 0,
  todayShortAbandons: 0,
  staffed: 1,
  free: 1,
  busy: 0,
  onBreak: 0,
  serving: 0,
  callBacks: 0,
  ...change,
});

/** Somebody of a team who asked `agoMs` before noon. */
export const atRisk = (teamName: string, agoMs: number, step: SlaStep = 'warned', n = 1): AtRisk => ({
  conversation: `cv_${n}`,
  citizenName: '张*',
  itemName: '居住证办理',
  teamName,
  clock: { askedAt: NOON - agoMs, dueAt: NOON - agoMs + 60_000, answeredAt: null, step },
  stage: 'waiting',
  agentName: null,
});

export const view = (
  teams: Record<string, BoardLine> = {},
  change: Partial<Omit<BoardView, 'teams'>> = {},
  asOf: Timestamp = NOON,
): BoardView => ({
  asOf,
  inService: true,
  serviceChangesAt: NOON + 3_600_000,
  total: line(),
  units: [],
  path: [{ code: 'sh', name: '上海市' }],
  teams: Object.entries(teams).map(([name, one]) => ({ team: { code: name, name }, line: one })),
  channels: [],
  atRisk: [],
  itemsCovered: 40,
  itemsTotal: 40,
  itemsRostered: 40,
  ...change,
});
