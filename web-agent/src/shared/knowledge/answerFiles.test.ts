import { expect, test } from 'vitest';
import { beginOf, isFileId, markdownOf, withoutFiles } from './answerFiles';

const ID = `fl_${'0a'.repeat(16)}`;

test('what is read aloud has the words of pictures and documents', () => {
  expect(withoutFiles(`见 ![样张](${ID})，填[申请表](${ID})。`)).toBe('见 〔样张〕，填申请表。');
  expect(withoutFiles('[指南](https://zwdt.sh.gov.cn/)')).toBe('[指南](https://zwdt.sh.gov.cn/)');
});

test('a begin never ends within a picture', () => {
  const text = `前言 ![样张](${ID}) 后面`;
  expect(beginOf(text, 10)).toBe('前言 ');
  expect(beginOf(text, 3)).toBe('前言 ');
  expect(beginOf(text, 2)).toBe('前言');
  expect(beginOf(text, 999)).toBe(text);
});

test('an editor’s name of a file makes no other Markdown', () => {
  const file = { file: ID, kind: 'image' as const, name: 'a].png', size: 1 };
  expect(markdownOf(file, 'a](https://x)[b')).toBe(`![a (https://x) b](${ID})`);
  expect(markdownOf({ ...file, kind: 'file' }, '表')).toBe(`[表](${ID})`);
  expect([isFileId(ID), isFileId(`${ID}0`), isFileId(`/${ID}`)]).toEqual([true, false, false]);
});
