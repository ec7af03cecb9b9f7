import { expect, test } from 'vitest';
import type { AgentView, OwedView } from '../../generated/protocol';
import { leftBecause, neighbour, newlyOwed, rowFacts, successor } from './rows';
import { agent, citizen, conversation, entry, thread } from './testing';

const requested = (seq: number) => entry(seq, { type: 'system' }, { type: 'human_requested', dueAt: 60_000 });

test('unread are the messages of the citizen that no agent has seen, not those of others', () => {
  const state = thread(
    [entry(1, citizen, 'a'), requested(2), entry(3, citizen, 'b'), entry(4, agent, 'c'), entry(5, citizen, 'd')],
    { agentRead: 3 },
  );
  expect(rowFacts(state).unread).toBe(1);
  expect(rowFacts({ ...state, view: { ...state.view!, agentRead: 5 } }).unread).toBe(0);
});

test('the last line is what a person said, whatever the system has written since', () => {
  const closed = entry(4, { type: 'system' }, { type: 'finished' });
  expect(rowFacts(thread([entry(1, citizen, 'a'), entry(2, { type: 'bot' }, 'x'), closed])).last?.seq).toBe(1);
  expect(rowFacts(thread([])).last).toBeNull();
});

test('a reply is owed since the request, then since the first message after the last reply', () => {
  const before = [entry(1, citizen, 'to 小申'), requested(2)];
  expect(rowFacts(thread([entry(1, citizen, 'to 小申')])).owedSince).toBeNull();
  expect(rowFacts(thread([...before, entry(3, citizen, 'b')])).owedSince).toBe(2_000);
  const answered = [...before, entry(3, agent, 'c')];
  expect(rowFacts(thread(answered)).owedSince).toBeNull();
  const middle = { ...thread([entry(7, citizen, 'd')], { clock: conversation('a').clock }), more: true };
  expect(rowFacts(middle).owedSince).toBe(7_000);
  expect(rowFacts(thread([...answered, entry(4, citizen, 'd'), entry(5, citizen, 'e')])).owedSince).toBe(4_000);
});

test('next and previous go around the ends', () => {
  const list = ['a', 'b', 'c'];
  expect(neighbour(list, 'c', 1)).toBe('a');
  expect(neighbour(list, 'a', -1)).toBe('c');
  expect(neighbour(list, null, 1)).toBe('a');
  expect(neighbour(list, 'gone', -1)).toBe('c');
  expect(neighbour([], 'a', 1)).toBeNull();
});

test('after a closing comes who is owed the first response, then who wrote, then the neighbour', () => {
  const owed = { askedAt: 0, dueAt: 60_000, answeredAt: null, step: 'running' } as const;
  const list = [conversation('a'), conversation('b'), conversation('c', { clock: owed })];
  const wrote = (id: string) => (id === 'b' ? 2 : 0);
  expect(successor(list, 0, wrote)).toBe('c');
  expect(successor(list.slice(0, 2), 0, wrote)).toBe('b');
  expect(successor(list.slice(0, 2), 5, () => 0)).toBe('b');
  expect(successor(list.slice(0, 2), -1, () => 0)).toBe('a');
  expect(successor([], 0, wrote)).toBeNull();
});

test('a conversation that the citizen has ended is owed no first response', () => {
  const owed = { askedAt: 0, dueAt: 60_000, answeredAt: null, step: 'running' } as const;
  const list = [conversation('a'), conversation('b', { clock: owed, stage: 'wrap_up' })];
  expect(successor(list, 0, () => 0)).toBe('a');
});

test('why a conversation left is told by the end of its thread', () => {
  const system = { type: 'system' } as const;
  const handed = { type: 'transferred', fromName: '李敏', agent: 'ag_2', name: '王强', teamName: '社会保障' } as const;
  const closed = { type: 'closed', outcome: 'solved', handOn: null, receipt: null } as const;
  expect(leftBecause(thread([entry(1, citizen, 'a'), entry(2, system, handed)]))).toEqual({
    kind: 'taken_over',
    by: '王强',
  });
  const ended = thread([
    entry(1, citizen, 'a'),
    entry(2, system, closed),
    entry(3, system, { type: 'rated', stars: 5 }),
  ]);
  expect(leftBecause(ended).kind).toBe('closed');
  // Taken over long ago, by me: not the reason now.
  expect(leftBecause(thread([entry(1, system, handed), entry(2, citizen, 'a')])).kind).toBe('lost');
  expect(leftBecause(undefined).kind).toBe('lost');
});

test('each further step of an owed answer is told once', () => {
  const owed = (no: number, step: number): OwedView => ({ no, askedAt: 0, dueAt: 180_000, step });
  const view = (promise: OwedView | null) =>
    ({ conversations: [conversation('a', { owed: promise }), conversation('b')] }) as AgentView;
  const told = (before: OwedView | null, next: OwedView | null) =>
    newlyOwed(view(before), view(next)).map(({ id }) => id);
  expect(told(null, owed(1, 1))).toEqual(['a']);
  expect(told(owed(1, 1), owed(1, 1))).toEqual([]);
  expect(told(owed(1, 1), owed(1, 2))).toEqual(['a']);
  expect(told(owed(1, 2), owed(2, 1))).toEqual(['a']);
  expect(told(owed(1, 2), null)).toEqual([]);
});
