import { expect, test } from 'vitest';
import { hoursAt, minutesOf, parsePeriod, periodsProblem, type Node } from './hours';

test('times of the day', () => {
  expect(['00:00', '09:30', '24:00'].map(minutesOf)).toEqual([0, 570, 1440]);
  expect(['24:01', '9:00', '09:60', 'noon', ''].map(minutesOf)).toEqual([null, null, null, null, null]);
});

test('a period ends after it begins', () => {
  expect(parsePeriod('09:00-11:30')).toEqual({ from: 540, to: 690 });
  for (const bad of ['11:30-09:00', '09:00-09:00', '09:00', '09:00-10:00-11:00'])
    expect(parsePeriod(bad), bad).toBeNull();
});

test('the first bad period is named', () => {
  expect(periodsProblem(['09:00-11:30', '13:30-17:00'])).toBeNull();
  expect(periodsProblem(['09:00-11:30', '11:30-17:00'])).toBeNull();
  expect(periodsProblem([])).toEqual({ at: 0, why: 'none' });
  expect(periodsProblem(['09:00-11:30', '11:00-17:00'])).toEqual({ at: 1, why: 'overlap' });
  expect(periodsProblem(['13:30-17:00', '09:00-11:30'])).toEqual({ at: 1, why: 'overlap' });
  expect(periodsProblem(['09:00-'])).toEqual({ at: 0, why: 'malformed' });
});

test('hours come from the nearest unit above that has some', () => {
  const node = (code: string, parent: string | null, hours: Node['hours'] = null): [string, Node] => [
    code,
    { code, name: code, parent, hours },
  ];
  const nodes = new Map([
    node('city', null, { periods: ['09:00-17:00'] }),
    node('xuhui', 'city'),
    node('office', 'xuhui', { always: true }),
    node('a', 'b'),
    node('b', 'a'),
  ]);
  expect(hoursAt('office', nodes)?.from.code).toBe('office');
  expect(hoursAt('xuhui', nodes)).toMatchObject({ hours: { periods: ['09:00-17:00'] }, from: { code: 'city' } });
  expect(hoursAt('a', nodes)).toBeNull();
  expect(hoursAt(null, nodes)).toBeNull();
});
