import { expect, test } from 'vitest';
import { sends, type EnterEvent } from './keys';

const enter = (changes: Partial<EnterEvent> = {}): EnterEvent => ({
  key: 'Enter',
  isComposing: false,
  keyCode: 13,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...changes,
});

test('Enter sends on a keyboard, Shift+Enter makes a new line', () => {
  expect(sends(enter(), true)).toBe(true);
  expect(sends(enter({ shiftKey: true }), true)).toBe(false);
  expect(sends(enter({ altKey: true }), true)).toBe(false);
});

test('other keys never send', () => {
  expect(sends(enter({ key: 'a', keyCode: 65 }), true)).toBe(false);
  expect(sends(enter({ key: 'Process', keyCode: 229 }), true)).toBe(false);
});

test('an Enter that chooses a candidate never sends: Chromium and Firefox say isComposing', () => {
  expect(sends(enter({ isComposing: true, keyCode: 229 }), true)).toBe(false);
  expect(sends(enter({ isComposing: true, keyCode: 13 }), true)).toBe(false);
});

test('an Enter that chooses a candidate never sends: in Safari compositionend comes before this keydown', () => {
  // The order there: compositionend, then keydown with isComposing false and key code 229.
  expect(sends(enter({ isComposing: false, keyCode: 229 }), true)).toBe(false);
  // The next Enter, with nothing composed, is an ordinary one.
  expect(sends(enter(), true)).toBe(true);
});

test('even Control does not send while composing', () => {
  expect(sends(enter({ isComposing: true, ctrlKey: true }), true)).toBe(false);
  expect(sends(enter({ keyCode: 229, metaKey: true }), true)).toBe(false);
});

test('on touch keyboards Enter makes a new line, and Control or Command with Enter still sends', () => {
  expect(sends(enter(), false)).toBe(false);
  expect(sends(enter({ ctrlKey: true }), false)).toBe(true);
  expect(sends(enter({ metaKey: true }), false)).toBe(true);
});
