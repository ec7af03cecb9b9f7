import { expect, test } from 'vitest';
import { differences, isSame } from './diff';

test('what is the same in another order of keys does not differ', () => {
  expect(isSame({ a: 1, b: { c: [1, 2] } }, { b: { c: [1, 2] }, a: 1 })).toBe(true);
  expect(isSame({ a: 1 }, { a: 1, b: undefined })).toBe(true);
  expect(isSame({ a: null }, {})).toBe(false);
  expect(isSame([1, 2], [2, 1])).toBe(false);
});

test('each leaf that differs is named by its path; lists are told whole', () => {
  const before = { name: '甲', hours: { periods: ['09:00-11:30'] }, slot: 30 };
  const after = { name: '乙', hours: { periods: ['09:00-12:00'] }, slot: 30 };
  expect(differences(before, after)).toEqual([
    { path: 'name', before: '甲', after: '乙' },
    { path: 'hours.periods', before: ['09:00-11:30'], after: ['09:00-12:00'] },
  ]);
});

test('what came or went as a whole is told part by part', () => {
  expect(differences(null, { name: '甲', parent: null })).toEqual([
    { path: 'name', before: undefined, after: '甲' },
    { path: 'parent', before: undefined, after: null },
  ]);
  expect(differences({ hours: null }, { hours: { always: true } })).toEqual([
    { path: 'hours', before: null, after: { always: true } },
  ]);
});
