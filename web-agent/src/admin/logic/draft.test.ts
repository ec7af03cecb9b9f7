import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clashes, firstChoice, formField, merged } from './draft';
import { isSame } from './diff';

const base = { name: '综合', slotMinutes: 30, hours: null };

test('fields that only one side changed are decided for that side', () => {
  const theirs = { ...base, slotMinutes: 20 };
  const mine = { ...base, name: '综合帮办' };
  const found = clashes(base, theirs, mine);
  expect(found.map(({ field, isMine }) => [field, isMine])).toEqual([
    ['name', true],
    ['slotMinutes', false],
  ]);
  expect(merged(theirs, mine, firstChoice(found))).toEqual({ ...base, name: '综合帮办', slotMinutes: 20 });
});

test('a field that both changed is mine until I choose otherwise', () => {
  const theirs = { ...base, name: '他的' };
  const mine = { ...base, name: '我的' };
  const found = clashes(base, theirs, mine);
  expect(merged(theirs, mine, firstChoice(found)).name).toBe('我的');
  expect(merged(theirs, mine, { name: 'theirs' })).toEqual(theirs);
});

test('choosing one side everywhere gives that side', () => {
  const body = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(1, 2, null));
  fc.assert(
    fc.property(body, body, body, (was, theirs, mine) => {
      const found = clashes(was, theirs, mine);
      const all = (side: 'mine' | 'theirs') => Object.fromEntries(found.map(({ field }) => [field, side]));
      return isSame(merged(theirs, mine, all('theirs')), theirs) && isSame(merged(theirs, mine, all('mine')), mine);
    }),
  );
});

test('a refusal goes to the field of the form that it is about', () => {
  const fields = ['name', 'hours'];
  expect(formField('body.hours.periods[1]', fields)).toBe('hours');
  expect(formField('hours', fields)).toBe('hours');
  expect(formField('id', fields)).toBe('id');
  expect(formField('body.other', fields)).toBeNull();
  expect(formField(null, fields)).toBeNull();
});
