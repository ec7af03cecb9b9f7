import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Answer, Command, EventBody, Frame, Request, Snapshot, WireError } from '../generated/protocol';
import { followBrowser, Link, RequestError, type LinkState, type Subscription, type Welcome } from './link';

/** One connection as the server sees it. */
class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: Request[] = [];
  isClosed = false;

  send(text: string) {
    this.sent.push(JSON.parse(text) as Request);
  }

  close() {
    this.isClosed = true;
  }

  frame(frame: Frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }

  closeWith(code: number) {
    this.isClosed = true;
    this.onclose?.({ code });
  }

  /** The newest request of this kind. */
  asked<T extends Command['type']>(type: T): { ref: number; body: Extract<Command, { type: T }> } {
    const found = this.sent.filter((request) => request.body.type === type).at(-1);
    if (!found) throw new Error(`no ${type} among ${JSON.stringify(this.sent)}`);
    return found as { ref: number; body: Extract<Command, { type: T }> };
  }

  count(type: Command['type']): number {
    return this.sent.filter((request) => request.body.type === type).length;
  }
}

/** Promises settle; no time passes. */
const settle = async () => {
  for (let i = 0; i < 8; i++) await Promise.resolve();
};

const me: Welcome['me'] = { type: 'citizen', id: 'ci_1', name: '张伟', kind: 'person', anonymous: false };

/** A link whose time and sockets belong to the test. */
class World {
  now = 1_000_000;
  random = 1;
  readonly sockets: FakeSocket[] = [];
  readonly states: LinkState[] = [];
  readonly welcomes: Welcome[] = [];
  tokens = ['first'];
  private timers: { id: number; at: number; run: () => void }[] = [];
  private nextTimer = 1;

  readonly link = new Link({
    url: 'ws://test/ws',
    token: () => (this.tokens.length > 1 ? this.tokens.shift()! : this.tokens[0]!),
    onState: (state) => this.states.push(state),
    onWelcome: (welcome) => this.welcomes.push(welcome),
    environment: {
      socket: () => {
        const socket = new FakeSocket();
        this.sockets.push(socket);
        return socket as unknown as WebSocket;
      },
      now: () => this.now,
      random: () => this.random,
      setTimeout: (run, ms) => {
        const id = this.nextTimer++;
        this.timers.push({ id, at: this.now + ms, run });
        return id;
      },
      clearTimeout: (id) => {
        this.timers = this.timers.filter((timer) => timer.id !== id);
      },
    },
  });

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  get state(): LinkState {
    return this.link.state;
  }

  /** Lets `ms` pass; timers run at their instants. */
  async pass(ms: number) {
    const end = this.now + ms;
    for (;;) {
      const [next] = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.now = Math.max(this.now, next.at);
      this.timers = this.timers.filter((timer) => timer !== next);
      next.run();
      await settle();
    }
    this.now = end;
  }

  async answer(ref: number, ok: Answer) {
    this.socket.frame({ ref, ok });
    await settle();
  }

  async refuse(ref: number, code: WireError['code'], retryable = false) {
    this.socket.frame({ ref, error: { code, detail: 'no', retryable } });
    await settle();
  }

  async welcome({ tickSeconds = 5, offset = 0 } = {}) {
    this.socket.onopen?.();
    await this.answer(this.socket.asked('hello').ref, {
      type: 'welcome',
      me,
      now: this.now + offset,
      tickSeconds,
      conversations: [],
    });
  }

  async open(options: { tickSeconds?: number; offset?: number } = {}) {
    this.link.start();
    await this.welcome(options);
  }

  tick(serverNow = this.now) {
    this.socket.frame({ topic: 'session', epoch: 1, body: { type: 'tick', now: serverNow } });
  }

  async subscribed(seq: number, snapshot: Snapshot = boardSnapshot) {
    const { ref, body } = this.socket.asked('subscribe');
    await this.answer(ref, { type: 'subscribed', topic: body.topic, epoch: 1, seq, snapshot });
  }

  event(topic: string, seq: number | undefined, body: EventBody = typing) {
    this.socket.frame({ topic, epoch: 1, ...(seq === undefined ? {} : { seq }), body });
  }
}

const boardSnapshot = { type: 'board' } as unknown as Snapshot;
const typing: EventBody = { type: 'typing', from: { type: 'citizen' }, typing: true };

let world: World;
beforeEach(() => {
  world = new World();
});

const listener = (change: Pick<Subscription, 'after'> = {}) => ({
  snapshot: vi.fn<Subscription['snapshot']>(),
  event: vi.fn<Subscription['event']>(),
  refused: vi.fn<(error: RequestError) => void>(),
  ...change,
});

describe('connecting', () => {
  it('says hello first, with the token of the moment, and is open after the welcome', async () => {
    world.tokens = ['first', 'second'];
    world.link.start();
    expect(world.state).toEqual({ kind: 'connecting' });
    expect(world.socket.sent).toEqual([]);
    await world.welcome();
    expect(world.socket.sent[0]?.body).toEqual({ type: 'hello', token: 'first', protocol: 1 });
    expect(world.state).toEqual({ kind: 'open' });
    expect(world.welcomes).toHaveLength(1);

    world.socket.closeWith(1006);
    await world.pass(500);
    await world.welcome();
    expect(world.socket.asked('hello').body.token).toBe('second');
  });

  it('a second start does not make a second socket', async () => {
    await world.open();
    world.link.start();
    expect(world.sockets).toHaveLength(1);
  });

  it.each([
    ['unsupported_protocol', { kind: 'stopped', reason: 'protocol' }],
    ['unauthenticated', { kind: 'stopped', reason: 'token' }],
    ['token_expired', { kind: 'stopped', reason: 'token' }],
  ] as const)('a hello refused as %s ends it', async (code, state) => {
    world.link.start();
    world.socket.onopen?.();
    await world.refuse(world.socket.asked('hello').ref, code);
    expect(world.state).toEqual(state);
    await world.pass(60_000);
    expect(world.sockets).toHaveLength(1);
  });

  it('a hello refused because the server is busy is tried again', async () => {
    world.link.start();
    world.socket.onopen?.();
    await world.refuse(world.socket.asked('hello').ref, 'busy', true);
    expect(world.state.kind).toBe('lost');
    await world.pass(500);
    expect(world.sockets).toHaveLength(2);
  });
});

describe('close codes', () => {
  it.each([1000, 1006, 4000, 4001, 4499])('%i: connects again', async (code) => {
    await world.open();
    world.socket.closeWith(code);
    expect(world.state.kind).toBe('lost');
    await world.pass(500);
    expect(world.sockets).toHaveLength(2);
  });

  it.each([
    [4500, 'token'],
    [4501, 'token'],
    [4502, 'protocol'],
    [4999, 'protocol'],
  ] as const)('%i: stops, because of the %s', async (code, reason) => {
    await world.open();
    world.socket.closeWith(code);
    expect(world.state).toEqual({ kind: 'stopped', reason });
    await world.pass(60_000);
    expect(world.sockets).toHaveLength(1);
  });
});

describe('a lost link', () => {
  it('is tried again after pauses that double up to 15 s, and is counted from the loss', async () => {
    await world.open();
    const lostAt = world.now;
    world.socket.closeWith(1006);
    const pauses: number[] = [];
    for (let i = 0; i < 7; i++) {
      const before = world.now;
      const sockets = world.sockets.length;
      while (world.sockets.length === sockets) await world.pass(250);
      pauses.push(world.now - before);
      expect(world.state).toEqual({ kind: 'connecting', since: lostAt });
      world.socket.closeWith(1006);
      expect(world.state).toEqual({ kind: 'lost', since: lostAt });
    }
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  });

  it('spreads the attempts over half the pause', async () => {
    world.random = 0;
    await world.open();
    world.socket.closeWith(1006);
    await world.pass(249);
    expect(world.sockets).toHaveLength(1);
    await world.pass(1);
    expect(world.sockets).toHaveLength(2);
  });

  it('begins with short pauses again after a success', async () => {
    await world.open();
    for (const pause of [500, 1_000, 2_000]) {
      world.socket.closeWith(1006);
      await world.pass(pause);
    }
    await world.welcome();
    world.socket.closeWith(1006);
    await world.pass(500);
    expect(world.sockets).toHaveLength(5);
  });

  it('does not wait when the person asks or the browser says that it is online', async () => {
    await world.open();
    world.socket.closeWith(1006);
    world.link.retryNow();
    expect(world.sockets).toHaveLength(2);
    // No second socket beside the one that is being opened, now or by the old timer.
    world.link.retryNow();
    await world.pass(600);
    expect(world.sockets).toHaveLength(2);
  });

  it('refuses what waits for an answer, and what is asked meanwhile', async () => {
    await world.open();
    const waits = world.link.request({ type: 'set_status', status: 'online' });
    world.socket.closeWith(1006);
    await expect(waits).rejects.toMatchObject({ code: 'lost', retryable: true });
    await expect(world.link.request({ type: 'set_status', status: 'online' })).rejects.toMatchObject({ code: 'lost' });
  });

  it('hears nothing more from the socket of before', async () => {
    await world.open();
    const old = world.socket;
    const one = listener();
    world.link.subscribe('board', one);
    await world.subscribed(1);
    old.closeWith(1006);
    await world.pass(500);
    await world.welcome();
    await world.subscribed(2);
    one.event.mockClear();
    old.frame({ topic: 'board', epoch: 1, seq: 3, body: typing });
    old.closeWith(4500);
    expect(one.event).not.toHaveBeenCalled();
    expect(world.state.kind).toBe('open');
  });
});

describe('a silent link', () => {
  it('tells what only this connection is told to whoever listens, ticks apart', async () => {
    await world.open();
    const heard: string[] = [];
    const stop = world.link.listenSession((body) => heard.push(body.type));
    world.tick();
    world.socket.frame({ topic: 'session', epoch: 1, body: { type: 'window_replaced', window: 'wn_1' } });
    stop();
    world.socket.frame({ topic: 'session', epoch: 1, body: { type: 'window_replaced', window: 'wn_1' } });
    expect(heard).toEqual(['window_replaced']);
  });

  it('is lost after three ticks without a sound, since the last sound', async () => {
    await world.open({ tickSeconds: 5 });
    await world.pass(4_000);
    world.tick();
    const heard = world.now;
    expect(world.link.heardAt).toBe(heard);
    await world.pass(15_000);
    expect(world.state.kind).toBe('open');
    await world.pass(5_000);
    expect(world.state).toMatchObject({ kind: 'connecting', since: heard });
    expect(world.sockets[0]?.isClosed).toBe(true);
  });

  it('any frame is a sound', async () => {
    await world.open({ tickSeconds: 5 });
    for (let i = 0; i < 10; i++) {
      await world.pass(10_000);
      world.event('conversation:cv_1', undefined);
    }
    expect(world.sockets).toHaveLength(1);
  });

  it('is noticed at once when a page that slept is shown again', async () => {
    await world.open({ tickSeconds: 5 });
    // The timers of a hidden page do not run.
    world.now += 15_001;
    world.link.check();
    expect(world.state).toMatchObject({ kind: 'lost', since: world.now - 15_001 });
  });

  it('a server that takes the socket and never answers hello is given up', async () => {
    world.link.start();
    world.socket.onopen?.();
    await world.pass(61_000);
    expect(world.sockets.length).toBeGreaterThan(1);
  });
});

describe('requests', () => {
  it('are matched with their replies in any order', async () => {
    await world.open();
    const first = world.link.request({ type: 'set_status', status: 'online' });
    const { ref } = world.socket.asked('set_status');
    const second = world.link.request({ type: 'search_knowledge', query: '居住证' });
    await world.answer(world.socket.asked('search_knowledge').ref, { type: 'knowledge', hits: [] });
    await world.refuse(ref, 'busy', true);
    await expect(second).resolves.toEqual({ type: 'knowledge', hits: [] });
    await expect(first).rejects.toMatchObject({ code: 'busy', retryable: true, detail: 'no' });
  });

  it('never share a number', async () => {
    await world.open();
    for (let i = 0; i < 5; i++) world.link.request({ type: 'set_status', status: 'break' }).catch(() => {});
    const refs = world.socket.sent.map((request) => request.ref);
    expect(new Set(refs).size).toBe(refs.length);
    world.link.stop();
  });
});

describe('subscriptions', () => {
  it('made before the link is open are asked for when it opens, once', async () => {
    const one = listener();
    world.link.subscribe('board', one);
    await world.open();
    expect(world.socket.count('subscribe')).toBe(1);
    await world.subscribed(4);
    expect(one.snapshot).toHaveBeenCalledExactlyOnceWith(boardSnapshot, 4);
  });

  it('made by whoever hears that the link is open are asked for once', async () => {
    const early = new World();
    const { link } = early;
    const one = listener();
    vi.spyOn(early.welcomes, 'push').mockImplementation(() => {
      link.subscribe('board', one);
      return 1;
    });
    await early.open();
    expect(early.socket.count('subscribe')).toBe(1);
  });

  it('are resumed from where they stood after every reconnection', async () => {
    let position: number | undefined;
    world.link.subscribe('conversation:cv_1', listener({ after: () => position }));
    await world.open();
    expect(world.socket.asked('subscribe').body).toEqual({ type: 'subscribe', topic: 'conversation:cv_1' });
    await world.subscribed(7);
    position = 7;
    world.socket.closeWith(4000);
    await world.pass(500);
    await world.welcome();
    expect(world.socket.asked('subscribe').body).toMatchObject({ after: 7 });
  });

  it('events between subscribe and its reply wait for the snapshot; what it contains is not repeated', async () => {
    await world.open();
    const one = listener();
    world.link.subscribe('board', one);
    world.event('board', 5);
    world.event('board', undefined);
    world.event('board', 6);
    expect(one.event).not.toHaveBeenCalled();
    await world.subscribed(5);
    expect(one.snapshot).toHaveBeenCalledWith(boardSnapshot, 5);
    expect(one.event.mock.calls.map(([, seq]) => seq)).toEqual([undefined, 6]);
    world.event('board', 7);
    expect(one.event).toHaveBeenLastCalledWith(typing, 7);
  });

  it('a gap subscribes again, and events hold until that snapshot', async () => {
    await world.open();
    let position = 1;
    const one = listener({ after: () => position });
    world.link.subscribe('board', one);
    await world.subscribed(1);
    one.event.mockReturnValueOnce('gap');
    world.event('board', 3);
    expect(world.socket.count('subscribe')).toBe(2);
    expect(world.socket.asked('subscribe').body.after).toBe(1);
    world.event('board', 4);
    expect(one.event).toHaveBeenCalledTimes(1);
    position = 3;
    await world.subscribed(3);
    expect(one.event).toHaveBeenLastCalledWith(typing, 4);
  });

  it('a gap among the held events subscribes again and hands out none of the rest', async () => {
    await world.open();
    const one = listener();
    world.link.subscribe('board', one);
    world.event('board', 3);
    world.event('board', 4);
    one.event.mockReturnValueOnce('gap');
    await world.subscribed(1);
    expect(one.event).toHaveBeenCalledTimes(1);
    expect(world.socket.count('subscribe')).toBe(2);
  });

  it('the late reply to an earlier subscribe is not taken for the present one', async () => {
    await world.open();
    const one = listener();
    world.link.subscribe('board', one);
    const early = world.socket.asked('subscribe').ref;
    const stop = world.link.subscribe('board', one);
    await world.answer(early, { type: 'subscribed', topic: 'board', epoch: 1, seq: 1, snapshot: boardSnapshot });
    expect(one.snapshot).not.toHaveBeenCalled();
    await world.subscribed(2);
    expect(one.snapshot).toHaveBeenCalledExactlyOnceWith(boardSnapshot, 2);
    stop();
  });

  it('refused for good: said once; refused for the moment: asked again', async () => {
    await world.open();
    const one = listener();
    world.link.subscribe('board', one);
    await world.refuse(world.socket.asked('subscribe').ref, 'busy', true);
    expect(one.refused).not.toHaveBeenCalled();
    await world.pass(1_000);
    expect(world.socket.count('subscribe')).toBe(2);
    await world.refuse(world.socket.asked('subscribe').ref, 'forbidden');
    expect(one.refused).toHaveBeenCalledOnce();
    expect(one.refused.mock.calls[0]?.[0]).toMatchObject({ code: 'forbidden' });
    await world.pass(10_000);
    expect(world.socket.count('subscribe')).toBe(2);
  });

  it('ended: the server is told and nothing is heard; while the link is lost there is nobody to tell', async () => {
    await world.open();
    const one = listener();
    const stop = world.link.subscribe('board', one);
    await world.subscribed(1);
    stop();
    stop();
    expect(world.socket.count('unsubscribe')).toBe(1);
    world.event('board', 2);
    expect(one.event).not.toHaveBeenCalled();

    const again = world.link.subscribe('board', one);
    world.socket.closeWith(1006);
    again();
    await world.pass(500);
    await world.welcome();
    expect(world.socket.count('subscribe') + world.socket.count('unsubscribe')).toBe(0);
  });

  it('of other topics are not disturbed by frames that nobody asked for', async () => {
    await world.open();
    const one = listener();
    world.link.subscribe('board', one);
    await world.subscribed(1);
    world.event('conversation:cv_9', 2);
    world.socket.frame({ ref: 0, error: { code: 'bad_request', detail: '?', retryable: false } });
    expect(one.event).not.toHaveBeenCalled();
  });
});

describe('stopping', () => {
  it('refuses what waits, makes no more attempts, and can start again with the same subscriptions', async () => {
    await world.open();
    const one = listener();
    world.link.subscribe('board', one);
    const waits = world.link.request({ type: 'set_status', status: 'online' });
    world.link.stop();
    await expect(waits).rejects.toMatchObject({ code: 'lost' });
    expect(world.state).toEqual({ kind: 'stopped', reason: 'closed' });
    await world.pass(60_000);
    world.link.retryNow();
    expect(world.sockets).toHaveLength(1);
    world.link.start();
    expect(world.state).toEqual({ kind: 'connecting' });
    await world.welcome();
    await world.subscribed(3);
    expect(one.snapshot).toHaveBeenCalledOnce();
  });

  it('while an attempt is pending stops that too', async () => {
    await world.open();
    world.socket.closeWith(1006);
    world.link.stop();
    await world.pass(60_000);
    expect(world.sockets).toHaveLength(1);
  });
});

describe("the server's clock", () => {
  it('is taken half way between hello and welcome', async () => {
    world.link.start();
    world.socket.onopen?.();
    const { ref } = world.socket.asked('hello');
    world.now += 200;
    await world.answer(ref, { type: 'welcome', me, now: world.now + 59_900, tickSeconds: 5, conversations: [] });
    // The server read its clock 100 ms ago, as far as we know.
    expect(world.link.serverNow()).toBe(world.now + 60_000);
  });

  it('a tick corrects it only when one of the clocks has been set', async () => {
    await world.open({ offset: 0 });
    world.tick(world.now - 1_999);
    expect(world.link.serverNow()).toBe(world.now);
    world.tick(world.now + 3_600_000);
    expect(world.link.serverNow()).toBe(world.now + 3_600_000);
  });
});

it('the browser tells that it is online or shown, until it is told to stop', async () => {
  await world.open({ tickSeconds: 5 });
  const unfollow = followBrowser(world.link);
  world.socket.closeWith(1006);
  window.dispatchEvent(new Event('online'));
  expect(world.sockets).toHaveLength(2);
  await world.welcome();
  world.now += 15_001;
  document.dispatchEvent(new Event('visibilitychange'));
  // Dead, and tried again at once.
  expect(world.sockets).toHaveLength(3);
  unfollow();
  world.socket.closeWith(1006);
  window.dispatchEvent(new Event('online'));
  expect(world.sockets).toHaveLength(3);
});

describe('law: whatever the network does, the log arrives whole, in order and once', () => {
  type Step = 'write' | 'cut' | 'lose' | 'reply' | 'later';

  it('cuts, lost frames and late replies', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom<Step>('write', 'write', 'cut', 'lose', 'reply', 'later'), { maxLength: 60 }),
        async (steps) => {
          const w = new World();
          /** The server's log: entry n has seq n. */
          let length = 0;
          const seen: number[] = [];
          const take = (seq: number) => {
            if (seq <= (seen.at(-1) ?? 0)) return;
            if (seq !== (seen.at(-1) ?? 0) + 1) return 'gap' as const;
            seen.push(seq);
            return;
          };
          w.link.subscribe('conversation:cv_1', {
            after: () => seen.at(-1) ?? 0,
            snapshot: (snapshot) => (snapshot as unknown as { entries: number[] }).entries.forEach(take),
            event: (_body, seq) => (seq === undefined ? undefined : take(seq)),
          });
          /** Replies that the server owes on this socket, as it saw the log when it was asked. */
          let owed: (() => Promise<void>)[] = [];
          let read = 0;
          const serve = () => {
            for (const { ref, body } of w.socket.sent.slice(read)) {
              if (body.type !== 'subscribe') continue;
              const entries = Array.from({ length: length - (body.after ?? 0) }, (_, i) => (body.after ?? 0) + 1 + i);
              const snapshot = { type: 'conversation', entries } as unknown as Snapshot;
              const { topic } = body;
              const seq = length;
              owed.push(() => w.answer(ref, { type: 'subscribed', topic, epoch: 1, seq, snapshot }));
            }
            read = w.socket.sent.length;
          };
          const connect = async () => {
            owed = [];
            read = 0;
            await w.welcome();
            serve();
          };
          await w.open();
          serve();
          for (const step of steps) {
            if (step === 'write') w.event('conversation:cv_1', ++length);
            if (step === 'lose') length += 1;
            if (step === 'reply') await owed.shift()?.();
            if (step === 'later') await w.pass(100);
            if (step === 'cut') {
              w.socket.closeWith(1006);
              await w.pass(20_000);
              await connect();
            }
            serve();
          }
          w.socket.closeWith(1006);
          await w.pass(20_000);
          await connect();
          for (let reply = owed.shift(); reply; reply = owed.shift()) {
            await reply();
            serve();
          }
          expect(seen).toEqual(Array.from({ length }, (_, i) => i + 1));
        },
      ),
      { numRuns: 200 },
    );
  });
});
