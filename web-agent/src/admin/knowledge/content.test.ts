import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changedFields, emptyContent, pieces } from './content';

test('what changed is told letter by letter', () => {
  expect(pieces('补办收费20元', '补办收费30元')).toEqual([
    { kind: 'same', text: '补办收费' },
    { kind: 'gone', text: '2' },
    { kind: 'new', text: '3' },
    { kind: 'same', text: '0元' },
  ]);
  expect(pieces('', '新')).toEqual([{ kind: 'new', text: '新' }]);
  expect(pieces('旧', '')).toEqual([{ kind: 'gone', text: '旧' }]);
  expect(pieces('', '')).toEqual([]);
});

test('both texts can be read from the pieces, also of long ones', () => {
  const text = fc.array(fc.constantFrom('甲', '乙', '丙', '\n', '😀'), { maxLength: 40 }).map((all) => all.join(''));
  const side = (kind: 'gone' | 'new', all: ReturnType<typeof pieces>) =>
    all
      .filter((one) => one.kind === 'same' || one.kind === kind)
      .map((one) => one.text)
      .join('');
  fc.assert(
    fc.property(text, text, fc.boolean(), (a, b, isLong) => {
      const pad = isLong ? '长\n'.repeat(800) : '';
      const all = pieces(pad + a, pad + b);
      expect([side('gone', all), side('new', all)]).toEqual([pad + a, pad + b]);
    }),
  );
});

test('fields that differ are named in the order of the form', () => {
  const before = emptyContent();
  expect(changedFields(before, { ...before, similar: [] })).toEqual([]);
  expect(changedFields(before, { ...before, validTo: 5, question: '问', items: ['a'] })).toEqual([
    'question',
    'items',
    'validTo',
  ]);
});
