import { expect, test } from 'vitest';
import { problemText } from './problems';

test('known problems are said in Chinese, unknown ones as they came', () => {
  for (const [detail, expected] of [
    ['must have at most 100 characters', '最多 100 个字'],
    ['must be 5 to 480', '须在 5 到 480 之间'],
    ['must be more than warnSeconds', '须大于提醒时间'],
    ['no such unit', '没有这个单位'],
    ['the moon is full', 'the moon is full'],
  ] as const) {
    expect(problemText(detail, 'zh')).toBe(expected);
    expect(problemText(detail, 'en')).toBe(detail);
  }
});
