import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  EDGE,
  Hand,
  MOST_POINTS,
  MOST_POINTS_OF_STROKE,
  Pace,
  SPEAK_MS,
  fitted,
  nextNumber,
  noInk,
  onPicture,
  toNearestPoint,
  toPixel,
  toPoint,
  withChange,
  type Ink,
  type Spoken,
} from './ink';
import type { InkChange, Point } from '../../generated/protocol';

const sides = fc.record({ width: fc.integer({ min: 1, max: 5_000 }), height: fc.integer({ min: 1, max: 5_000 }) });

describe('the picture in its box', () => {
  it('is centred with bars at two sides', () => {
    expect(fitted({ width: 400, height: 400 }, { width: 1_600, height: 800 })).toEqual({
      left: 0,
      top: 100,
      width: 400,
      height: 200,
    });
    expect(fitted({ width: 400, height: 100 }, { width: 50, height: 50 })).toEqual({
      left: 150,
      top: 0,
      width: 100,
      height: 100,
    });
  });

  it('has no place before it has a size', () => {
    expect(fitted({ width: 0, height: 100 }, { width: 50, height: 50 })).toBeNull();
    expect(fitted({ width: 100, height: 100 }, { width: 0, height: 50 })).toBeNull();
  });

  it('takes a press to the same place on every screen, within a thousandth', () => {
    fc.assert(
      fc.property(
        sides,
        sides,
        sides,
        fc.integer({ min: 0, max: EDGE }),
        fc.integer({ min: 0, max: EDGE }),
        (...all) => {
          const [box, other, picture, x, y] = all;
          const here = fitted(box, picture)!;
          const there = fitted(other, picture)!;
          const at = toPixel(here, { x, y });
          const said = toNearestPoint(here, at.x, at.y);
          const seen = toPixel(there, said);
          expect(Math.abs((seen.x - there.left) / there.width - x / EDGE)).toBeLessThan(0.001);
          expect(Math.abs((seen.y - there.top) / there.height - y / EDGE)).toBeLessThan(0.001);
        },
      ),
    );
  });

  it('has bars on which nothing is pressed, and whose edge a stroke follows', () => {
    const rect = fitted({ width: 400, height: 400 }, { width: 1_600, height: 800 })!;
    expect(toPoint(rect, 200, 99)).toBeNull();
    expect(toPoint(rect, 200, 301)).toBeNull();
    expect(toPoint(rect, 200, 100)).toEqual({ x: Math.round(EDGE / 2), y: 0 });
    expect(toNearestPoint(rect, -50, 399)).toEqual({ x: 0, y: EDGE });
  });
});

describe('what stands on a picture', () => {
  const pen = (...points: number[]): InkChange => ({
    type: 'drawn',
    number: 1,
    stroke: { type: 'pen', points: points.map((x) => ({ x, y: x })) },
  });

  it('grows with a pen, moves with a box, and is each one’s own', () => {
    let ink: Ink = onPicture(noInk, 3);
    ink = withChange(ink, 3, 'pa_a', pen(1, 2));
    ink = withChange(ink, 3, 'pa_b', pen(9));
    ink = withChange(ink, 3, 'pa_a', pen(3));
    expect(ink.strokes.map((one) => one.stroke)).toEqual([
      { type: 'pen', points: [1, 2, 3].map((x) => ({ x, y: x })) },
      { type: 'pen', points: [{ x: 9, y: 9 }] },
    ]);
    const box = (to: number): InkChange => ({
      type: 'drawn',
      number: 2,
      stroke: { type: 'box', from: { x: 0, y: 0 }, to: { x: to, y: to } },
    });
    ink = withChange(withChange(ink, 3, 'pa_a', box(5)), 3, 'pa_a', box(8));
    expect(ink.strokes.at(-1)?.stroke).toEqual({ type: 'box', from: { x: 0, y: 0 }, to: { x: 8, y: 8 } });
    ink = withChange(ink, 3, 'pa_b', { type: 'undone', number: 2 });
    expect(ink.strokes).toHaveLength(3);
    ink = withChange(ink, 3, 'pa_a', { type: 'undone', number: 2 });
    expect(ink.strokes).toHaveLength(2);
    expect(withChange(ink, 3, 'pa_b', { type: 'cleared' }).strokes).toEqual([]);
  });

  it('does not hear of another picture, and is gone with its own', () => {
    const ink = withChange(onPicture(noInk, 3), 3, 'pa_a', pen(1));
    expect(withChange(ink, 2, 'pa_a', { type: 'cleared' })).toBe(ink);
    expect(onPicture(ink, 3)).toBe(ink);
    expect(onPicture(ink, 4).strokes).toEqual([]);
  });
});

describe('numbers of strokes', () => {
  it('rise, also after a reload that forgot the last one', () => {
    expect(nextNumber(0, 12_345)).toBe(123);
    expect(nextNumber(123, 12_350)).toBe(124);
    expect(nextNumber(0, -5)).toBe(1);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 100, max: 5_000 }), { minLength: 2 }), (pauses) => {
        let at = 0;
        let before = 0;
        for (const pause of pauses) {
          at += pause;
          // Every stroke is drawn by a page that has just been loaded.
          const number = nextNumber(0, at);
          expect(number).toBeGreaterThan(before);
          before = number;
        }
      }),
    );
  });
});

describe('a hand', () => {
  const point = (x: number): Point => ({ x, y: 0 });
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function drawn(kind: 'pen' | 'box', moves: { x: number; after: number }[]) {
    const said: { spoken: Spoken; at: number }[] = [];
    const hand = new Hand(7, kind, (spoken) => said.push({ spoken, at: performance.now() }));
    for (const { x, after } of moves) {
      vi.advanceTimersByTime(after);
      hand.move(point(x));
    }
    hand.end();
    return said;
  }

  it('speaks at most thirty times a second and loses no point', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 400 }), (pauses) => {
        const moves = pauses.map((after, x) => ({ x, after }));
        const said = drawn('pen', moves);
        const points = said.flatMap(({ spoken }) => (spoken.stroke.type === 'pen' ? spoken.stroke.points : []));
        expect(points.map(({ x }) => x)).toEqual(moves.map(({ x }) => x));
        for (const { spoken } of said) {
          expect(spoken.number).toBe(7);
          if (spoken.stroke.type === 'pen') expect(spoken.stroke.points.length).toBeLessThanOrEqual(MOST_POINTS);
        }
        // Apart from the last word and full frames.
        for (let one = 1; one < said.length - 1; one++) {
          const { spoken, at: when } = said[one]!;
          const isFull = spoken.stroke.type === 'pen' && spoken.stroke.points.length === MOST_POINTS;
          if (!isFull) expect(when - said[one - 1]!.at).toBeGreaterThanOrEqual(SPEAK_MS);
        }
      }),
    );
  });

  it('says of a box where it began and where it is, also while it rests', () => {
    const said: { stroke: Spoken['stroke']; at: number }[] = [];
    const hand = new Hand(7, 'box', ({ stroke }) => said.push({ stroke, at: performance.now() }));
    const began = performance.now();
    hand.move(point(5));
    vi.advanceTimersByTime(10);
    hand.move(point(6));
    vi.advanceTimersByTime(10);
    hand.move(point(9));
    vi.advanceTimersByTime(1_000);
    expect(said).toEqual([
      { stroke: { type: 'box', from: point(5), to: point(5) }, at: began },
      { stroke: { type: 'box', from: point(5), to: point(9) }, at: began + SPEAK_MS },
    ]);
  });

  it('says when a stroke is full', () => {
    const hand = new Hand(1, 'pen', () => {});
    let moves = 1;
    while (hand.move(point(moves))) moves += 1;
    expect(moves).toBe(MOST_POINTS_OF_STROKE);
  });

  it('points at the same pace, last where it rests', () => {
    let at = -1;
    const said: { at: number; when: number }[] = [];
    const pace = new Pace(() => said.push({ at, when: performance.now() }));
    const began = performance.now();
    for (at = 0; at < 200; at++) {
      pace.ask();
      vi.advanceTimersByTime(5);
    }
    at = 199;
    vi.advanceTimersByTime(SPEAK_MS);
    expect(said.length).toBeLessThanOrEqual(31);
    expect(said[0]).toEqual({ at: 0, when: began });
    expect(said.at(-1)!.at).toBe(199);
    pace.ask();
    pace.stop();
    vi.advanceTimersByTime(1_000);
    expect(said.at(-1)!.when).toBeLessThan(began + 1_100);
  });
});
