import { expect, test } from 'vitest';
import { checked, fieldOf } from './leaveMessage';

const slots = [
  { startsAt: 1, endsAt: 2 },
  { startsAt: 3, endsAt: 4 },
];
const good = { text: '请回电', phone: '13800138000', slot: slots[1]! };

test('a good form has nothing to mend', () => {
  expect(checked(good, slots)).toEqual([]);
});

test('every field that is wrong is named, in the order of the form', () => {
  expect(checked({ text: ' ', phone: '12', slot: null }, slots)).toEqual(['text', 'phone', 'slot']);
});

test('the text has at most 1000 characters', () => {
  expect(checked({ ...good, text: '办'.repeat(1_000) }, slots)).toEqual([]);
  expect(checked({ ...good, text: '办'.repeat(1_001) }, slots)).toEqual(['text']);
});

test('a slot that is not offered any more has to be chosen anew', () => {
  expect(checked(good, slots.slice(0, 1))).toEqual(['slot']);
});

test('a refusal of the server goes to its field', () => {
  expect(fieldOf({ code: 'slot_full', field: undefined })).toBe('slot');
  expect(fieldOf({ code: 'slot_past', field: 'slot' })).toBe('slot');
  expect(fieldOf({ code: 'bad_request', field: 'phone' })).toBe('phone');
  expect(fieldOf({ code: 'bad_request', field: 'clientId' })).toBeNull();
  expect(fieldOf({ code: 'lost', field: undefined })).toBeNull();
});
