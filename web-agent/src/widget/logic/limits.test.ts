import { expect, test } from 'vitest';
import { allowance, isTelephone, lengthOf, MAX_COMMENT, MAX_LEFT_MESSAGE, MAX_TEXT } from './limits';

test('the limits are those of src/domain/src/conversation.rs', () => {
  expect([MAX_TEXT, MAX_LEFT_MESSAGE, MAX_COMMENT]).toEqual([4_000, 1_000, 500]);
});

test('characters are counted as the server counts: scalar values, without white space around', () => {
  expect(lengthOf(' 办理 \n')).toBe(2);
  expect(lengthOf('𠮷野家')).toBe(3);
  expect(lengthOf('\u3000')).toBe(0);
});

test('the counter appears near the end and refuses one character more', () => {
  expect(allowance('字'.repeat(3_599), MAX_TEXT)).toMatchObject({ isShown: false, isOver: false });
  expect(allowance('字'.repeat(3_600), MAX_TEXT)).toMatchObject({ used: 3_600, isShown: true, isOver: false });
  expect(allowance('字'.repeat(4_000), MAX_TEXT)).toMatchObject({ isOver: false });
  expect(allowance('字'.repeat(4_001), MAX_TEXT)).toMatchObject({ used: 4_001, isOver: true });
});

// The table of `telephones_have_5_to_20_digits` in src/domain/src/conversation.rs, and what people type.
test.each([
  ['12345', true],
  ['1234', false],
  ['+86 138-0013-8000', true],
  ['12345678901234567890', true],
  ['123456789012345678901', false],
  ['13800a38000', false],
  ['-----', false],
  ['', false],
  ['021-63210000', true],
  ['（021）63210000', false],
])('telephone %s: %s', (text, expected) => {
  expect(isTelephone(text)).toBe(expected);
});
