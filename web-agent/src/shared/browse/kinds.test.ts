import { expect, test } from 'vitest';
import { kindOf, takesProposals } from './kinds';

const kind = (tag: string, attributes: Record<string, string> = {}) => kindOf(tag, (name) => attributes[name]);

test('the kind of a field follows from its attributes', () => {
  for (const [tag, attributes, expected] of [
    ['input', {}, 'text'],
    ['input', { type: 'date' }, 'text'],
    ['textarea', {}, 'text'],
    ['select', {}, 'choice'],
    ['input', { type: 'radio' }, 'choice'],
    ['input', { type: 'PASSWORD' }, 'secret'],
    ['input', { type: 'text', 'data-rr-is-password': 'true' }, 'secret'],
    ['input', { autocomplete: 'one-time-code' }, 'secret'],
    ['input', { autocomplete: 'section-a cc-number' }, 'secret'],
    ['input', { type: 'file' }, 'secret'],
    ['input', { type: 'submit' }, 'submit'],
    ['button', {}, 'submit'],
    ['input', { type: 'hidden' }, null],
    ['div', {}, null],
    ['div', { 'data-bb-kind': 'sign' }, 'sign'],
    ['input', { 'data-bb-kind': 'pay' }, 'pay'],
    ['input', { 'data-bb-kind': 'nonsense' }, 'text'],
    // No page makes a secret of its citizen's into less of one.
    ['input', { type: 'password', 'data-bb-kind': 'text' }, 'secret'],
    ['button', { 'data-bb-kind': 'choice' }, 'submit'],
    ['button', { 'data-bb-kind': 'pay' }, 'pay'],
  ] as const) {
    expect(kind(tag, attributes), JSON.stringify([tag, attributes])).toBe(expected);
  }
});

test('only what is written or chosen takes proposals', () => {
  const taken = (['text', 'choice', 'secret', 'submit', 'sign', 'pay', 'face'] as const).filter(takesProposals);
  expect(taken).toEqual(['text', 'choice']);
});
