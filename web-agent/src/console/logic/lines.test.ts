import { expect, test } from 'vitest';
import type { ThreadEntry } from '../../generated/protocol';
import { emptyThread } from '../../shared/thread';
import { linesOf, type Line, type LineSources } from './lines';
import { agent, citizen, entry, thread } from './testing';

const at = (hour: number, minute: number, second = 0) => new Date(2026, 10, 23, hour, minute, second).getTime();
const note = (seq: number, when: number): ThreadEntry => entry(seq, agent, { type: 'note', text: `n${seq}` }, when);
const build = (sources: Partial<LineSources>) =>
  linesOf({
    shared: emptyThread,
    notes: emptyThread,
    waiting: [],
    acknowledged: [],
    unreadAfter: null,
    ...sources,
  });
const keys = (lines: Line[]) => lines.filter((line) => line.kind !== 'day').map((line) => line.key);

test('notes stand between the messages by time; each lane keeps its order', () => {
  const shared = thread([entry(1, citizen, 'a', at(9, 0)), entry(2, agent, 'b', at(9, 10))]);
  const notes = { ...emptyThread, entries: [note(1, at(9, 5)), note(2, at(9, 20))] };
  expect(keys(build({ shared, notes }))).toEqual(['shared-1', 'notes-1', 'shared-2', 'notes-2']);
});

test('notes from before the loaded page wait for that page', () => {
  const shared = { ...thread([entry(101, citizen, 'a', at(9, 0))]), more: true };
  const notes = { ...emptyThread, entries: [note(1, at(8, 0)), note(2, at(9, 1))] };
  expect(keys(build({ shared, notes }))).toEqual(['shared-101', 'notes-2']);
  expect(keys(build({ shared: { ...shared, more: false }, notes }))).toEqual(['notes-1', 'shared-101', 'notes-2']);
});

test('a new day is said once', () => {
  const yesterday = at(9, 0) - 86_400_000;
  const lines = build({
    shared: thread([
      entry(1, citizen, 'a', yesterday),
      entry(2, citizen, 'b', at(9, 0)),
      entry(3, citizen, 'c', at(9, 1)),
    ]),
  });
  expect(lines.map((line) => line.kind)).toEqual(['day', 'entry', 'day', 'entry', 'entry']);
});

test('one author within 2 minutes goes on; another lane, author, day or pause begins anew', () => {
  const shared = thread([
    entry(1, citizen, 'a', at(9, 0)),
    entry(2, citizen, 'b', at(9, 1, 59)),
    entry(3, citizen, 'c', at(9, 4)),
    entry(4, agent, 'd', at(9, 4, 1)),
    entry(5, { type: 'system' }, { type: 'finished' }, at(9, 4, 2)),
    entry(6, agent, 'e', at(9, 4, 3)),
  ]);
  const notes = { ...emptyThread, entries: [note(1, at(9, 4, 4))] };
  const follows = build({ shared, notes }).flatMap((line) => (line.kind === 'entry' ? [line.follows] : []));
  expect(follows).toEqual([false, true, false, false, false, false, false]);
});

test('the mark of the unread stands before the first message of the citizen after the read position', () => {
  const shared = thread([entry(1, citizen, 'a'), entry(2, agent, 'b'), entry(3, agent, 'c'), entry(4, citizen, 'd')]);
  expect(keys(build({ shared, unreadAfter: 1 }))).toEqual(['shared-1', 'shared-2', 'shared-3', 'unread', 'shared-4']);
  expect(keys(build({ shared, unreadAfter: 4 }))).not.toContain('unread');
});

test('a message on its way stands last, and never beside its own entry', () => {
  const out = (clientId: string) => ({ clientId, conversation: 'cv_1', text: clientId, writtenAt: 0 });
  const shared = thread([{ ...entry(1, agent, 'a'), clientId: 'x' }]);
  const lines = build({ shared, acknowledged: [out('y')], waiting: [out('x'), out('y'), out('z')] });
  expect(keys(lines)).toEqual(['shared-1', 'out-y', 'out-z']);
  expect(lines.flatMap((line) => (line.kind === 'outgoing' ? [line.isAcknowledged] : []))).toEqual([true, false]);
});
