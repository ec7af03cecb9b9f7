import { beforeEach, expect, test } from 'vitest';
import type {
  Answer,
  Command,
  ConversationView,
  EventBody,
  MyConversation,
  Party,
  Snapshot,
  Stage,
  ThreadEntry,
} from '../../generated/protocol';
import type { Subscription } from '../../shared/link';
import { createConversations, type Conversations } from './conversations';

const agent: Party = { type: 'agent', id: 'ag_1', name: '李敏' };
const entry = (seq: number, from: Party = agent): ThreadEntry => ({
  seq,
  at: seq,
  from,
  body: { type: 'text', text: `${seq}` },
});
const view = (stage: Stage = 'serving', citizenRead = 0): ConversationView => ({
  id: 'cv_1',
  version: 1,
  stage,
  item: 'a',
  itemName: '居住证办理',
  team: 'residence',
  teamName: '居住与户籍',
  openedAt: 5,
  clock: null,
  position: null,
  agent: null,
  outcome: null,
  stars: null,
  slot: null,
  helpers: [],
  citizenRead,
  agentRead: 0,
  citizenOnline: true,
});
const mine = (id: string, stage: Stage = 'serving'): MyConversation => ({
  id,
  item: null,
  itemName: null,
  stage,
  openedAt: 1,
});
const snapshot = (
  entries: ThreadEntry[],
  more: Partial<Extract<Snapshot, { type: 'conversation' }>> = {},
): Snapshot => ({
  type: 'conversation',
  view: view(),
  entries,
  reset: true,
  more: false,
  ...more,
});

let subscriptions: Map<string, Subscription>;
let requests: Command[];
let answers: Answer[];
let news: [string, number[]][];
let arrived: number[];
let conversations: Conversations;

beforeEach(() => {
  subscriptions = new Map();
  requests = [];
  answers = [];
  news = [];
  arrived = [];
  conversations = createConversations({
    link: {
      request: (body) => {
        requests.push(body);
        return Promise.resolve(answers.shift() ?? { type: 'done' });
      },
      subscribe: (topic, subscription) => {
        subscriptions.set(topic, subscription);
        return () => subscriptions.delete(topic);
      },
    },
    news: (id, entries) => news.push([id, entries.map(({ seq }) => seq)]),
    arrived: (entries) => arrived.push(...entries.map(({ seq }) => seq)),
    now: () => 0,
  });
});

const topic = (id = 'cv_1') => subscriptions.get(`conversation:${id}`)!;
const happens = (body: EventBody, seq?: number) => topic().event(body, seq);

test('what is open is listened to, what is closed only when it is shown', () => {
  conversations.replace([mine('cv_1'), mine('cv_2', 'closed'), mine('cv_3', 'call_back')]);
  expect([...subscriptions.keys()]).toEqual(['conversation:cv_1', 'conversation:cv_3']);
  conversations.listen('cv_2');
  conversations.listen('cv_2');
  expect(subscriptions.size).toBe(3);
});

test('history is not news, what comes later is, also what was missed while the link was lost', () => {
  conversations.replace([mine('cv_1')]);
  expect(topic().after?.()).toBeUndefined();
  topic().snapshot(snapshot([entry(1), entry(2)]), 2);
  expect(news).toEqual([]);
  happens({ type: 'entry', entry: entry(3) }, 3);
  expect(topic().after?.()).toBe(3);
  topic().snapshot(snapshot([entry(4), entry(5)], { reset: false }), 5);
  expect(news).toEqual([
    ['cv_1', [3]],
    ['cv_1', [4, 5]],
  ]);
  expect(arrived).toEqual([1, 2, 3, 4, 5]);
});

test('an entry that came before is no news, and a gap subscribes anew', () => {
  conversations.replace([mine('cv_1')]);
  topic().snapshot(snapshot([entry(1)]), 1);
  expect(happens({ type: 'entry', entry: entry(1) }, 1)).toBeUndefined();
  expect(happens({ type: 'entry', entry: entry(3) }, 3)).toBe('gap');
  expect(news).toEqual([]);
});

test('the list tells what the threads know', () => {
  conversations.replace([mine('cv_1', 'bot')]);
  topic().snapshot(snapshot([], { view: view('waiting') }), 0);
  expect(conversations.list.value).toEqual([
    { id: 'cv_1', item: 'a', itemName: '居住证办理', stage: 'waiting', openedAt: 5 },
  ]);
});

test('a later list keeps what was opened meanwhile', () => {
  conversations.replace([mine('cv_1')]);
  conversations.add(mine('cv_2', 'bot'));
  conversations.replace([mine('cv_1')]);
  expect(conversations.list.value.map(({ id }) => id)).toEqual(['cv_2', 'cv_1']);
});

test('one that is not ours leaves the list', () => {
  conversations.add(mine('cv_9'));
  topic('cv_9').refused?.({ code: 'not_found' } as never);
  expect(conversations.list.value).toEqual([]);
});

test('unread counts over all conversations until they are seen, and the server is told once', () => {
  conversations.replace([mine('cv_1'), mine('cv_2')]);
  topic().snapshot(snapshot([entry(1), entry(2)], { view: view('serving', 1) }), 2);
  topic('cv_2').snapshot(snapshot([entry(1)]), 1);
  expect(conversations.unreadTotal.value).toBe(2);
  conversations.see('cv_1', 2);
  conversations.see('cv_1', 2);
  expect(conversations.unread('cv_1')).toBe(0);
  expect(requests).toEqual([{ type: 'read', conversation: 'cv_1', seq: 2 }]);
  expect(conversations.unreadTotal.value).toBe(1);
});

test('of a closed conversation the server keeps no read position: it is seen here only', () => {
  conversations.add(mine('cv_1', 'closed'));
  topic().snapshot(snapshot([entry(1)], { view: view('closed') }), 1);
  conversations.see('cv_1', 1);
  expect(requests).toEqual([]);
  expect(conversations.unreadTotal.value).toBe(0);
});

test('older pages come before what is there, and are no news', async () => {
  conversations.replace([mine('cv_1')]);
  topic().snapshot(snapshot([entry(3)], { more: true }), 3);
  answers.push({ type: 'earlier', entries: [entry(1), entry(2)], more: false });
  await conversations.loadEarlier('cv_1');
  expect(conversations.thread('cv_1').entries.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  await conversations.loadEarlier('cv_1');
  expect(requests).toEqual([{ type: 'load_earlier', conversation: 'cv_1', before: 3 }]);
  expect(news).toEqual([]);
});
