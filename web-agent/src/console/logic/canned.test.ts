import { expect, test } from 'vitest';
import { cannedFor } from './canned';

const answer = (code: string, title: string, text = '') => ({ code, title, text });
const all = [answer('hy2', '欢迎企业'), answer('hy', '欢迎'), answer('jy', '结束语', '欢迎评价'), answer('bz', '补正')];
const codes = (typed: string) => {
  const { byCode, others } = cannedFor(all, typed);
  return [byCode.map(({ code }) => code), others.map(({ code }) => code)];
};

test('the code that was typed out comes first, then longer ones, then what else speaks of it', () => {
  expect(codes('hy')).toEqual([['hy', 'hy2'], []]);
  expect(codes('HY2')).toEqual([['hy2'], []]);
  expect(codes('欢迎')).toEqual([[], ['hy2', 'hy', 'jy']]);
  expect(codes('xx')).toEqual([[], []]);
});

test('before anything is typed all are there', () => {
  expect(codes(' ')).toEqual([[], ['hy2', 'hy', 'jy', 'bz']]);
});
