import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PageEvent } from './events';
import { Cutter, Joiner } from './pieces';

const event = (text: string): PageEvent => ({ type: 3, timestamp: 1, data: { source: 0, text } });

test('what was cut is put together again, and no piece is too large', () => {
  const texts = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.constantFrom('"'.repeat(300_000), '证'.repeat(200_000), '😀'.repeat(120_000), '\\'.repeat(120_000)),
  );
  fc.assert(
    fc.property(fc.array(fc.array(texts, { maxLength: 4 }), { maxLength: 3 }), (batches) => {
      const [cutter, joiner] = [new Cutter(), new Joiner()];
      const events = batches.map((batch) => batch.map(event));
      const pieces = events.flatMap((batch) => cutter.cut(batch));
      for (const piece of pieces) {
        expect(new TextEncoder().encode(piece).length).toBeLessThanOrEqual(256 * 1024);
        // No half of a character: the server would not take it for text.
        expect(piece).not.toMatch(/[^\\]\\ud[89ab]/i);
      }
      const joined = pieces.map((piece) => joiner.join(piece));
      expect(joined.some(({ isGap }) => isGap)).toBe(false);
      expect(joined.flatMap((one) => one.events)).toEqual(events.flat());
    }),
    { numRuns: 30 },
  );
});

test('a piece that is missing is noticed, also in the middle of an event', () => {
  const pieces = new Cutter().cut([event('a'), event('证'.repeat(200_000)), event('b')]);
  expect(pieces.length).toBeGreaterThan(3);
  const joiner = new Joiner();
  expect(joiner.join(pieces[0]!).isGap).toBe(false);
  expect(joiner.join(pieces[2]!).isGap).toBe(true);
  expect(joiner.join(pieces[3]!).events).not.toContainEqual(event('证'.repeat(200_000)));
});

test('nonsense is a gap and nothing worse', () => {
  for (const frames of ['', 'null', '[]', '[1]', '{"a":1}', '[{"data":null}]', '[{"type":5,"data":{}}]']) {
    expect(new Joiner().join(frames), frames).toEqual({ isGap: true, events: [] });
  }
  const head = '{"type":5,"timestamp":0,"data":{"tag":"piece","payload":{"number":1}}}';
  const part = '{"type":5,"timestamp":0,"data":{"tag":"part","payload":{"at":3,"of":9,"text":"x"}}}';
  expect(new Joiner().join(`[${head},${part}]`).isGap).toBe(true);
});
