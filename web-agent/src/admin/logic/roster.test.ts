import { expect, test } from 'vitest';
import { addDays, clockOf, dayAt, gapsByDay, isDay, moved, rows, weekday, weekOf } from './roster';

/** An instant of Shanghai's clock. */
const at = (text: string) => Date.parse(`${text}:00+08:00`);
const duty = (agent: string, from: string, to: string) => ({ shift: `${agent}-1`, agent, from: at(from), to: at(to) });

test('the week of a day, over the end of a month and a year', () => {
  expect(weekOf('2026-11-29')).toEqual([
    '2026-11-23',
    '2026-11-24',
    '2026-11-25',
    '2026-11-26',
    '2026-11-27',
    '2026-11-28',
    '2026-11-29',
  ]);
  expect(weekOf('2027-01-01')[0]).toBe('2026-12-28');
  expect([weekday('2026-11-23'), weekday('2026-11-29')]).toEqual([1, 7]);
  expect(addDays('2028-02-28', 1)).toBe('2028-02-29');
  // 23:30 UTC is the next morning in Shanghai.
  expect(dayAt(Date.parse('2026-11-24T23:30:00Z'))).toBe('2026-11-25');
});

test('what an address says may be no day', () => {
  expect(['2026-11-29', '', '2026-13-01', '2026-11-29T00:00', 'week'].map(isDay)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
});

test('times of a day, past midnight too', () => {
  const of = (text: string) => clockOf(at(text), '2026-11-24');
  expect(['2026-11-24T00:00', '2026-11-24T09:05', '2026-11-25T00:00', '2026-11-25T06:00'].map(of)).toEqual([
    '00:00',
    '09:05',
    '24:00',
    '06:00',
  ]);
});

test('every member has a line, and whoever else is on duty', () => {
  const week = weekOf('2026-11-24');
  const duties = [
    duty('a', '2026-11-23T13:30', '2026-11-23T17:00'),
    duty('a', '2026-11-23T09:00', '2026-11-23T11:30'),
    duty('guest', '2026-11-25T22:00', '2026-11-26T06:00'),
  ];
  const found = rows(duties, ['a', 'b'], week);
  expect(found.map(({ agent }) => agent)).toEqual(['a', 'b', 'guest']);
  expect(found[0]!.days[0]!.map(({ from }) => clockOf(from, week[0]!))).toEqual(['09:00', '13:30']);
  expect(found[1]!.days.flat()).toEqual([]);
  expect(found[2]!.days.map((day) => day.length)).toEqual([0, 0, 1, 0, 0, 0, 0]);
});

test('gaps stand under their day', () => {
  const gap = { from: at('2026-11-24T14:00'), to: at('2026-11-24T15:00') };
  expect(gapsByDay([gap], weekOf('2026-11-24')).map((day) => day.length)).toEqual([0, 1, 0, 0, 0, 0, 0]);
});

test('arrow keys stay inside the grid', () => {
  expect(moved('ArrowDown', [1, 3], [2, 7])).toEqual([1, 3]);
  expect(moved('ArrowUp', [1, 3], [2, 7])).toEqual([0, 3]);
  expect(moved('End', [1, 3], [2, 7])).toEqual([1, 6]);
  expect(moved('Enter', [1, 3], [2, 7])).toBeNull();
});
