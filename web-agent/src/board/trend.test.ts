import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { line, NOON, view } from './sample';
import { niceTop, POINTS, runs, STEP_MS, stepPath, withSample, type TrendPoint } from './trend';

const board = (waiting: number, hits = 0, decided = 0) =>
  view({}, { total: line({ waiting, hourHits: hits, hourDecided: decided }) });

const collect = (samples: [number, number][]) =>
  samples.reduce<readonly TrendPoint[]>((points, [at, waiting]) => withSample(points, NOON + at, board(waiting)), []);

describe('collecting', () => {
  it('keeps the peak of each step, so that a short queue is not lost between two points', () => {
    expect(
      collect([
        [0, 1],
        [1_000, 4],
        [2_000, 0],
        [5_000, 2],
      ]).map((point) => point.waiting),
    ).toEqual([4, 2]);
  });

  it('keeps the last rate of each step, and none while nothing is decided', () => {
    let points = withSample([], NOON, board(0));
    expect(points[0]?.rate).toBeNull();
    points = withSample(points, NOON + 1, board(0, 1, 1));
    points = withSample(points, NOON + 2, board(0, 1, 2));
    expect(points).toEqual([{ at: NOON, waiting: 0, rate: 0.5 }]);
  });

  it('does not go back when a clock is corrected', () => {
    const points = collect([
      [10_000, 1],
      [4_000, 9],
    ]);
    expect(points.map((point) => [point.at - NOON, point.waiting])).toEqual([[10_000, 1]]);
  });

  it('is bounded, in order and one point a step, whatever is fed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(60_000), fc.nat(9)), { maxLength: 900 }), (pauses) => {
        let at = 0;
        const points = collect(pauses.map(([pause, waiting]) => [(at += pause), waiting]));
        expect(points.length).toBeLessThanOrEqual(POINTS);
        points.forEach((point, i) => {
          expect(point.at % STEP_MS).toBe(0);
          if (i > 0) expect(point.at).toBeGreaterThan(points[i - 1]!.at);
        });
      }),
      { numRuns: 50 },
    );
  });
});

describe('drawing', () => {
  it('a lost link leaves a hole, the jitter of a timer does not', () => {
    const at = [0, 5_000, 15_000, 30_000].map((ms) => ({ at: NOON + ms, waiting: 1, rate: null }));
    expect(runs(at, (point) => point.waiting).map((run) => run.length)).toEqual([3, 1]);
    expect(runs(at, (point) => point.rate)).toEqual([]);
  });

  it('steps: a value holds until the next one', () => {
    const frame = { from: 0, to: 20_000, top: 10, width: 200, height: 100 };
    const run = [
      { at: 0, value: 5 },
      { at: 10_000, value: 10 },
    ];
    expect(stepPath(run, frame)).toBe('M0 50H100V0H150');
    expect(stepPath(run, frame, true)).toBe('M0 50H100V0H150V100H0Z');
    expect(stepPath([], frame)).toBe('');
  });

  it.each([
    [0, 5],
    [5, 5],
    [6, 10],
    [11, 20],
    [24, 50],
    [51, 100],
    [1_001, 2_000],
  ])('the edge above %i is %i', (highest, top) => expect(niceTop(highest)).toBe(top));
});
