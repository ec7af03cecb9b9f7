import { expect, test } from 'vitest';
import { clockTime, dayLabel, dayNumber, fullDay, slotsByDay, slotText } from './format';

/** An instant by Shanghai's clock, whatever zone the test runs in. */
const at = (text: string) => Date.parse(`${text}+08:00`);
const now = at('2026-11-24T18:30:00');
const slot = (text: string) => ({ startsAt: at(text), endsAt: at(text) + 30 * 60_000 });

test('times are those of Shanghai', () => {
  expect(clockTime(at('2026-11-24T00:05:00'), 'zh')).toBe('00:05');
  expect(clockTime(at('2026-11-24T23:59:59'), 'en')).toBe('23:59');
});

test('days change at midnight in Shanghai', () => {
  const midnight = at('2026-11-25T00:00:00');
  expect(dayNumber(midnight) - dayNumber(midnight - 1)).toBe(1);
  expect(dayNumber(midnight + 86_399_999)).toBe(dayNumber(midnight));
});

test.each([
  ['2026-11-24T00:00:00', '今天'],
  ['2026-11-23T23:59:00', '昨天'],
  ['2026-11-25T09:00:00', '明天'],
  ['2026-11-26T09:00:00', '后天'],
  ['2026-11-27T09:00:00', '11月27日周五'],
])('%s is %s', (when, label) => {
  expect(dayLabel(at(when), now, 'zh')).toBe(label);
});

test('a promise names the day in full', () => {
  expect(fullDay(at('2026-11-25T09:00:00'), now, 'zh')).toBe('明天（11月25日周三）');
  expect(slotText(slot('2026-11-25T09:00:00'), now, 'zh')).toBe('明天（11月25日周三） 09:00–09:30');
  expect(slotText(slot('2026-11-30T13:30:00'), now, 'zh')).toBe('11月30日周一 13:30–14:00');
});

test('slots stand under their day, in their order', () => {
  const slots = [slot('2026-11-24T18:30:00'), slot('2026-11-25T09:00:00'), slot('2026-11-25T09:30:00')];
  expect(slotsByDay(slots).map((day) => day.slots)).toEqual([[slots[0]], [slots[1], slots[2]]]);
  expect(slotsByDay([])).toEqual([]);
});
