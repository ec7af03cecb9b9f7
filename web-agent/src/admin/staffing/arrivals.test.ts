import { describe, expect, it } from 'vitest';
import { clockOf, readArrivals, WrongLine } from './arrivals';

const some = (text: string) => {
  const { arrivals, days } = readArrivals(text);
  return {
    days,
    some: Object.fromEntries(arrivals.flatMap((count, slot) => (count > 0 ? [[clockOf(slot), count]] : []))),
  };
};

describe('a file of arrivals', () => {
  it('has one request per line, averaged over its days', () => {
    const text =
      '\uFEFF时间\r\n2026-11-23 09:12\r\n2026-11-23T09:29:59.123\r\n2026-11-24 09:00:01\r\n2026-11-24 13:30\r\n';
    expect(some(text)).toEqual({ days: 2, some: { '09:00': 1.5, '13:30': 0.5 } });
  });

  it('may count half hours of one day', () => {
    expect(some('from,count\n09:00,12\n09:30,7.5\n')).toEqual({ days: 1, some: { '09:00': 12, '09:30': 7.5 } });
    expect(some('9:05\n9:10\n')).toEqual({ days: 1, some: { '09:00': 2 } });
  });

  it('names the line that is none', () => {
    for (const [text, line] of [
      ['time\n09:00,1\nnoon,2', 3],
      ['time\n24:00', 2],
      ['time\n09:00,-1', 2],
      ['time\n', 1],
      ['', 1],
    ] as const) {
      expect(() => readArrivals(text), text).toThrow(new WrongLine(line));
    }
  });
});
