import { expect, test } from 'vitest';
import type { Party, ThreadBody, ThreadEntry } from '../../generated/protocol';
import type { Outgoing } from '../../shared/outbox';
import { callsForAttention, timeline, unreadAfter, verdicts, type Said } from './timeline';

const MINUTE = 60_000;
const begin = Date.parse('2026-11-24T10:00:00+08:00');
const citizen: Party = { type: 'citizen' };
const agent: Party = { type: 'agent', id: 'ag_1', name: '李敏' };
const text = (words: string): ThreadBody => ({ type: 'text', text: words });

const entry = (seq: number, from: Party, body: ThreadBody, at = begin, clientId?: string): ThreadEntry => ({
  seq,
  at,
  from,
  body,
  ...(clientId ? { clientId } : {}),
});
const waiting = (clientId: string, more: Partial<Outgoing> = {}): Outgoing => ({
  clientId,
  conversation: 'cv_1',
  text: clientId,
  writtenAt: begin,
  ...more,
});
const said = (rows: ReturnType<typeof timeline>) => rows.filter((row): row is Said => row.kind === 'said');

test('a day stands before the first entry of each day', () => {
  const rows = timeline([entry(1, citizen, text('a')), entry(2, citizen, text('b'), begin + 24 * 60 * MINUTE)], [], 0);
  expect(rows.map((row) => row.kind)).toEqual(['day', 'said', 'day', 'said']);
});

test('messages of one author within 3 minutes stand together', () => {
  const rows = said(
    timeline(
      [
        entry(1, agent, text('a')),
        entry(2, agent, text('b'), begin + 3 * MINUTE - 1),
        entry(3, agent, text('c'), begin + 6 * MINUTE - 1),
        entry(4, { type: 'agent', id: 'ag_2', name: '王强' }, text('d'), begin + 6 * MINUTE),
      ],
      [],
      0,
    ),
  );
  expect(rows.map(({ isFirst, isLast }) => [isFirst, isLast])).toEqual([
    [true, false],
    [false, true],
    [true, true],
    [true, true],
  ]);
});

test('what happened parts a group', () => {
  const rows = timeline(
    [entry(1, agent, text('a')), entry(2, { type: 'system' }, { type: 'reopened' }), entry(3, agent, text('b'))],
    [],
    0,
  );
  expect(rows.map((row) => row.kind)).toEqual(['day', 'said', 'happened', 'said']);
  expect(said(rows).every(({ isFirst }) => isFirst)).toBe(true);
});

test('mine are delivered, and read up to what the agents have seen; the change is shown inside a group', () => {
  const rows = said(
    timeline(
      [1, 2, 3].map((seq) => entry(seq, citizen, text('x'))),
      [],
      2,
    ),
  );
  expect(rows.map(({ delivery, isLast }) => [delivery, isLast])).toEqual([
    ['read', false],
    ['read', true],
    ['delivered', true],
  ]);
});

test('what is on its way follows, with what became of it', () => {
  const rows = said(timeline([], [waiting('a'), waiting('b', { refused: 'too_large' })], 0));
  expect(rows.map(({ delivery, refused, seq }) => [delivery, refused, seq])).toEqual([
    ['sending', null, null],
    ['refused', 'too_large', null],
  ]);
});

test('a message that has arrived is shown once, under the key that it had on its way', () => {
  const [before] = said(timeline([], [waiting('a')], 0));
  const after = said(timeline([entry(1, citizen, text('a'), begin, 'a')], [waiting('a')], 0));
  expect(after).toHaveLength(1);
  expect(after[0]!.key).toBe(before!.key);
});

test('a judgement is shown at its answer, not as a row; the last word counts', () => {
  const judge = (seq: number, solved: boolean) => entry(seq, citizen, { type: 'bot_feedback', answer: 1, solved });
  expect(timeline([judge(2, false)], [], 0)).toEqual([]);
  expect(verdicts([judge(2, false), judge(3, true)])).toEqual(new Map([[1, true]]));
});

test('what others say calls for attention; one’s own and mere notes do not', () => {
  expect(callsForAttention(entry(1, agent, text('a')))).toBe(true);
  expect(callsForAttention(entry(1, citizen, text('a')))).toBe(false);
  expect(callsForAttention(entry(1, { type: 'bot' }, { type: 'bot_greeting', itemName: null, suggestions: [] }))).toBe(
    false,
  );
  expect(callsForAttention(entry(1, { type: 'system' }, { type: 'agent_left', name: '李敏' }))).toBe(true);
  const entries = [entry(1, agent, text('a')), entry(2, citizen, text('b')), entry(3, agent, text('c'))];
  expect([0, 1, 3].map((seen) => unreadAfter(entries, seen))).toEqual([2, 1, 0]);
});

test('a file is said like a text, and one on its way keeps its element when it arrives', () => {
  const picture: ThreadBody = { type: 'image', file: 'fl_1', name: 'a.png', size: 9, width: 4, height: 3 };
  const pending = waiting('m1', { text: '', attachment: { kind: 'image', name: 'a.png', size: 9 } });
  const [before] = said(timeline([], [pending], 0));
  expect([before?.pending, before?.delivery]).toEqual([pending, 'sending']);
  const [after] = said(timeline([entry(1, citizen, picture, begin, 'm1')], [pending], 0));
  expect([after?.key, after?.pending, after?.delivery]).toEqual([before?.key, null, 'delivered']);
  expect(callsForAttention(entry(2, agent, { type: 'voice', file: 'fl_2', size: 9, durationMs: 1 }))).toBe(true);
});
