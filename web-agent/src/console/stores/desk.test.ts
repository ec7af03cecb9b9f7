/** The stores over a real link; only the socket is ours. */
import { createPinia, setActivePinia } from 'pinia';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Answer, Command, EventBody, LoginReply, Snapshot, ThreadEntry } from '../../generated/protocol';
import { agent, citizen, conversation, desk as deskView, entry, hit, offer, view } from '../logic/testing';
import { useComposer } from './composer';
import { useDesk } from './desk';
import { useOutbox } from './outbox';
import { useSession } from './session';
import { useThreads } from './threads';

type Body = Command & { topic?: string; after?: number };

class Server {
  static sockets: Server[] = [];
  onopen = () => {};
  onmessage = (_: { data: string }) => {};
  onclose = (_: { code: number }) => {};
  readonly asked: { ref: number; body: Body }[] = [];

  constructor() {
    Server.sockets.push(this);
  }

  send(text: string) {
    const request = JSON.parse(text) as { ref: number; body: Body };
    this.asked.push(request);
    const answer = this.answer(request.body);
    if (answer) this.reply(request.ref, answer);
  }

  close() {}

  reply(ref: number, ok: Answer) {
    this.onmessage({ data: JSON.stringify({ ref, ok }) });
  }

  event(topic: string, body: EventBody, seq?: number) {
    this.onmessage({ data: JSON.stringify({ topic, epoch: 1, seq, body }) });
  }

  of(type: Command['type']): Body[] {
    return this.asked.filter(({ body }) => body.type === type).map(({ body }) => body);
  }

  private answer(body: Body): Answer | null {
    switch (body.type) {
      case 'hello':
        return {
          type: 'welcome',
          me: {
            type: 'staff',
            id: 'ag_1',
            name: '李敏',
            role: 'agent',
            grants: [{ role: 'agent', unit: null, items: [] }],
          },
          now: Date.now(),
          tickSeconds: 5,
          conversations: [],
        };
      case 'subscribe': {
        const { snapshot, seq } = snapshots(body.topic!, body.after);
        return { type: 'subscribed', topic: body.topic!, epoch: 1, seq, snapshot };
      }
      case 'accept_offer':
      case 'send':
      case 'save_draft':
        return null;
      default:
        return { type: 'done' };
    }
  }
}

let onServer: ThreadEntry[];
let mine = deskView();

function snapshots(topic: string, after?: number): { snapshot: Snapshot; seq: number } {
  if (topic.startsWith('agent:')) return { snapshot: { type: 'agent', view: mine }, seq: 1 };
  if (topic.startsWith('notes:')) {
    const context = {
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
      answers: [hit('kb-1', '首次申领免费。')],
    } as const;
    const copy = { ...context, history: [], answers: [...context.answers] };
    return {
      snapshot: {
        type: 'notes',
        context: copy,
        entries: [],
        reset: after === undefined,
        draft: '写了一半',
        monitors: [],
      },
      seq: 0,
    };
  }
  const entries = onServer.filter((one) => one.seq > (after ?? 0));
  const reset = after === undefined;
  return {
    snapshot: { type: 'conversation', view: view(), entries, reset, more: false },
    seq: onServer.at(-1)?.seq ?? 0,
  };
}

const settle = () => new Promise<void>((done) => setTimeout(done));
const server = () => Server.sockets.at(-1)!;

async function logIn() {
  setActivePinia(createPinia());
  const session = useSession();
  const me: LoginReply = {
    token: 't',
    expiresAt: Date.now() + 1e6,
    me: { type: 'staff', id: 'ag_1', name: '李敏', role: 'agent', grants: [{ role: 'agent', unit: null, items: [] }] },
  };
  session.enter(me);
  useOutbox().begin('ag_1');
  useComposer().begin();
  useDesk().begin('ag_1');
  server().onopen();
  await settle();
  return { session, desk: useDesk(), threads: useThreads(), composer: useComposer(), outbox: useOutbox() };
}

beforeEach(() => {
  Server.sockets = [];
  onServer = [entry(1, citizen, '你好')];
  mine = deskView();
  localStorage.clear();
  vi.stubGlobal('WebSocket', Server);
});

afterEach(() => {
  useOutbox().end();
  useSession().leave('logged_out');
  vi.unstubAllGlobals();
});

test('two presses accept once; the accepted conversation is opened and both its lanes are followed', async () => {
  mine = deskView({ offer: offer() });
  const { desk, threads } = await logIn();
  const seen: string[] = [];
  desk.listen({ offer: (change) => seen.push(change.kind) });
  const presses = [desk.answerOffer(true), desk.answerOffer(true)];
  expect(server().of('accept_offer')).toEqual([{ type: 'accept_offer', offer: 'of_1' }]);
  const accepted = deskView({ conversations: [conversation('cv_0'), conversation('cv_1')] });
  server().event('agent:ag_1', { type: 'agent', view: accepted }, 2);
  server().reply(server().asked.find(({ body }) => body.type === 'accept_offer')!.ref, { type: 'done' });
  await Promise.all(presses);
  await settle();
  expect(desk.current).toBe('cv_1');
  expect(seen).toEqual(['accepted']);
  const topics = server()
    .of('subscribe')
    .map(({ topic }) => topic);
  expect(topics).toEqual(
    expect.arrayContaining(['conversation:cv_1', 'notes:cv_1', 'conversation:cv_0', 'notes:cv_0']),
  );
  expect(threads.open.get('cv_1')?.context?.citizenName).toBe('张*');
});

test('another page accepts: the offer goes away here, and what is open here stays open', async () => {
  mine = deskView({ offer: offer(), conversations: [conversation('cv_0')] });
  const { desk } = await logIn();
  expect(desk.current).toBe('cv_0');
  const after = deskView({ conversations: [conversation('cv_1'), conversation('cv_0')] });
  server().event('agent:ag_1', { type: 'agent', view: after }, 2);
  expect([desk.offer, desk.current]).toEqual([null, 'cv_0']);
});

test('the server’s draft is shown; a sent one carries its entry while unchanged and leaves an empty draft', async () => {
  mine = deskView({ conversations: [conversation('cv_1')] });
  const { composer } = await logIn();
  expect(composer.of('cv_1').reply).toBe('写了一半');
  composer.write('cv_1', '首次申领免费。');
  expect(composer.send('cv_1')).toBe(true);
  expect(server().of('send')[0]).toMatchObject({ text: '首次申领免费。', entry: 'kb-1' });
  expect(server().of('save_draft').at(-1)).toMatchObject({ conversation: 'cv_1', text: '' });
  composer.write('cv_1', ' \n ');
  expect(composer.send('cv_1')).toBe(false);
  composer.write('cv_1', '办'.repeat(4_001));
  expect(composer.send('cv_1')).toBe(false);
});

test('a note goes to the private lane and never into the reply', async () => {
  mine = deskView({ conversations: [conversation('cv_1')] });
  const { composer } = await logIn();
  composer.of('cv_1').lane = 'note';
  composer.write('cv_1', '只给同事看');
  composer.send('cv_1');
  expect(server().of('note')[0]).toMatchObject({ conversation: 'cv_1', text: '只给同事看' });
  expect(server().of('send')).toEqual([]);
  expect(composer.of('cv_1')).toMatchObject({ note: '', reply: '写了一半' });
});

test('after a lost link every conversation resumes after its last entry, and what was missed is news', async () => {
  mine = deskView({ conversations: [conversation('cv_1')] });
  const { session, threads } = await logIn();
  const news: number[] = [];
  threads.listen((_id, _lane, { seq }) => news.push(seq));
  server().onclose({ code: 1006 });
  expect(session.lostSince).not.toBeNull();
  onServer.push(entry(2, citizen, '断线时说的'));
  session.retryNow();
  server().onopen();
  await settle();
  expect(Server.sockets).toHaveLength(2);
  expect(server().of('subscribe')).toContainEqual({ type: 'subscribe', topic: 'conversation:cv_1', after: 1 });
  expect(threads.open.get('cv_1')?.shared.entries.map(({ seq }) => seq)).toEqual([1, 2]);
  expect(news).toEqual([2]);
  expect(session.lostSince).toBeNull();
});

test('a message that waits for its acknowledgement is sent again after a lost link, with the same id', async () => {
  mine = deskView({ conversations: [conversation('cv_1')] });
  const { session, composer, outbox } = await logIn();
  composer.write('cv_1', '您好');
  composer.send('cv_1');
  server().onclose({ code: 1006 });
  await settle();
  session.retryNow();
  server().onopen();
  await settle();
  outbox.flush();
  const [first, again] = Server.sockets.map((one) => one.of('send')[0] as { clientId: string });
  expect(again!.clientId).toBe(first!.clientId);
  server().event(
    'conversation:cv_1',
    { type: 'entry', entry: { ...entry(2, agent, '您好'), clientId: first!.clientId } },
    2,
  );
  expect(outbox.waiting).toEqual([]);
});

test('the same draft, sent from another page, is gone here', async () => {
  mine = deskView({ conversations: [conversation('cv_1')] });
  const { composer } = await logIn();
  const said = { ...entry(2, agent, '写了一半'), clientId: 'of-another-page' };
  server().event('conversation:cv_1', { type: 'entry', entry: said }, 2);
  expect(composer.of('cv_1').reply).toBe('');
});

test('a conversation that leaves takes its subscriptions along and the next one is opened', async () => {
  mine = deskView({ conversations: [conversation('cv_1'), conversation('cv_2')] });
  const { desk, threads } = await logIn();
  const left: string[] = [];
  desk.listen({ left: ({ id }, why) => left.push(`${id} ${why.kind}`) });
  desk.select('cv_1');
  server().event('agent:ag_1', { type: 'agent', view: deskView({ conversations: [conversation('cv_2')] }) }, 2);
  expect(desk.current).toBe('cv_2');
  expect(left).toEqual(['cv_1 lost']);
  expect([...threads.open.keys()]).toEqual(['cv_2']);
  expect(
    server()
      .of('unsubscribe')
      .map(({ topic }) => topic),
  ).toEqual(['conversation:cv_1', 'notes:cv_1']);
});

const answer = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

test('a token that is over is renewed and the link goes on with it; without a session one logs in again', async () => {
  const { session } = await logIn();
  const next = { ...session.login!, token: 'next', expiresAt: Date.now() + 1e6 };
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => answer(200, next)),
  );
  server().onclose({ code: 4501 });
  await vi.waitFor(() => expect(session.login?.token).toBe('next'));
  await vi.waitFor(() => expect(Server.sockets).toHaveLength(2));
  server().onopen();
  await vi.waitFor(() => expect(server().of('hello')).toEqual([{ type: 'hello', token: 'next', protocol: 1 }]));
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => answer(401, { error: { code: 'unauthenticated', detail: '', retryable: false } })),
  );
  server().onclose({ code: 4503 });
  await vi.waitFor(() => expect([session.login, session.notice]).toEqual([null, 'expired']));
});

test('one who answers no citizens gets no desk and no link', async () => {
  setActivePinia(createPinia());
  const session = useSession();
  session.enter({
    token: 't',
    expiresAt: Date.now() + 1e6,
    me: {
      type: 'staff',
      id: 'ag_9',
      name: '郑主任',
      role: 'leader',
      grants: [{ role: 'leader', unit: null, items: [] }],
    },
  });
  expect([session.isAgent, Server.sockets.length]).toEqual([false, 0]);
});

test('when a visitor turns out to be somebody, what is known of them is read again', async () => {
  mine = deskView({ conversations: [conversation('cv_1', { citizenName: '匿名访客' })] });
  await logIn();
  const notes = () =>
    server()
      .of('subscribe')
      .filter(({ topic }) => topic === 'notes:cv_1').length;
  expect(notes()).toBe(1);
  const same = deskView({ conversations: [conversation('cv_1', { citizenName: '匿名访客' })] });
  server().event('agent:ag_1', { type: 'agent', view: same }, 2);
  expect(notes()).toBe(1);
  const known = deskView({ conversations: [conversation('cv_1', { citizenName: '张*' })] });
  server().event('agent:ag_1', { type: 'agent', view: known }, 3);
  expect(notes()).toBe(2);
});

test('what the others do replaces only that, and leaves the rest as it is', async () => {
  mine = deskView({ conversations: [conversation('cv_1')], waiting: 1 });
  await logIn();
  const desk = useDesk();
  const colleague = { id: 'ag_2', name: '王伟', status: 'online', isFree: true, teamNames: ['综合'] } as const;
  server().event(
    'agent:ag_1',
    { type: 'agent_surroundings', waiting: 4, colleagues: [{ ...colleague, teamNames: ['综合'] }], callBacks: null },
    2,
  );
  expect([desk.view?.waiting, desk.view?.colleagues.length, desk.conversations.length]).toEqual([4, 1, 1]);
  server().event('agent:ag_1', { type: 'agent_surroundings', waiting: 5, colleagues: null, callBacks: null }, 3);
  expect([desk.view?.waiting, desk.view?.colleagues[0]?.name]).toEqual([5, '王伟']);
});
