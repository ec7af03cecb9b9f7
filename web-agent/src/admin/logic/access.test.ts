import { expect, test } from 'vitest';
import { mayAt, visibleScreens, type Right } from './access';

const parents = new Map([
  ['xuhui', null],
  ['xuhui-medical', 'xuhui'],
  ['huangpu', null],
]);
const supervisor: Right = {
  unit: 'xuhui',
  items: [],
  actions: ['read_conversations', 'watch', 'manage_roster', 'manage_notices', 'block_visitors', 'read_administration'],
};

test('a right holds in its unit and below', () => {
  for (const [unit, expected] of [
    ['xuhui', true],
    ['xuhui-medical', true],
    ['huangpu', false],
    [null, false],
  ] as const) {
    expect(mayAt([supervisor], 'manage_roster', unit, parents), String(unit)).toBe(expected);
  }
  expect(mayAt([supervisor], 'manage_units', 'xuhui', parents)).toBe(false);
});

test('a right for some items says nothing of others', () => {
  const editor: Right = { unit: null, items: ['passport'], actions: ['manage_items'] };
  expect(mayAt([editor], 'manage_items', 'xuhui', parents, 'passport')).toBe(true);
  expect(mayAt([editor], 'manage_items', 'xuhui', parents, 'permit')).toBe(false);
  expect(mayAt([editor], 'manage_items', 'xuhui', parents)).toBe(false);
});

test('the navigation shows what may be read', () => {
  expect(visibleScreens([{ unit: null, items: [], actions: ['serve', 'reveal'] }])).toEqual([]);
  expect(
    visibleScreens([{ unit: null, items: [], actions: ['read_audit', 'read_administration', 'watch'] }]),
  ).not.toContain('people');
  expect(visibleScreens([supervisor])).toContain('roster');
  expect(visibleScreens([supervisor])).not.toContain('audit');
});
