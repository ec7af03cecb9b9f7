import { expect, test } from 'vitest';
import { enterAsks, keyOf, ACT_KEYS, KEYS, LEG_KEYS, type Around, type Press } from './keys';

const press = (code: string, more: Partial<Press> = {}): Press => ({
  altKey: false,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  isComposing: false,
  repeat: false,
  keyCode: 0,
  code,
  key: code.replace(/^(Key|Digit)/, '').toLowerCase(),
  ...more,
});
const around = (more: Partial<Around> = {}): Around => ({
  inText: false,
  single: true,
  acts: new Set(['merge', 'hold_caller', 'end']),
  leg: null,
  ...more,
});

test('a letter alone outside of fields, with Alt everywhere; letters alone can be turned off', () => {
  expect(keyOf(press('KeyB'), around())).toEqual({ do: 'act', act: 'merge' });
  expect(keyOf(press('KeyB'), around({ inText: true }))).toBeNull();
  expect(keyOf(press('KeyB', { altKey: true }), around({ inText: true }))).toEqual({ do: 'act', act: 'merge' });
  expect(keyOf(press('KeyB'), around({ single: false }))).toBeNull();
  expect(keyOf(press('KeyB', { altKey: true }), around({ single: false }))).toEqual({ do: 'act', act: 'merge' });
});

test('what cannot be done now has no key; compositions, AltGr and held keys are left alone', () => {
  expect(keyOf(press('KeyL'), around())).toBeNull();
  for (const more of [{ isComposing: true }, { keyCode: 229 }, { ctrlKey: true, altKey: true }, { repeat: true }]) {
    expect(keyOf(press('KeyB', more), around())).toBeNull();
  }
  expect(keyOf(press('KeyB', { shiftKey: true }), around())).toBeNull();
});

test('in the row of a party its letters hold before those of the page', () => {
  expect(keyOf(press('KeyH'), around())).toEqual({ do: 'act', act: 'hold_caller' });
  expect(keyOf(press('KeyH'), around({ leg: ['mute', 'hold'] }))).toEqual({ do: 'leg', act: 'hold' });
  expect(keyOf(press('KeyM'), around())).toEqual({ do: 'mute' });
  expect(keyOf(press('KeyM'), around({ leg: ['unmute'] }))).toEqual({ do: 'leg', act: 'unmute' });
  expect(keyOf(press('KeyB'), around({ leg: ['mute'] }))).toEqual({ do: 'act', act: 'merge' });
  expect(keyOf(press('Digit3'), around())).toEqual({ do: 'party', number: 3 });
});

test('answer, decline, search, notes and the sheet are always there', () => {
  const none = around({ acts: new Set() });
  expect([keyOf(press('KeyA'), none), keyOf(press('KeyX'), none)]).toEqual([{ do: 'answer' }, { do: 'decline' }]);
  expect([keyOf(press('KeyC'), none), keyOf(press('Slash', { key: '/' }), none)]).toEqual([
    { do: 'find' },
    { do: 'find' },
  ]);
  expect(keyOf(press('KeyN'), none)).toEqual({ do: 'note' });
  expect(keyOf(press('Slash', { key: '?', shiftKey: true }), none)).toEqual({ do: 'sheet' });
  expect(keyOf(press('Slash', { key: '/', altKey: true }), around({ inText: true }))).toEqual({ do: 'sheet' });
});

test('no letter is the browser’s own with Alt, and no two things that are there together share one', () => {
  const page = [...Object.values(KEYS), ...Object.values(ACT_KEYS)];
  expect(page.filter((letter) => 'DEF'.includes(letter))).toEqual([]);
  // Holding and resuming the caller exclude each other.
  const letters = page.filter((letter) => letter !== ACT_KEYS.resume_caller);
  expect(new Set(letters).size).toBe(letters.length);
  expect(new Set(Object.values(LEG_KEYS)).size).toBe(4);
});

test('Enter in the search consults, with Ctrl joins, with Shift puts through; not while a word is composed', () => {
  const enter = (more: Partial<Press> = {}) => enterAsks(press('Enter', { key: 'Enter', ...more }));
  expect([enter(), enter({ ctrlKey: true }), enter({ shiftKey: true })]).toEqual(['consult', 'join', 'put_through']);
  expect([
    enter({ isComposing: true }),
    enter({ keyCode: 229 }),
    enter({ repeat: true }),
    enter({ altKey: true }),
  ]).toEqual([null, null, null, null]);
});
