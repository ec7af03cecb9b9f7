import { expect, test } from 'vitest';
import { enterDoes, keyCommand, type Press } from './keys';

const press = (changes: Partial<Press>): Press => ({
  altKey: false,
  code: '',
  ctrlKey: false,
  isComposing: false,
  key: '',
  keyCode: 0,
  metaKey: false,
  repeat: false,
  shiftKey: false,
  ...changes,
});
const alt = (code: string, more: Partial<Press> = {}) => press({ altKey: true, code, ...more });

test('each shortcut does its thing, wherever the focus is', () => {
  const table: [string, unknown][] = [
    ['KeyA', { do: 'accept' }],
    ['KeyO', { do: 'offer' }],
    ['KeyJ', { do: 'step', by: 1 }],
    ['KeyK', { do: 'step', by: -1 }],
    ['KeyL', { do: 'reply' }],
    ['KeyP', { do: 'note' }],
    ['KeyE', { do: 'close' }],
    ['KeyS', { do: 'proposed' }],
    ['KeyT', { do: 'transfer' }],
    ['KeyI', { do: 'context' }],
    ['Slash', { do: 'sheet' }],
    ['Digit1', { do: 'answer', number: 1 }],
    ['Numpad9', { do: 'answer', number: 9 }],
  ];
  expect(keyCommand(alt('Digit3', { shiftKey: true }), true)).toEqual({ do: 'assist', number: 3 });
  expect(keyCommand(alt('Digit4', { shiftKey: true }), true)).toBeNull();
  for (const [code, command] of table) {
    expect(keyCommand(alt(code), true), code).toEqual(command);
    expect(keyCommand(alt(code), false), code).toEqual(command);
  }
});

test('what Alt writes on other keyboards does not matter, AltGr and the browser’s own keys are left alone', () => {
  expect(keyCommand(alt('KeyA', { key: 'å' }), true)).toEqual({ do: 'accept' });
  expect(keyCommand(alt('KeyE', { ctrlKey: true, key: '€' }), true)).toBeNull();
  expect(keyCommand(alt('Digit0'), true)).toBeNull();
  expect(keyCommand(alt('KeyD'), true)).toBeNull();
  expect(keyCommand(press({ code: 'KeyA', key: 'a' }), false)).toBeNull();
});

test('a held key and a key of the input method do nothing', () => {
  expect(keyCommand(alt('KeyA', { repeat: true }), false)).toBeNull();
  expect(keyCommand(alt('KeyA', { isComposing: true }), true)).toBeNull();
  expect(keyCommand(alt('KeyA', { keyCode: 229 }), true)).toBeNull();
});

test('a question mark opens the sheet, unless one is writing', () => {
  for (const key of ['?', '？']) {
    expect(keyCommand(press({ key, shiftKey: true }), false)).toEqual({ do: 'sheet' });
    expect(keyCommand(press({ key, shiftKey: true }), true)).toBeNull();
  }
});

test('Enter sends; Shift+Enter, and Enter that ends a composition, do not', () => {
  expect(enterDoes(press({ key: 'Enter' }))).toBe('send');
  expect(enterDoes(press({ key: 'Enter', ctrlKey: true }))).toBe('send');
  expect(enterDoes(press({ key: 'Enter', shiftKey: true }))).toBe('nothing');
  expect(enterDoes(press({ key: 'Enter', isComposing: true }))).toBe('nothing');
  expect(enterDoes(press({ key: 'Enter', keyCode: 229 }))).toBe('nothing');
  expect(enterDoes(press({ key: 'Enter', repeat: true }))).toBe('nothing');
  expect(enterDoes(press({ key: 'a' }))).toBe('nothing');
});
