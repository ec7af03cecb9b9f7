import { expect, test } from 'vitest';
import { dueText } from './owed';

const words = {
  due: (time: string) => `${time} 前`,
  tomorrow: (time: string) => `明天 ${time} 前`,
  atOnce: '立即回拨',
  overdue: '已超时',
};
const at = (day: number, hours: number, minutes = 0, ms = 0) => new Date(2026, 10, day, hours, minutes).getTime() + ms;

test('a call-back says until when: today, tomorrow, too late to the millisecond, and at once after the end of a server', () => {
  const one = { since: at(24, 9), dueAt: at(25, 9) };
  expect(dueText(words, one, at(24, 10))).toBe('明天 09:00 前');
  expect(dueText(words, one, at(25, 0))).toBe('09:00 前');
  expect(dueText(words, one, at(25, 9, 0, -1))).toBe('09:00 前');
  expect(dueText(words, one, at(25, 9))).toBe('■ 已超时');
  expect(dueText(words, { since: at(24, 9), dueAt: at(24, 9) }, at(24, 10))).toBe('▲ 立即回拨');
});
