import { describe, expect, it } from 'vitest';
import { watermarkNumber, watermarkTime } from './watermark';

describe('watermark', () => {
  it('says the minute in Shanghai, whatever zone the machine is in', () => {
    expect(watermarkTime(Date.UTC(2026, 10, 28, 4, 3, 59))).toBe('2026-11-28 12:03');
    expect(watermarkTime(Date.UTC(2026, 11, 31, 16, 0))).toBe('2027-01-01 00:00');
  });

  it('names staff by the end of their id', () => {
    expect(watermarkNumber('ag_0199aaaabbbb7ccc8dddeeeeffff0001')).toBe('ffff0001');
  });
});
