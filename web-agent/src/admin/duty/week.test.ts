import { expect, test } from 'vitest';
import type { DutyHole, DutyLine, DutyWeek } from '../../generated/protocol';
import { copyable, holeGroups, holeTexts, people, preset, readWhom, weekOfRoute, whomText } from './week';

const hour = 3_600_000;
/** 2026-11-23, a Monday, midnight in Shanghai. */
const monday = Date.parse('2026-11-22T16:00:00Z');
const day = 24 * hour;

test('an address names whom it is about, and nonsense names nobody', () => {
  for (const text of ['item:residence-permit', 'unit:hrss@xuhui', 'unit:tax']) {
    expect(whomText(readWhom(text)!)).toBe(text);
  }
  expect(readWhom('unit:hrss@xuhui')).toEqual({ kind: 'unit', code: 'hrss', district: 'xuhui' });
  for (const text of [undefined, '', '+all', 'team:x', 'unit:', 'unit:A b', 'item:x@']) {
    expect(readWhom(text), String(text)).toBeNull();
  }
  expect(weekOfRoute('2026-11-25', '2026-12-01')[0]).toBe('2026-11-23');
  expect(weekOfRoute('soon', '2026-12-02')[0]).toBe('2026-11-30');
});

const line = (change: Partial<DutyLine>): DutyLine => ({
  shift: 's',
  agent: 'ag_1',
  name: '甲',
  team: 'social',
  isSingle: true,
  isMember: true,
  from: monday + 9 * hour,
  to: monday + 17 * hour,
  ...change,
});
const week = (duties: DutyLine[]): DutyWeek => ({
  days: [],
  teams: [
    { code: 'social', name: '社会保障', unit: 'hrss', mayChange: true },
    { code: 'medical', name: '医疗', unit: 'health', mayChange: false },
  ],
  duties,
  holes: [],
  numbers: [],
});

test('those who left their team come last', () => {
  const found = people(
    week([
      line({ agent: 'ag_3', name: '离', isMember: false }),
      line({ agent: 'ag_2', name: '乙' }),
      line({}),
      line({ shift: 'again' }),
    ]),
  );
  expect(found).toEqual(['ag_1', 'ag_2', 'ag_3']);
});

test('only single duties of teams that one may change are copied', () => {
  expect(copyable(week([line({ isSingle: false })]))).toEqual([]);
  expect(copyable(week([line({ team: 'medical' })]))).toEqual([]);
  expect(copyable(week([line({}), line({ team: 'medical' })]))).toEqual(['social']);
});

test('a new duty is of its day only', () => {
  expect(preset('ag_1', 'social', '2026-11-28')).toEqual({
    agent: 'ag_1',
    team: 'social',
    weekdays: [6],
    validFrom: '2026-11-28',
    validTo: '2026-11-28',
  });
});

const hole = (change: Partial<DutyHole>): DutyHole => ({
  district: 'xuhui',
  districtName: '徐汇区',
  line: 'ybj',
  lineName: '医保局',
  from: monday + day + 14 * hour,
  to: monday + day + 15 * hour,
  hasNumbers: true,
  ...change,
});

test('on Tuesday at two nobody is there for the line in the district', () => {
  const groups = holeGroups(
    [hole({}), hole({ from: monday + 3 * day + 14 * hour, to: monday + 3 * day + 15 * hour })],
    '全市',
  );
  expect(groups).toHaveLength(1);
  expect(groups[0]).toMatchObject({
    name: '徐汇区 · 医保局',
    whom: { kind: 'unit', code: 'ybj', district: 'xuhui' },
    hasNumbers: true,
  });
  expect(holeTexts(groups[0]!.holes, 'zh')).toEqual(['周二、周四 14:00–15:00']);
});

test('where no telephone would answer either comes first, and days in a row are told together', () => {
  const whole = Array.from({ length: 5 }, (_, at) =>
    hole({
      district: null,
      districtName: null,
      from: monday + at * day + 9 * hour,
      to: monday + at * day + 11.5 * hour,
      hasNumbers: false,
    }),
  );
  const groups = holeGroups([hole({}), ...whole], '全市');
  expect(groups.map(({ name }) => name)).toEqual(['全市 · 医保局', '徐汇区 · 医保局']);
  expect(holeTexts(groups[0]!.holes, 'zh')).toEqual(['周一至周五 09:00–11:30']);
  expect(holeTexts(groups[0]!.holes, 'en')[0]).toMatch(/ to .* 09:00–11:30$/);
});
