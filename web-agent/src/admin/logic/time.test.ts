import { expect, test } from 'vitest';
import { ago, exactTime, inputText, instantOf, timeStamp } from './time';

const at = Date.parse('2026-11-24T16:30:15Z');

test('fields show and take the time of Shanghai, wherever the browser is', () => {
  expect(inputText(at)).toBe('2026-11-25T00:30');
  expect(instantOf('2026-11-25T00:30')).toBe(at - 15_000);
  expect(instantOf('')).toBeNull();
  expect([timeStamp(at), exactTime(at)]).toEqual(['2026-11-25 00:30', '2026-11-25 00:30:15']);
});

test('how long ago', () => {
  const spans: [number, string][] = [
    [59_000, '刚刚'],
    [60_000, '1 分钟前'],
    [3_599_000, '59 分钟前'],
    [7_200_000, '2 小时前'],
    [3 * 86_400_000, '3 天前'],
  ];
  for (const [span, expected] of spans) expect(ago(at - span, at, 'zh')).toBe(expected);
});
