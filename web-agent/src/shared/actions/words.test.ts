import { expect, test } from 'vitest';
import type { ActionWalk, Appointment, ThreadBody } from '../../generated/protocol';
import { language } from '../words';
import { actionAt, actionStepText, actionText, isConfirmed, useActionWords } from './words';

const at = Date.UTC(2026, 11, 1, 1, 0);
const appointment: Appointment = {
  code: 'ap1',
  number: 'YS000001',
  item: 'passport',
  itemName: '普通护照签发',
  hall: 'h1',
  hallName: '黄浦大厅',
  address: '',
  startsAt: at,
  endsAt: at + 3_600_000,
};
const walk: ActionWalk = {
  kind: 'change',
  item: '',
  itemName: '',
  district: '',
  given: [],
  appointment,
  opening: { ...appointment, code: 'o1', district: '', startsAt: at + 86_400_000, endsAt: at + 90_000_000, left: 1 },
};
const bodies: ThreadBody[] = [
  { type: 'action_started', kind: 'change', itemName: '' },
  { type: 'action_asked', walk, ask: 'time', options: [] },
  { type: 'action_confirm', walk },
];
const entries = bodies.map((body, n) => ({ seq: n + 1, body }));
const confirmed: ThreadBody = { type: 'action_stepped', on: 3, step: 'confirm', label: '' };

test('what would be done is said in full, with the place that stays and the time that goes', () => {
  const words = useActionWords().value;
  expect(actionText({ type: 'action_confirm', walk }, words).split('\n')).toEqual([
    '请核对后确认改约',
    '事项：普通护照签发',
    '预约号：YS000001',
    '地点：黄浦大厅',
    '原时间：12月1日周二 09:00–10:00',
    '时间：12月2日周三 09:00–10:00',
  ]);
});

test('an action stands at its last entry, and is confirmed by a step on that', () => {
  expect(actionAt(entries)?.seq).toBe(3);
  expect(actionAt(entries.slice(0, 1))).toBeNull();
  expect(isConfirmed(entries, 3)).toBe(false);
  expect(isConfirmed([...entries, { body: confirmed }], 3)).toBe(true);
  expect(isConfirmed([...entries, { body: confirmed }], 2)).toBe(false);
});

test('what a citizen did is their words, in both languages', () => {
  const chosen: ThreadBody = { type: 'action_stepped', on: 2, step: 'choose', label: '09:00-10:00' };
  expect(actionStepText(chosen, useActionWords().value)).toBe('09:00-10:00');
  expect(actionStepText(confirmed, useActionWords().value)).toBe('确认办理');
  language.value = 'en';
  expect(actionStepText(confirmed, useActionWords().value)).toBe('Confirm');
  language.value = 'zh';
});
