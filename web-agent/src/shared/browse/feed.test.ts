import { expect, test } from 'vitest';
import type { EventBody } from '../../generated/protocol';
import { EventKind, Source, type PageEvent } from './events';
import { PageFeed } from './feed';
import { Cutter } from './pieces';

const meta: PageEvent = { type: EventKind.Meta, timestamp: 0, data: { width: 800, height: 600 } };
const whole = (name: string): PageEvent => ({ type: EventKind.FullSnapshot, timestamp: 1, data: { node: { name } } });
const change = (source: number): PageEvent => ({ type: EventKind.Incremental, timestamp: 2, data: { source } });
const frames = (page: number, pieces: readonly string[]): EventBody[] =>
  pieces.map((piece) => ({ type: 'frames', page, frames: piece }));

function heard(feed: PageFeed) {
  const said: { events: readonly PageEvent[]; isWhole: boolean }[] = [];
  feed.listen((events, isWhole) => said.push({ events: [...events], isWhole }));
  return said;
}

test('who looks later sees the page from its last whole picture on, without where the pointer was', () => {
  const [feed, cutter] = [new PageFeed(), new Cutter()];
  const early = heard(feed);
  const [first, second] = [whole('first'), whole('second')];
  const after = [change(Source.Mutation), change(Source.MouseMove), change(Source.Input)];
  for (const batch of [[change(Source.Mutation)], [meta, first], [change(Source.Scroll)], [meta, second], after]) {
    frames(1, cutter.cut(batch)).forEach((body) => feed.heard(body));
  }
  expect(early).toEqual([
    { events: [meta, first], isWhole: true },
    { events: [change(Source.Scroll)], isWhole: false },
    { events: [meta, second], isWhole: true },
    { events: after, isWhole: false },
  ]);
  expect(heard(feed)).toEqual([{ events: [meta, second, after[0], after[2]], isWhole: true }]);
});

test('after a gap, and on another page, nothing is shown before the next whole picture', () => {
  const [feed, cutter] = [new PageFeed(), new Cutter()];
  const said = heard(feed);
  const [start, lost, odd] = [[meta, whole('a')], [change(0)], [change(0)]].map((batch) => cutter.cut(batch)) as [
    string[],
    string[],
    string[],
  ];
  frames(1, start).forEach((body) => feed.heard(body));
  expect(lost).toHaveLength(1);
  frames(1, odd).forEach((body) => feed.heard(body));
  expect([said.length, feed.isThere.value]).toEqual([1, false]);
  const other = new Cutter();
  frames(2, other.cut([change(0)])).forEach((body) => feed.heard(body));
  expect([said.length, feed.isThere.value]).toEqual([1, false]);
  frames(2, other.cut([meta, whole('b')])).forEach((body) => feed.heard(body));
  expect([said.length, feed.isThere.value]).toEqual([2, true]);
});
