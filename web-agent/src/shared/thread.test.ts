import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConversationView, EventBody, Party, Snapshot, ThreadEntry } from '../generated/protocol';
import {
  emptyThread,
  isPruned,
  lastSeq,
  sameParty,
  TYPING_MS,
  typingAt,
  withEarlier,
  withEvent,
  withSnapshot,
  type ThreadState,
} from './thread';

const citizen: Party = { type: 'citizen' };
const agent = (id: string): Party => ({ type: 'agent', id, name: id });

const entry = (seq: number, from: Party = citizen): ThreadEntry => ({
  seq,
  at: seq,
  from,
  body: { type: 'text', text: String(seq) },
});
const entries = (...seqs: number[]) => seqs.map((seq) => entry(seq));

const view = (version: number, change: Partial<ConversationView> = {}): ConversationView => ({
  id: 'cv_1',
  version,
  stage: 'serving',
  item: null,
  itemName: null,
  team: 'residence',
  teamName: '综合帮办',
  openedAt: 0,
  clock: null,
  position: null,
  agent: null,
  outcome: null,
  stars: null,
  slot: null,
  helpers: [],
  citizenRead: 0,
  agentRead: 0,
  citizenOnline: true,
  ...change,
});

const snapshot = (list: ThreadEntry[], reset: boolean, version = 1, more = false): Snapshot => ({
  type: 'conversation',
  view: view(version),
  entries: list,
  reset,
  more,
});

const after = (state: ThreadState, body: EventBody, now = 0): ThreadState => {
  const next = withEvent(state, body, now);
  if (next === 'gap') throw new Error('gap');
  return next;
};

const seqs = (state: ThreadState) => state.entries.map((one) => one.seq);

describe('entries', () => {
  it('follow each other; what is known is not repeated; what is missing is a gap', () => {
    const state = withSnapshot(emptyThread, snapshot(entries(1, 2), true));
    expect(seqs(after(state, { type: 'entry', entry: entry(3) }))).toEqual([1, 2, 3]);
    expect(withEvent(state, { type: 'entry', entry: entry(2) }, 0)).toBe(state);
    expect(withEvent(state, { type: 'entry', entry: entry(4) }, 0)).toBe('gap');
    expect(withEvent(emptyThread, { type: 'entry', entry: entry(2) }, 0)).toBe('gap');
    expect(seqs(after(emptyThread, { type: 'entry', entry: entry(1) }))).toEqual([1]);
  });

  it('a snapshot resumes from the last one, or replaces everything when it says so', () => {
    const state = withSnapshot(emptyThread, snapshot(entries(1, 2), true, 1, false));
    expect(seqs(withSnapshot(state, snapshot(entries(2, 3, 4), false)))).toEqual([1, 2, 3, 4]);
    const replaced = withSnapshot(state, snapshot(entries(40, 41), true, 1, true));
    expect([seqs(replaced), replaced.more, lastSeq(replaced)]).toEqual([[40, 41], true, 41]);
    // Resuming says nothing about what stands before.
    expect(withSnapshot(replaced, snapshot(entries(42), false, 1, false)).more).toBe(true);
  });

  it('an older page goes before the first one, without what is there', () => {
    const state = withSnapshot(emptyThread, snapshot(entries(5, 6), true, 1, true));
    const earlier = withEarlier(state, entries(3, 4, 5), false);
    expect([seqs(earlier), earlier.more]).toEqual([[3, 4, 5, 6], false]);
    expect(seqs(withEarlier(emptyThread, entries(1, 2), false))).toEqual([1, 2]);
  });

  it('law: any mixture of resumed snapshots, repeated and lost events gives the log, whole and once', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('events' as const), from: fc.nat(30), count: fc.nat(6) }),
      fc.record({ kind: fc.constant('resume' as const), overlap: fc.nat(5), upTo: fc.nat(30) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        let state = withSnapshot(emptyThread, snapshot([], true));
        for (const one of steps) {
          const last = lastSeq(state);
          if (one.kind === 'events') {
            for (let seq = one.from + 1; seq <= one.from + one.count; seq++) {
              const next = withEvent(state, { type: 'entry', entry: entry(seq) }, 0);
              if (next !== 'gap') state = next;
              else expect(seq).toBeGreaterThan(lastSeq(state) + 1);
            }
          } else {
            const from = Math.max(1, last + 1 - one.overlap);
            const list = Array.from({ length: Math.max(0, one.upTo - from + 1) }, (_, i) => entry(from + i));
            state = withSnapshot(state, snapshot(list, false));
          }
          expect(seqs(state)).toEqual(Array.from({ length: lastSeq(state) }, (_, i) => i + 1));
        }
      }),
    );
  });
});

it('a thread without its greeting has been deleted, but not one that goes on before its first entry', () => {
  const read = (stage: ConversationView['stage'], list: ThreadEntry[], more = false) => {
    const snapshot: Snapshot = { type: 'conversation', view: view(1, { stage }), entries: list, reset: true, more };
    return isPruned(withSnapshot(emptyThread, snapshot));
  };
  expect(isPruned(emptyThread)).toBe(false);
  expect(read('closed', [])).toBe(true);
  expect(read('closed', entries(1))).toBe(false);
  expect(read('closed', [], true)).toBe(false);
  expect(read('bot', [])).toBe(false);
});

describe('the state beside the thread', () => {
  it('an older view never replaces a newer one, a snapshot always does', () => {
    const state = withSnapshot(emptyThread, snapshot([], true, 5));
    expect(withEvent(state, { type: 'conversation', view: view(5, { stage: 'closed' }) }, 0)).toBe(state);
    expect(after(state, { type: 'conversation', view: view(6, { stage: 'closed' }) }).view?.stage).toBe('closed');
    expect(withSnapshot(state, snapshot([], false, 2)).view?.version).toBe(2);
  });

  it('read positions only rise, each on its side', () => {
    let state = withSnapshot(emptyThread, snapshot([], true));
    state = after(state, { type: 'read', by: citizen, seq: 4 });
    state = after(state, { type: 'read', by: citizen, seq: 3 });
    state = after(state, { type: 'read', by: agent('a'), seq: 2 });
    expect([state.view?.citizenRead, state.view?.agentRead]).toEqual([4, 2]);
  });

  it('presence is kept; before the first snapshot there is nothing to keep it in', () => {
    const state = withSnapshot(emptyThread, snapshot([], true));
    expect(after(state, { type: 'citizen_presence', online: false }).view?.citizenOnline).toBe(false);
    expect(withEvent(emptyThread, { type: 'citizen_presence', online: false }, 0)).toBe(emptyThread);
    expect(withEvent(emptyThread, { type: 'read', by: citizen, seq: 1 }, 0)).toBe(emptyThread);
  });

  it('notes keep the view of the conversation, and other topics change nothing', () => {
    const state = withSnapshot(emptyThread, snapshot(entries(1), true, 3));
    const notes: Snapshot = {
      type: 'notes',
      context: {
        citizenName: '张*',
        citizenKind: 'person',
        phone: null,
        anonymous: false,
        level: 'L3',
        creditCode: null,
        language: null,
        hall: null,
        ticket: null,
        channel: 'pc',
        item: null,
        history: [],
        answers: [],
      },
      entries: entries(2),
      reset: false,
      draft: '',
      monitors: [],
    };
    expect(withSnapshot(state, notes).view?.version).toBe(3);
    expect(withSnapshot(state, { type: 'board', view: {} } as unknown as Snapshot)).toBe(state);
    expect(withEvent(state, { type: 'tick', now: 1 }, 0)).toBe(state);
  });
});

describe('typing', () => {
  const typing = (from: Party, is = true): EventBody => ({ type: 'typing', from, typing: is });

  it('is believed for six seconds and no longer', () => {
    const state = after(emptyThread, typing(citizen), 1_000);
    expect(typingAt(state, 1_000 + TYPING_MS - 1)).toEqual(citizen);
    expect(typingAt(state, 1_000 + TYPING_MS)).toBeNull();
    expect(typingAt(after(state, typing(citizen), 4_000), 1_000 + TYPING_MS)).toEqual(citizen);
  });

  it('ends when they say so, when their message comes, and when the link was lost', () => {
    const state = after(emptyThread, typing(agent('a')), 0);
    expect(after(state, typing(agent('a'), false)).typing).toBeNull();
    expect(after(state, { type: 'entry', entry: entry(1, agent('a')) }).typing).toBeNull();
    expect(after(state, { type: 'entry', entry: entry(1, agent('b')) }).typing).not.toBeNull();
    expect(withSnapshot(state, snapshot([], false)).typing).toBeNull();
  });
});

it('agents are told apart by their id, the others by what they are', () => {
  expect(sameParty(agent('a'), { type: 'agent', id: 'a', name: 'another name' })).toBe(true);
  expect(sameParty(agent('a'), agent('b'))).toBe(false);
  expect(sameParty(citizen, { type: 'bot' })).toBe(false);
  expect(sameParty(citizen, citizen)).toBe(true);
});
