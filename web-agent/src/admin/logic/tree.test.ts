import { expect, test } from 'vitest';
import type { AdminRecord, TeamBody, UnitBody } from '../api';
import { filtered, keyOf, lineage, lines, mayMove, treeOf } from './tree';

const unit = (id: string, parent: string | null, name = id): AdminRecord<UnitBody> => ({
  kind: 'unit',
  id,
  no: 0,
  version: 1,
  unit: parent,
  body: { name, kind: 'department', parent, district: null, hours: null },
  changedAt: 0,
});
const team = (id: string, of: string): AdminRecord<TeamBody> => ({
  kind: 'team',
  id,
  no: 0,
  version: 1,
  unit: of,
  body: { name: id, nameEn: id, unit: of, hours: null, slotMinutes: 30, slotCapacity: 5 },
  changedAt: 0,
});

const tree = treeOf(
  [
    unit('city', null, '上海市'),
    unit('xuhui', 'city', '徐汇区'),
    unit('lost', 'gone'),
    unit('office', 'xuhui', '行政服务中心'),
  ],
  [team('residence', 'office')],
);

test('each under its own; whoever is above nobody knows stands at the top', () => {
  expect(tree.map(({ id }) => id)).toEqual(['city', 'lost']);
  const all = lines(tree, () => true);
  expect(all.map(({ branch, level }) => `${'-'.repeat(level)}${branch.id}`)).toEqual([
    '-city',
    '--xuhui',
    '---office',
    '----residence',
    '-lost',
  ]);
  expect(all[4]).toMatchObject({ place: 2, of: 2 });
});

test('what is closed hides what is below', () => {
  const visible = lines(tree, (key) => key === 'unit:city');
  expect(visible.map(({ branch }) => keyOf(branch))).toEqual(['unit:city', 'unit:xuhui', 'unit:lost']);
});

test('a search keeps what is above a match', () => {
  expect(lines(filtered(tree, '服务中心'), () => true).map(({ branch }) => branch.id)).toEqual([
    'city',
    'xuhui',
    'office',
    'residence',
  ]);
  expect(filtered(tree, '不存在')).toEqual([]);
});

test('nothing is moved under itself', () => {
  const parents = new Map([
    ['city', null],
    ['xuhui', 'city'],
    ['office', 'xuhui'],
  ]);
  expect(lineage('office', parents)).toEqual(['office', 'xuhui', 'city']);
  expect(mayMove('xuhui', 'office', parents)).toBe(false);
  expect(mayMove('xuhui', 'xuhui', parents)).toBe(false);
  expect(mayMove('office', 'city', parents)).toBe(true);
  expect(mayMove('office', null, parents)).toBe(true);
});
