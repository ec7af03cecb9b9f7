import { expect, test } from 'vitest';
import { lengthOf, longDay, preciseTime, roomLeft, timeOfDay } from './text';
import { titleText } from './title';
import { colleaguesFor } from './transfer';

test('4000 characters are counted as the server counts them', () => {
  expect(lengthOf('办👨‍👩‍👧a')).toBe(7);
  expect(roomLeft('办'.repeat(4_000))).toBe(0);
  expect(roomLeft(`  ${'😀'.repeat(4_000)}\n`)).toBe(0);
  expect(roomLeft('办'.repeat(4_001))).toBe(-1);
});

test('times are local and have two digits', () => {
  const at = new Date(2026, 10, 3, 9, 5, 7).getTime();
  expect([timeOfDay(at), preciseTime(at)]).toEqual(['09:05', '09:05:07']);
  expect(longDay(at, 'zh')).toBe('2026年11月3日星期二');
});

test('the title tells the offer first, then the lost link, then what is owed and unread', () => {
  const facts = { base: '帮办员工作台', offer: null, owed: 0, unread: 0, isLost: false, second: 0 };
  expect(titleText(facts)).toBe('帮办员工作台');
  expect(titleText({ ...facts, unread: 3 })).toBe('(3) 帮办员工作台');
  expect(titleText({ ...facts, owed: 1, unread: 120 })).toBe('▲ (99+) 帮办员工作台');
  expect(titleText({ ...facts, isLost: true, unread: 3 })).toBe('■ 帮办员工作台');
  const ringing = { ...facts, offer: '新接入：张*', isLost: true };
  expect(titleText(ringing)).not.toBe(titleText({ ...ringing, second: 1 }));
  expect(titleText(ringing)).toContain('新接入：张*');
});

test('colleagues: the free first, those who cannot be asked last, filtered by name and team', () => {
  const one = (name: string, status: 'online' | 'break', isFree: boolean, team: string) => ({
    id: name,
    name,
    status,
    isFree,
    teamNames: [team],
  });
  const all = [
    one('王强', 'break', false, '社会保障'),
    one('陈静', 'online', false, '医疗保障'),
    one('周航', 'online', true, '企业服务'),
  ];
  expect(colleaguesFor(all, '').map(({ name }) => name)).toEqual(['周航', '陈静', '王强']);
  expect(colleaguesFor(all, ' 保障 ').map(({ name }) => name)).toEqual(['陈静', '王强']);
  expect(colleaguesFor(all, '航').map(({ name }) => name)).toEqual(['周航']);
});
