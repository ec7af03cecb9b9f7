import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atRisk, line, NOON, view } from './sample';
import { byTimeLeft, sortedRows, teamRows, teamStates, unitRows, type Column } from './teams';

const states = (board: Parameters<typeof teamRows>[0], now = NOON) => teamRows(board, now).map((row) => row.state);

describe('the board by units', () => {
  it('shows a unit as bad as the worst of its teams, and beside them the teams of no unit', () => {
    const late = line({ waiting: 1, oldestAskedAt: NOON - 61_000 });
    const units = [
      { unit: { code: 'xuhui', name: '徐汇区' }, line: late, teams: ['a', 'b'] },
      { unit: { code: 'huangpu', name: '黄浦区' }, line: line(), teams: ['c'] },
    ];
    const board = view({ a: line(), b: late, c: line(), general: line({ free: 0, busy: 1 }) }, { units });
    expect(unitRows(board, NOON).map(({ team, state, isUnit }) => [team.code, state, isUnit])).toEqual([
      ['xuhui', 'breached', true],
      ['huangpu', 'ok', true],
      ['general', 'no_free', false],
    ]);
  });

  it('shows only teams at the end of the tree', () => {
    expect(unitRows(view({ a: line() }), NOON).map((row) => [row.team.code, row.isUnit])).toEqual([['a', false]]);
  });
});

describe('the state of a team', () => {
  it('follows the oldest clock at every second, also between two views', () => {
    const board = view({ a: line({ waiting: 1, oldestAskedAt: NOON }) });
    expect(states(board, NOON + 29_999)).toEqual(['ok']);
    expect(states(board, NOON + 30_000)).toEqual(['at_risk']);
    expect(states(board, NOON + 59_999)).toEqual(['at_risk']);
    expect(states(board, NOON + 60_000)).toEqual(['breached']);
  });

  it('believes the server when it says that a promise is broken', () => {
    const board = view(
      { a: line({ waiting: 1, oldestAskedAt: NOON - 10_000 }), b: line() },
      { atRisk: [atRisk('a', 10_000, 'breached')] },
    );
    expect(states(board)).toEqual(['breached', 'ok']);
  });

  it('takes the length of the promise from the clocks that it sees', () => {
    const short = atRisk('b', 5_000);
    short.clock.dueAt = short.clock.askedAt + 8_000;
    const board = view({ a: line({ waiting: 1, oldestAskedAt: NOON }), b: line() }, { atRisk: [short] });
    expect(states(board, NOON + 3_999)[0]).toBe('ok');
    expect(states(board, NOON + 4_000)[0]).toBe('at_risk');
    expect(states(board, NOON + 8_000)[0]).toBe('breached');
  });

  it('is unstaffed in service hours without agents, and resting at night unless somebody waits', () => {
    const nobody = { staffed: 0, free: 0 };
    const teams = { a: line(nobody), b: line({ ...nobody, waiting: 1, oldestAskedAt: NOON }) };
    expect(states(view(teams))).toEqual(['unstaffed', 'unstaffed']);
    expect(states(view(teams, { inService: false }))).toEqual(['resting', 'unstaffed']);
  });

  it('says that nobody is free before anybody waits', () => {
    expect(states(view({ a: line({ staffed: 2, free: 0, busy: 1, onBreak: 1 }) }))).toEqual(['no_free']);
  });
});

describe('the order of the teams', () => {
  const board = view(
    {
      calm: line(),
      full: line({ free: 0, busy: 1 }),
      newer: line({ waiting: 5, oldestAskedAt: NOON - 40_000 }),
      older: line({ waiting: 1, oldestAskedAt: NOON - 45_000 }),
      late: line({ waiting: 1, oldestAskedAt: NOON - 61_000, hourHits: 1, hourDecided: 4 }),
    },
    { atRisk: [atRisk('late', 61_000, 'breached')] },
  );
  const order = (column: Column, direction: 'ascending' | 'descending') =>
    sortedRows(teamRows(board, NOON), column, direction).map((row) => row.team.code);

  it('by risk: worst first, of equals the one who has waited longest', () => {
    expect(order('state', 'descending')).toEqual(['late', 'older', 'newer', 'full', 'calm']);
  });

  it('by any column: teams without that number last in both directions', () => {
    expect(order('hourRate', 'ascending')[0]).toBe('late');
    expect(order('hourRate', 'descending')[0]).toBe('late');
    expect(order('oldestAskedAt', 'descending')).toEqual(['late', 'older', 'newer', 'full', 'calm']);
    expect(order('oldestAskedAt', 'ascending').slice(0, 3)).toEqual(['newer', 'older', 'late']);
    expect(order('waiting', 'descending')[0]).toBe('newer');
  });

  it('loses no team and invents none, in every order', () => {
    const columns = ['state', 'name', 'waiting', 'oldestAskedAt', 'hourRate', 'todayRate', 'free'] as const;
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            waiting: fc.nat(3),
            ago: fc.option(fc.nat(90_000)),
            decided: fc.nat(3),
            staffed: fc.nat(2),
            free: fc.nat(2),
          }),
          { maxLength: 8 },
        ),
        fc.constantFrom(...columns),
        fc.constantFrom('ascending' as const, 'descending' as const),
        (teams, column, direction) => {
          const lines = teams.map(({ waiting, ago, decided, staffed, free }, i): [string, ReturnType<typeof line>] => [
            `t${i}`,
            line({ waiting, oldestAskedAt: ago === null ? null : NOON - ago, hourDecided: decided, staffed, free }),
          ]);
          const rows = teamRows(view(Object.fromEntries(lines)), NOON);
          const sorted = sortedRows(rows, column, direction);
          expect(new Set(sorted)).toEqual(new Set(rows));
          expect(sorted).toHaveLength(rows.length);
          if (column === 'state' && direction === 'descending') {
            const ranks = sorted.map((row) => teamStates.indexOf(row.state));
            expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
          }
        },
      ),
    );
  });
});

it('the one with the least time left comes first', () => {
  const risky = [
    atRisk('a', 31_000, 'warned', 1),
    atRisk('a', 70_000, 'breached', 2),
    atRisk('a', 50_000, 'alerted', 3),
  ];
  expect(byTimeLeft(risky).map((one) => one.conversation)).toEqual(['cv_2', 'cv_3', 'cv_1']);
});
