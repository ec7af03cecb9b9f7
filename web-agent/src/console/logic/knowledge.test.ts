import { expect, test } from 'vitest';
import { entryOf, insertedAt, lastAsked, opensSearch, solvedBy } from './knowledge';
import { agent, citizen, entry, hit } from './testing';

const known = [hit('kb-1', '首次申领免费。'), hit('kb-2', '可在线申请。')];

test('the id of an answer is kept exactly while its wording is unchanged', () => {
  expect(entryOf('首次申领免费。', known)?.entry).toBe('kb-1');
  expect(entryOf('  首次申领免费。\n', known)?.entry).toBe('kb-1');
  expect(entryOf('首次申领免费', known)).toBeUndefined();
  expect(entryOf('您好，首次申领免费。', known)).toBeUndefined();
  expect(entryOf('', [hit('kb-3', '')])).toBeUndefined();
});

test('an answer is put in at the caret, on lines of its own', () => {
  expect(insertedAt('', 0, 0, 'A')).toEqual({ text: 'A', caret: 1 });
  expect(insertedAt(' \n', 1, 1, 'A')).toEqual({ text: 'A', caret: 1 });
  expect(insertedAt('您好。', 3, 3, 'A')).toEqual({ text: '您好。\nA', caret: 5 });
  expect(insertedAt('前后', 1, 1, 'A')).toEqual({ text: '前\nA\n后', caret: 3 });
  expect(insertedAt('换掉我', 0, 3, 'A')).toEqual({ text: 'A', caret: 1 });
});

test('a slash opens the search at the begin of a line, also as the Chinese input method writes it', () => {
  expect(opensSearch('', '/', 1)).toBe(true);
  expect(opensSearch('', '、', 1)).toBe(true);
  expect(opensSearch('您好\n', '您好\n/', 4)).toBe(true);
  expect(opensSearch('和', '和/', 2)).toBe(false);
  expect(opensSearch('张三', '张三、', 3)).toBe(false);
  expect(opensSearch('', 'a', 1)).toBe(false);
  // Pasted or deleted text is not a key.
  expect(opensSearch('', '/a', 1)).toBe(false);
  expect(opensSearch('//', '/', 1)).toBe(false);
});

test('what may be written back is the last answer in an agent’s own words, with the question before it', () => {
  const official = { type: 'text' as const, text: '官方口径', entry: 'kb-1', revision: 1 };
  const thread = [
    entry(1, citizen, '你好'),
    entry(2, citizen, '量子居住证\n怎么办'),
    entry(3, agent, '请到窗口办理'),
    entry(4, citizen, '谢谢'),
    entry(5, agent, official),
  ];
  expect(solvedBy(thread)).toEqual({ question: '量子居住证 怎么办', answer: '请到窗口办理' });
  expect(lastAsked(thread)).toBe('谢谢');
  expect(solvedBy([entry(1, citizen, '你好'), entry(2, agent, official)])).toBeNull();
  expect(solvedBy([])).toBeNull();
});
