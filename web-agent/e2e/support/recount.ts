/**
 * Every number of the board, counted again from the rows of the database: by DOMAIN's definitions and the migrations,
 * not by the server's code. What no row says (who is connected) the story says.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Server } from './server';

/** The numbers of one line, as rows and screen have them. */
export interface Line {
  waiting: number;
  /** ISO instant or null: when the one who has waited longest asked. */
  oldestAskedAt: number | null;
  hour: string;
  today: string;
  shortAbandons: number;
  staffed: number;
  free: number;
  busy: number;
  onBreak: number;
  serving: number;
  callBacks: number;
}

export interface Count {
  total: Line;
  /** By team code. */
  teams: Record<string, Line>;
  covered: string;
  /** Ids of those who have waited for half of their minute or more, oldest first. */
  atRisk: string[];
}

/** What the story knows. */
export interface Known {
  /** Staff numbers whose console is connected, or was less than a minute ago. */
  connected: readonly string[];
  /** The break that a missed offer costs, `sla.missed_break_seconds`. */
  missedBreakMs: number;
}

/** Runs SQL on the live database without a chance to change it. */
export function rows<T>(server: Server, sql: string): T[] {
  const out = execFileSync('sqlite3', ['-readonly', '-json', '-cmd', '.timeout 5000', server.database, sql], {
    encoding: 'utf8',
  });
  return out.trim() === '' ? [] : (JSON.parse(out) as T[]);
}

interface Item {
  team: string;
  highFrequency: boolean;
}

const demo = (name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../../../config/demo', name), 'utf8'));
const items = demo('items.json') as Item[];
const teams = (demo('staff.json') as { teams: { code: string }[] }).teams.map((team) => team.code);

const HOUR = 3_600_000;
/** Shanghai has had UTC+8 without summer time since 1992. */
const midnight = (at: number) => Math.floor((at + 8 * HOUR) / (24 * HOUR)) * 24 * HOUR - 8 * HOUR;

interface Waits {
  conversation: string;
  team: string;
  asked_at: number;
  due_at: number;
}

interface Asked {
  team: string;
  asked_at: number;
  due_at: number;
  answered_at: number | null;
  left_at: number | null;
}

interface Member {
  id: string;
  login: string;
  capacity: number;
  status: string;
  teams: string;
  load: number;
  missed_at: number | null;
}

interface Case {
  team: string;
  serving: number;
  call_back: number;
}

/** The numbers as of `at`, from the rows as they are now. */
export function recount(server: Server, at: number, known: Known): Count {
  const waits = rows<Waits>(
    server,
    `SELECT l.conversation, c.team, l.asked_at, l.due_at
       FROM ledger l JOIN conversation c ON c.id = l.conversation AND c.clock_no = l.no
      WHERE l.answered_at IS NULL AND l.left_at IS NULL AND c.stage <> 'closed'
      ORDER BY l.asked_at, l.conversation`,
  );
  const asked = rows<Asked>(
    server,
    `SELECT team, asked_at, due_at, answered_at, left_at FROM ledger
      WHERE asked_at >= ${midnight(at)} AND asked_at <= ${at}
        AND (outcome IS NULL OR outcome NOT IN ('out_of_scope', 'abuse'))`,
  );
  const cases = rows<Case>(
    server,
    `SELECT team, agent IS NOT NULL AS serving, stage = 'call_back' AS call_back FROM conversation
      WHERE stage <> 'closed'`,
  );
  const staff = rows<Member>(
    server,
    `SELECT a.id, a.login, a.capacity, a.status,
            (SELECT group_concat(t.team) FROM agent_team t WHERE t.agent = a.id) AS teams,
            (SELECT count(*) FROM conversation c WHERE c.agent = a.id AND c.stage <> 'closed') AS load,
            (SELECT max(e.at) FROM event e WHERE e.actor = a.id AND e.kind = 'missed' AND e.at > a.status_at) AS missed_at
       FROM agent a WHERE EXISTS (SELECT 1 FROM agent_grant g WHERE g.agent = a.id AND g.role = 'agent')`,
  ).filter((member) => known.connected.includes(member.login) && member.status !== 'offline');
  const rests = (member: Member) =>
    member.status === 'break' || (member.missed_at !== null && member.missed_at + known.missedBreakMs > at);

  /** Rule 1: in time is at most the due instant; a minute that still runs is undecided. */
  const verdict = (one: Asked): 'hit' | 'miss' | 'left' | 'open' => {
    if (one.answered_at !== null) return one.answered_at <= one.due_at ? 'hit' : 'miss';
    if (one.left_at !== null) return one.left_at < one.due_at ? 'left' : 'miss';
    return at > one.due_at ? 'miss' : 'open';
  };
  const rate = (list: Asked[]) => {
    const verdicts = list.map(verdict);
    const hits = verdicts.filter((one) => one === 'hit').length;
    return `${hits} / ${hits + verdicts.filter((one) => one === 'miss').length}`;
  };

  const line = (team: string | null): Line => {
    const of = <T extends { team: string }>(list: T[]) => list.filter((one) => team === null || one.team === team);
    const members = staff.filter((member) => team === null || (member.teams ?? '').split(',').includes(team));
    const online = members.filter((member) => !rests(member));
    return {
      waiting: of(waits).length,
      oldestAskedAt: of(waits)[0]?.asked_at ?? null,
      hour: rate(of(asked).filter((one) => one.asked_at > at - HOUR)),
      today: rate(of(asked)),
      shortAbandons: of(asked).filter((one) => verdict(one) === 'left').length,
      staffed: members.length,
      free: online.filter((member) => member.load < member.capacity).length,
      busy: online.filter((member) => member.load >= member.capacity).length,
      onBreak: members.length - online.length,
      serving: of(cases).filter((one) => one.serving).length,
      callBacks: of(cases).filter((one) => one.call_back).length,
    };
  };

  const lines = Object.fromEntries(teams.map((team) => [team, line(team)]));
  const frequent = items.filter((item) => item.highFrequency);
  const covered = frequent.filter((item) => (lines[item.team]?.staffed ?? 0) > 0).length;
  return {
    total: line(null),
    teams: lines,
    covered: `${covered} / ${frequent.length}`,
    atRisk: waits.filter((one) => at - one.asked_at >= (one.due_at - one.asked_at) / 2).map((one) => one.conversation),
  };
}
