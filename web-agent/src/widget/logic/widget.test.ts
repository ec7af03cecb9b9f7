/** The panel's flows over a real `Link`; only the socket, `fetch` and the page around us are scripted. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { nextTick } from 'vue';
import type {
  Answer,
  Command,
  ConversationView,
  Frame,
  Stage,
  ThreadBody,
  ThreadEntry,
} from '../../generated/protocol';
import type { Widget } from './widget';

type Reply = Answer | { code: string; field?: string };

/** Answers by the type of the command; what is not scripted is done. */
let replies: Partial<Record<Command['type'], Reply | ((body: Command) => Reply)>>;
let requests: Command[];
let sockets: FakeSocket[];
let isReachable: boolean;

class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor() {
    sockets.push(this);
    queueMicrotask(() => (isReachable ? this.onopen?.() : this.onclose?.({ code: 1006 })));
  }

  send(text: string) {
    const { ref, body } = JSON.parse(text) as { ref: number; body: Command };
    requests.push(body);
    const scripted = replies[body.type] ?? ({ type: 'done' } as const);
    const reply = typeof scripted === 'function' ? scripted(body) : scripted;
    queueMicrotask(() =>
      this.say(
        'code' in reply ? { ref, error: { detail: '', retryable: false, ...reply } as never } : { ref, ok: reply },
      ),
    );
  }

  say(frame: Frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  close() {}
}

const view = (stage: Stage = 'bot', version = 1): ConversationView => ({
  id: 'cv_1',
  version,
  stage,
  item: 'a',
  itemName: '居住证办理',
  team: 'residence',
  teamName: '居住与户籍',
  openedAt: 1,
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
});
const greeting: ThreadBody = { type: 'bot_greeting', itemName: '居住证办理', suggestions: [] };
const entry = (seq: number, body: ThreadBody, clientId?: string): ThreadEntry => ({
  seq,
  at: seq,
  from: clientId ? { type: 'citizen' } : { type: 'bot' },
  body,
  ...(clientId ? { clientId } : {}),
});
const wantsPerson: ThreadBody = { type: 'bot_hand_over', reason: 'wants_person' };
const slots = [{ startsAt: 1_800_000_000_000, endsAt: 1_800_001_800_000 }];
const outOfHours: Answer = { type: 'out_of_hours', opensAt: 1_800_000_000_000, slots };
const welcome: Answer = {
  type: 'welcome',
  me: { type: 'citizen', id: 'ct_1', name: '张伟', kind: 'person', anonymous: false },
  now: Date.now(),
  tickSeconds: 15,
  conversations: [],
};
const subscribed = (entries: ThreadEntry[], stage: Stage = 'bot'): Answer => ({
  type: 'subscribed',
  topic: 'conversation:cv_1',
  epoch: 1,
  seq: entries.length,
  snapshot: { type: 'conversation', view: view(stage), entries, reset: true, more: false },
});

const settled = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
  await nextTick();
};
const happens = (body: ThreadEntry) => {
  const frame: Frame = { topic: 'conversation:cv_1', epoch: 1, seq: body.seq, body: { type: 'entry', entry: body } };
  sockets.at(-1)!.say(frame);
};
const asked = (type: Command['type']) => requests.filter((body) => body.type === type);

let stop = () => {};

/** A panel on the page of item `a`, in the demo, as `demo-citizen-1`. */
async function open(): Promise<Widget> {
  vi.resetModules();
  sessionStorage.setItem('bangban.demo-citizen', 'demo-citizen-1');
  (window as unknown as { happyDOM: { setURL: (url: string) => void } }).happyDOM.setURL(
    'https://help.example/widget.html?item=a',
  );
  const { createWidget } = await import('./widget');
  const widget = createWidget();
  stop = () => widget.leave();
  widget.start();
  await vi.waitFor(() => expect(widget.phase.value).not.toBe('starting'));
  await settled();
  return widget;
}

beforeEach(() => {
  requests = [];
  sockets = [];
  isReachable = true;
  replies = {
    hello: welcome,
    open_conversation: { type: 'opened', conversation: 'cv_1' },
    subscribe: subscribed([entry(1, greeting)]),
    send: { type: 'sent', seq: 2, at: 2 },
  };
  localStorage.clear();
  sessionStorage.clear();
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.stubGlobal('fetch', (path: string) =>
    Promise.resolve(new Response(JSON.stringify(path === '/api/config' ? { demo: true } : { token: 'demo' }))),
  );
});

afterEach(() => {
  stop();
  vi.unstubAllGlobals();
});

test('it opens the conversation of the page’s item and shows it', async () => {
  const widget = await open();
  expect(widget.phase.value).toBe('live');
  expect(asked('open_conversation')).toEqual([{ type: 'open_conversation', channel: 'pc', item: 'a' }]);
  expect(widget.shown.value).toBe('cv_1');
  expect(widget.thread.value.entries).toHaveLength(1);
});

test('without a choice the demo asks who one is; without the demo one has to log in', async () => {
  const widget = await open();
  widget.leave();
  expect(widget.phase.value).toBe('identify');
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ demo: false }))));
  widget.start();
  await vi.waitFor(() => expect(widget.phase.value).toBe('no_token'));
});

test('an item that does not exist becomes a general conversation, and the citizen is told', async () => {
  replies.open_conversation = (body) =>
    body.type === 'open_conversation' && body.item
      ? { code: 'unknown_item' }
      : { type: 'opened', conversation: 'cv_1' };
  const widget = await open();
  expect(asked('open_conversation')).toHaveLength(2);
  expect(widget.shown.value).toBe('cv_1');
  expect(widget.notice.value).toEqual({ code: 'unknown_item' });
});

test('"转人工" out of hours: the page asks for a human once and offers to leave a message', async () => {
  replies.request_human = outOfHours;
  const widget = await open();
  widget.say('转人工');
  await settled();
  const [sent] = asked('send');
  happens(entry(2, { type: 'text', text: '转人工' }, sent?.type === 'send' ? sent.clientId : ''));
  happens(entry(3, wantsPerson));
  await settled();
  expect(asked('request_human')).toEqual([{ type: 'request_human', conversation: 'cv_1' }]);
  expect(widget.outOfHours.value).toEqual({ conversation: 'cv_1', opensAt: 1_800_000_000_000, slots });
});

test('what another tab asked, or what stands in the history, opens no form here', async () => {
  replies.request_human = outOfHours;
  replies.subscribe = subscribed([entry(1, { type: 'text', text: '转人工' }, 'old'), entry(2, wantsPerson)]);
  const widget = await open();
  happens(entry(3, { type: 'text', text: '转人工' }, 'theirs'));
  happens(entry(4, wantsPerson));
  await settled();
  expect(asked('request_human')).toEqual([]);
  expect(widget.outOfHours.value).toBeNull();
});

test('who has been promised an answer already is told so instead of a second form', async () => {
  replies.request_human = outOfHours;
  replies.subscribe = subscribed([entry(1, greeting)], 'call_back');
  const widget = await open();
  await widget.requestHuman();
  expect(widget.outOfHours.value).toBeNull();
  expect(widget.notice.value).toEqual({ code: 'promised' });
});

test('a message is left with what the citizen chose; a repetition is the same message', async () => {
  replies.request_human = outOfHours;
  replies.leave_message = { code: 'slot_full' };
  const widget = await open();
  await widget.requestHuman();
  await expect(widget.leaveMessage(' 请回电 ', ' 13800138000 ', slots[0]!)).rejects.toMatchObject({
    code: 'slot_full',
  });
  replies.leave_message = { type: 'message_left', receipt: 'SH20261124-0001', slot: slots[0]! };
  expect(await widget.leaveMessage('请回电', '13800138000', slots[0]!)).toMatchObject({ receipt: 'SH20261124-0001' });
  const [first, second] = asked('leave_message');
  expect(first).toMatchObject({ text: '请回电', phone: '13800138000', slot: slots[0]!.startsAt });
  expect(second).toEqual(first);
});

test('slots are asked for anew; if hours have begun meanwhile, the form gives way to the queue', async () => {
  replies.request_human = outOfHours;
  const widget = await open();
  await widget.requestHuman();
  replies.request_human = { ...outOfHours, slots: [] } as Answer;
  await widget.refreshSlots();
  expect(widget.outOfHours.value?.slots).toEqual([]);
  replies.request_human = { type: 'queued', dueAt: 1 };
  await widget.refreshSlots();
  expect(widget.outOfHours.value).toBeNull();
});

test('a question that is pressed twice is asked once', async () => {
  replies.choose_entry = { type: 'sent', seq: 2, at: 2 };
  const widget = await open();
  widget.choose('kb-1', '居住证怎么办？');
  widget.choose('kb-1', '居住证怎么办？');
  await settled();
  expect(asked('choose_entry')).toMatchObject([{ conversation: 'cv_1', entry: 'kb-1' }]);
});

test('a human asked for while the link is lost is asked for as soon as it is back', async () => {
  replies.request_human = { type: 'queued', dueAt: 1 };
  const widget = await open();
  isReachable = false;
  sockets.at(-1)!.onclose?.({ code: 1006 });
  expect(widget.lostSince.value).not.toBeNull();
  await widget.requestHuman();
  expect(widget.asksWhenBack.value).toBe('cv_1');
  expect(asked('request_human')).toEqual([]);
  isReachable = true;
  widget.reconnect();
  await settled();
  expect(widget.lostSince.value).toBeNull();
  expect(asked('request_human')).toHaveLength(1);
  expect(widget.asksWhenBack.value).toBeNull();
});

test('what was written without a link is kept, shown, sent when it is back, and shown once', async () => {
  const widget = await open();
  isReachable = false;
  sockets.at(-1)!.onclose?.({ code: 4000 });
  widget.say('断网时写的');
  await settled();
  expect(widget.outgoing.value.map(({ text }) => text)).toEqual(['断网时写的']);
  expect(Object.keys({ ...localStorage }).filter((key) => key.startsWith('bangban.outbox.ct_1'))).toHaveLength(1);
  isReachable = true;
  widget.reconnect();
  await settled();
  expect(asked('send')).toHaveLength(1);
  expect(widget.outgoing.value).toEqual([]);
});

test('a demo log-in that has expired is renewed; one that is refused again and again is not asked for ever', async () => {
  const widget = await open();
  sockets.at(-1)!.onclose?.({ code: 4501 });
  await vi.waitFor(() => expect(widget.phase.value).toBe('live'));
  expect(sockets).toHaveLength(2);
  replies.hello = { code: 'token_expired' };
  sockets.at(-1)!.onclose?.({ code: 4501 });
  await vi.waitFor(() => expect(widget.phase.value).toBe('expired'));
  expect(sockets).toHaveLength(4);
  replies.hello = welcome;
  await widget.askAgain();
  await vi.waitFor(() => expect(widget.phase.value).toBe('live'));
});

test('a page of another protocol says that it is out of date', async () => {
  replies.hello = { code: 'unsupported_protocol' };
  const widget = await open();
  expect(widget.phase.value).toBe('outdated');
});

test('a refusal is told, and the next thing that succeeds takes it away', async () => {
  replies.rate = { code: 'invalid_stage' };
  const widget = await open();
  expect(await widget.rate(4, '')).toBeNull();
  expect(widget.notice.value).toEqual({ code: 'invalid_stage' });
  replies.rate = { type: 'done' };
  expect(await widget.rate(5, '谢谢')).toEqual({ type: 'done' });
  expect(widget.notice.value).toBeNull();
  expect(asked('rate').at(-1)).toEqual({ type: 'rate', conversation: 'cv_1', stars: 5, comment: '谢谢' });
});

test('a reload comes back to the same conversation, also when it is closed', async () => {
  await open();
  stop();
  requests = [];
  const mine = { id: 'cv_1', item: 'a', itemName: null, stage: 'closed' as const, openedAt: 1 };
  replies.hello = { ...welcome, conversations: [mine] } as Answer;
  const widget = await open();
  expect(asked('open_conversation')).toEqual([]);
  expect(widget.shown.value).toBe('cv_1');
});
