import { expect, test } from 'vitest';
import { csvOf } from './csv';

test('quotes, commas and line ends stay in their cell; formulas do not run', () => {
  expect(
    csvOf([
      ['行', '问题'],
      [3, 'a,"b"\nc'],
      [4, '=1+1'],
    ]),
  ).toBe('\ufeff行,问题\r\n3,"a,""b""\nc"\r\n4,\'=1+1\r\n');
  expect(csvOf([[-5]])).toBe('\ufeff-5\r\n');
});
