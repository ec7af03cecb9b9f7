import { expect, test } from 'vitest';
import type { HandOverPacket, ThreadEntry } from '../../generated/protocol';
import type { Outgoing } from '../../shared/outbox';
import { proposedIn, type Since } from './proposed';
import { agent, citizen, entry, hit } from './testing';

const proposed = { on: 2, probability: 0.72, hit: hit('kb-1', '官方口径') };
const packet: HandOverPacket = {
  reason: 'approval',
  question: '证掉了',
  tried: [],
  shown: [],
  failed: 0,
  proposed,
  guide: null,
};
const asked = [
  entry(1, citizen, '证掉了'),
  entry(2, { type: 'bot' }, { type: 'bot_hand_over', reason: 'approval' }),
  entry(3, { type: 'system' }, { type: 'human_requested', dueAt: 60_000 }),
];
const since = (changes: Partial<Since> = {}): Since => ({
  conversation: 'cv_1',
  shared: asked,
  notes: [],
  waiting: [],
  ...changes,
});
const and = (...more: ThreadEntry[]) => since({ shared: [...asked, ...more] });
const outgoing = (changes: Partial<Outgoing> = {}): Outgoing => ({
  clientId: 'c',
  conversation: 'cv_1',
  text: '官方口径',
  writtenAt: 0,
  ...changes,
});

test('what 小申 proposes stands until a person answers, whatever the citizen writes meanwhile', () => {
  expect(proposedIn(packet, since())).toBe(proposed);
  expect(proposedIn(packet, and(entry(4, citizen, '在吗')))).toBe(proposed);
  expect(proposedIn(packet, and(entry(4, agent, '您好')))).toBeNull();
  expect(proposedIn(packet, and(entry(4, citizen, { type: 'request_cancelled' })))).toBeNull();
  // What was said to them before it is no answer to it.
  const before = [entry(1, agent, '您好'), ...asked.slice(1)];
  expect(proposedIn(packet, since({ shared: before }))).toBe(proposed);
});

test('it is gone while its message is on its way, and comes back if that was refused', () => {
  expect(proposedIn(packet, since({ waiting: [outgoing()] }))).toBeNull();
  expect(proposedIn(packet, since({ waiting: [outgoing({ refused: 'listed_word' })] }))).toBe(proposed);
  expect(proposedIn(packet, since({ waiting: [outgoing({ note: true })] }))).toBe(proposed);
  expect(proposedIn(packet, since({ waiting: [outgoing({ conversation: 'cv_2' })] }))).toBe(proposed);
});

test('put aside it is gone, on every page; and of nothing nothing is shown', () => {
  const rejected = (on: number) =>
    since({ notes: [entry(1, agent, { type: 'proposed_rejected', on, question: '?' })] });
  expect(proposedIn(packet, rejected(2))).toBeNull();
  expect(proposedIn(packet, rejected(1))).toBe(proposed);
  const { proposed: _, ...without } = packet;
  expect(proposedIn(without, since())).toBeNull();
  expect(proposedIn(null, since())).toBeNull();
});
