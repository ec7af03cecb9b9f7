import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClockView } from '../generated/protocol';
import { clockText, slaGlyph, slaMs, slaState } from './sla';

const clock = (change: Partial<ClockView> = {}): ClockView => ({
  askedAt: 0,
  dueAt: 60_000,
  answeredAt: null,
  step: 'running',
  ...change,
});

describe('the state of a clock (rule 1)', () => {
  it.each([
    [0, 'ok'],
    [29_999, 'ok'],
    [30_000, 'at_risk'],
    [59_999, 'at_risk'],
    [60_000, 'breached'],
    [3_600_000, 'breached'],
  ] as const)('%i ms after asking: %s', (now, state) => expect(slaState(clock(), now)).toBe(state));

  it("the server's steps are believed before our own counting", () => {
    expect(slaState(clock({ step: 'warned' }), 1_000)).toBe('at_risk');
    expect(slaState(clock({ step: 'alerted' }), 1_000)).toBe('at_risk');
    expect(slaState(clock({ step: 'breached' }), 1_000)).toBe('breached');
  });

  it('an answer decides: 60.000 s is in time, one millisecond more is late, whatever the step says', () => {
    expect(slaState(clock({ answeredAt: 60_000, step: 'breached' }), 90_000)).toBe('met');
    expect(slaState(clock({ answeredAt: 60_001 }), 90_000)).toBe('late');
  });

  it('never gets better while nobody answers', () => {
    const order = ['ok', 'at_risk', 'breached'];
    fc.assert(
      fc.property(fc.nat(200_000), fc.nat(200_000), fc.integer({ min: 1, max: 200_000 }), (a, b, promise) => {
        const one = clock({ dueAt: promise });
        const [first, second] = [slaState(one, Math.min(a, b)), slaState(one, Math.max(a, b))];
        expect(order.indexOf(second)).toBeGreaterThanOrEqual(order.indexOf(first));
      }),
    );
  });

  it('every state has a glyph of its own', () => {
    const glyphs = Object.values(slaGlyph);
    expect(new Set(glyphs).size).toBe(glyphs.length);
  });
});

describe('the digits', () => {
  it('count down, go below zero, and show how long an answer took', () => {
    expect(slaMs(clock(), 23_000)).toBe(37_000);
    expect(slaMs(clock(), 74_000)).toBe(-14_000);
    expect(slaMs(clock({ askedAt: 1_000, answeredAt: 9_000 }), 74_000)).toBe(8_000);
  });

  it.each([
    [60_000, '01:00'],
    [37_000, '00:37'],
    [36_001, '00:37'],
    [1, '00:01'],
    [0, '00:00'],
    [-999, '00:00'],
    [-1_000, '-00:01'],
    [-14_500, '-00:14'],
    [3_723_000, '1:02:03'],
    [-3_723_000, '-1:02:03'],
  ])('%i ms is %s', (ms, text) => expect(clockText(ms)).toBe(text));

  it('00:00 is shown only when it is over, and a minus only after it', () => {
    fc.assert(
      fc.property(fc.integer({ min: -10_000_000, max: 10_000_000 }), (ms) => {
        const text = clockText(ms);
        if (ms > 0) expect(text).not.toMatch(/^-|^00:00$/);
        if (ms <= -1_000) expect(text).toMatch(/^-/);
      }),
    );
  });
});
