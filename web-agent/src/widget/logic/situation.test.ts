import { expect, test } from 'vitest';
import type {
  ClockView,
  ConversationView,
  MyConversation,
  Stage,
  ThreadBody,
  ThreadEntry,
} from '../../generated/protocol';
import { asksForPerson, callingElsewhere, comeBackTo, CONTINUE_WITHIN, situation, starsOf } from './situation';

const asked = 1_000_000;
const clock = (changes: Partial<ClockView> = {}): ClockView => ({
  askedAt: asked,
  dueAt: asked + 60_000,
  answeredAt: null,
  step: 'running',
  ...changes,
});
const view = (stage: Stage, changes: Partial<ConversationView> = {}): ConversationView => ({
  id: 'cv_1',
  version: 1,
  stage,
  item: null,
  itemName: null,
  team: 'residence',
  teamName: '综合帮办',
  openedAt: asked,
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
  ...changes,
});
const thread = (...bodies: ThreadBody[]): ThreadEntry[] =>
  bodies.map((body, index) => ({ seq: index + 1, at: asked, from: { type: 'system' }, body }));
const closed: ThreadBody = { type: 'closed', outcome: 'solved', handOn: null, receipt: null };
const rated = (stars: number): ThreadBody => ({ type: 'rated', stars });
const text: ThreadBody = { type: 'text', text: '转人工' };
const handOver = (reason: 'wants_person' | 'not_found' | 'approval'): ThreadBody => ({ type: 'bot_hand_over', reason });

test.each<[Stage, string, string, boolean, boolean]>([
  ['bot', 'available', 'open', true, true],
  ['waiting', 'asked', 'open', true, false],
  ['offered', 'asked', 'open', true, false],
  ['serving', 'serving', 'open', true, false],
  ['wrap_up', 'serving', 'open', false, false],
  ['call_back', 'available', 'open', true, false],
  ['closed', 'available', 'reopens', false, false],
])(
  'in stage %s a human is %s, writing is %s, ending %s, the bot listens %s',
  (stage, human, writing, mayFinish, botListens) => {
    expect(situation(view(stage), thread(closed), asked)).toMatchObject({ human, writing, mayFinish, botListens });
  },
);

test('a closed conversation is continued and rated within 7 days, and not a millisecond later', () => {
  const served = view('closed', { agent: { id: 'ag_1', name: '李敏' }, outcome: 'solved' });
  const last = asked + CONTINUE_WITHIN;
  expect(CONTINUE_WITHIN).toBe(604_800_000);
  expect(situation(served, thread(closed), last)).toMatchObject({
    writing: 'reopens',
    human: 'available',
    mayRate: true,
  });
  expect(situation(served, thread(closed), last + 1)).toMatchObject({ writing: 'over', human: 'none', mayRate: false });
});

test('only what a human served is rated', () => {
  expect(situation(view('closed', { outcome: 'solved_by_bot' }), thread(closed), asked).mayRate).toBe(false);
  const serving = view('serving', { agent: { id: 'ag_1', name: '李敏' } });
  expect(situation(serving, [], asked).mayRate).toBe(false);
});

test('stars count since the last closing: a continued conversation is rated anew', () => {
  expect(starsOf(thread(closed, rated(4), rated(2)))).toBe(2);
  expect(starsOf(thread(closed, rated(4), { type: 'reopened' }, closed))).toBeNull();
  expect(starsOf([])).toBeNull();
});

test('the queue counts the minute down, and says when it is over instead of promising more', () => {
  const waiting = view('waiting', { clock: clock(), position: 3 });
  expect(situation(waiting, [], asked + 23_000).queue).toEqual({
    phase: 'waiting',
    position: 3,
    waitedMs: 23_000,
    leftMs: 37_000,
    promiseMs: 60_000,
    isOver: false,
  });
  expect(situation(waiting, [], asked + 59_999).queue).toMatchObject({ leftMs: 1, isOver: false });
  expect(situation(waiting, [], asked + 60_000).queue).toMatchObject({ leftMs: 0, isOver: true });
  // The server's step decides, also when our clock is behind.
  const breached = view('waiting', { clock: clock({ step: 'breached' }) });
  expect(situation(breached, [], asked + 50_000).queue).toMatchObject({ isOver: true });
});

test('a clock that is behind the server does not count below zero', () => {
  expect(situation(view('waiting', { clock: clock() }), [], asked - 5_000).queue).toMatchObject({ waitedMs: 0 });
});

test('who waits again after the first answer is owed no minute, and none is broken', () => {
  const again = view('waiting', { clock: clock({ answeredAt: asked + 10_000 }) });
  expect(situation(again, [], asked + 300_000).queue).toMatchObject({ leftMs: 0, isOver: false });
});

test('no queue in other stages, whatever clock there was', () => {
  for (const stage of ['bot', 'serving', 'wrap_up', 'call_back', 'closed'] as const) {
    expect(situation(view(stage, { clock: clock() }), [], asked).queue).toBeNull();
  }
});

test('asking for a person in words is recognised by 小申’s last word on it', () => {
  expect(asksForPerson(thread(text, handOver('wants_person')))).toBe(true);
  expect(asksForPerson(thread(text, handOver('wants_person'), { type: 'human_requested', dueAt: asked }))).toBe(true);
  expect(asksForPerson(thread(text, handOver('wants_person'), { type: 'request_cancelled' }))).toBe(false);
  expect(asksForPerson(thread(text, handOver('approval')))).toBe(true);
  expect(asksForPerson(thread(text, handOver('not_found')))).toBe(false);
  expect(asksForPerson(thread(text, handOver('wants_person'), text))).toBe(false);
  expect(asksForPerson([])).toBe(false);
});

const mine = (id: string, stage: Stage): MyConversation => ({ id, item: null, itemName: null, stage, openedAt: asked });

test('a reload comes back to what this tab showed on the same page, if it still exists', () => {
  const list = [mine('cv_1', 'closed'), mine('cv_2', 'bot')];
  expect(comeBackTo(list, 'a', { pageItem: 'a', id: 'cv_1' })).toBe('cv_1');
  expect(comeBackTo(list, 'b', { pageItem: 'a', id: 'cv_1' })).toBeNull();
  expect(comeBackTo(list, 'a', { pageItem: 'a', id: 'cv_9' })).toBeNull();
  expect(comeBackTo(list, null, null)).toBeNull();
});

test('a human elsewhere calls first, then one who comes, then a queue; the shown one never', () => {
  const list = [mine('cv_1', 'waiting'), mine('cv_2', 'serving'), mine('cv_3', 'offered'), mine('cv_4', 'bot')];
  expect(callingElsewhere(list, 'cv_4')?.id).toBe('cv_2');
  expect(callingElsewhere(list, 'cv_2')?.id).toBe('cv_3');
  expect(callingElsewhere([mine('cv_4', 'call_back')], null)).toBeNull();
});
