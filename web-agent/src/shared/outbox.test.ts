import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { RequestError } from './link';
import { newClientId, Outbox, type Outgoing } from './outbox';

/** A browser's storage; `room`: how many entries it takes. */
class FakeStorage implements Storage {
  readonly map = new Map<string, string>();
  constructor(public room = Infinity) {}
  get length() {
    return this.map.size;
  }
  key(n: number) {
    return [...this.map.keys()][n] ?? null;
  }
  getItem(key: string) {
    return this.map.get(key) ?? null;
  }
  setItem(key: string, value: string) {
    if (!this.map.has(key) && this.map.size >= this.room) throw new DOMException('full', 'QuotaExceededError');
    this.map.set(key, value);
  }
  removeItem(key: string) {
    this.map.delete(key);
  }
  clear() {
    this.map.clear();
  }
}

const settle = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

type Code = 'lost' | 'busy' | 'forbidden' | 'listed_word';
const refusal = (code: Code, detail: string) =>
  new RequestError(code, detail, undefined, code === 'lost' || code === 'busy');

/** A server that answers when the test says so. */
class Wire {
  readonly asked: { message: Outgoing; ok: () => void; fail: (error: unknown) => void }[] = [];
  readonly send = (message: Outgoing) =>
    new Promise<void>((ok, fail) => {
      this.asked.push({ message, ok, fail });
    });
  texts = () => this.asked.map(({ message }) => message.text);
  async ok(n: number) {
    this.asked[n]!.ok();
    await settle();
  }
  async fail(n: number, code: Code, detail = 'no') {
    this.asked[n]!.fail(refusal(code, detail));
    await settle();
  }
}

function make(storage: Storage | undefined = new FakeStorage(), key = 'box') {
  const wire = new Wire();
  const changed = vi.fn<(messages: readonly Outgoing[]) => void>();
  const resume: (() => void)[] = [];
  const pause = () => new Promise<void>((resolve) => resume.push(resolve));
  const box = new Outbox({ storage, key, send: wire.send, changed, pause });
  let written = 1_000;
  const add = (text: string) => box.add({ conversation: 'cv_1', text, writtenAt: written++ });
  return { box, wire, changed, add, resume, storage };
}

const waiting = (box: Outbox) => box.messages().map((message) => message.text);

describe('sending', () => {
  it('goes one at a time, in the order of writing, each until the server has it', async () => {
    const { box, wire, add } = make();
    add('一');
    add('二');
    expect([wire.texts(), waiting(box)]).toEqual([['一'], ['一', '二']]);
    await wire.ok(0);
    expect([wire.texts(), waiting(box)]).toEqual([['一', '二'], ['二']]);
    await wire.ok(1);
    expect(waiting(box)).toEqual([]);
  });

  it('keeps the order of writing when the clock stands still or is set back', async () => {
    const { box } = make();
    for (const text of ['一', '二', '三']) {
      box.add({ conversation: 'cv_1', text, writtenAt: text === '三' ? 1 : 500 });
    }
    expect(waiting(box)).toEqual(['一', '二', '三']);
  });

  it('stops where the link is lost and goes on from there when it is back', async () => {
    const { box, wire, add } = make();
    const first = add('一');
    add('二');
    await wire.fail(0, 'lost');
    expect([wire.texts(), waiting(box)]).toEqual([['一'], ['一', '二']]);
    void box.flush();
    await settle();
    expect(wire.texts()).toEqual(['一', '一']);
    // The same id, so that the server knows it if the first attempt had arrived after all.
    expect(wire.asked[1]!.message.clientId).toBe(first);
    await wire.ok(1);
    expect(wire.texts()).toEqual(['一', '一', '二']);
  });

  it('two flushes at a time do not send twice', async () => {
    const { box, wire, add } = make();
    add('一');
    void box.flush();
    void box.flush();
    await settle();
    expect(wire.texts()).toEqual(['一']);
  });

  it('a refusal that may pass is tried again after a pause, before anything later', async () => {
    const { wire, add, resume } = make();
    add('一');
    add('二');
    await wire.fail(0, 'busy');
    expect(wire.texts()).toEqual(['一']);
    resume.shift()!();
    await settle();
    expect(wire.texts()).toEqual(['一', '一']);
  });

  it('a refusal for good is kept with its reason and holds up nobody; the person decides', async () => {
    const { box, wire, add } = make();
    const first = add('一');
    add('二');
    await wire.fail(0, 'forbidden');
    expect(wire.texts()).toEqual(['一', '二']);
    await wire.ok(1);
    expect(box.messages()).toMatchObject([{ text: '一', refused: 'forbidden' }]);

    box.retry(first);
    await settle();
    expect(box.messages()).toMatchObject([{ text: '一' }]);
    expect(box.messages()[0]).not.toHaveProperty('refused');
    await wire.fail(2, 'forbidden');
    box.discard(first);
    expect(waiting(box)).toEqual([]);
    box.retry(first);
    await settle();
    expect(wire.texts()).toHaveLength(3);
  });

  it('a reply that the word list bars is kept with the word, until it is tried again', async () => {
    const { box, wire, add } = make();
    const first = add('一');
    await wire.fail(0, 'listed_word', '保证办成');
    expect(box.messages()).toMatchObject([{ refused: 'listed_word', word: '保证办成' }]);
    box.retry(first);
    await settle();
    expect(box.messages()[0]).not.toHaveProperty('word');
    await wire.fail(1, 'forbidden', '保证办成');
    expect(box.messages()[0]).not.toHaveProperty('word');
  });

  it('what the person took away while it was being refused does not come back', async () => {
    const { box, wire, add } = make();
    const first = add('一');
    box.discard(first);
    await wire.fail(0, 'forbidden');
    expect(waiting(box)).toEqual([]);
  });

  it('a message that stands in the thread is settled, whoever sent it; an unknown one changes nothing', async () => {
    const { box, changed, add } = make();
    const first = add('一');
    changed.mockClear();
    box.settle('other');
    expect(changed).not.toHaveBeenCalled();
    box.settle(first);
    expect(changed).toHaveBeenCalledExactlyOnceWith([]);
  });

  it('a mistake of our own is not taken for a refusal', async () => {
    const { box, wire, add } = make();
    add('一');
    await settle();
    const failed = vi.fn();
    process.once('unhandledRejection', failed);
    wire.asked[0]!.fail(new TypeError('bug'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(failed).toHaveBeenCalledOnce();
    expect(waiting(box)).toEqual(['一']);
  });
});

describe('keeping', () => {
  it('what was not acknowledged survives a reload, refusals included', async () => {
    const storage = new FakeStorage();
    const before = make(storage);
    before.add('一');
    before.add('二');
    await before.wire.fail(0, 'forbidden');
    const { box, wire } = make(storage);
    expect(box.messages()).toMatchObject([{ text: '一', refused: 'forbidden' }, { text: '二' }]);
    void box.flush();
    await settle();
    expect(wire.texts()).toEqual(['二']);
  });

  it("nobody sends another's messages", () => {
    const storage = new FakeStorage();
    make(storage, 'box.a').add('一');
    expect(waiting(make(storage, 'box.b').box)).toEqual([]);
    expect(waiting(make(storage, 'box').box)).toEqual([]);
  });

  it('a full storage loses nothing while the page lives', async () => {
    const storage = new FakeStorage(1);
    const { box, wire, add } = make(storage);
    add('一');
    add('二');
    expect([waiting(box), storage.length]).toEqual([['一', '二'], 1]);
    await wire.ok(0);
    await wire.ok(1);
    expect([wire.texts(), waiting(box)]).toEqual([['一', '二'], []]);
  });

  it('a full storage that cannot even mark a refusal does not send the refused one for ever', async () => {
    const storage = new FakeStorage(1);
    const { box, wire, add } = make(storage);
    add('一');
    storage.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    await wire.fail(0, 'forbidden');
    expect([wire.texts(), box.messages()[0]?.refused]).toEqual([['一'], 'forbidden']);
  });

  it('without storage, or with one that throws, the memory has it', async () => {
    const blocked = new Proxy(new FakeStorage(), {
      get() {
        throw new DOMException('blocked', 'SecurityError');
      },
    });
    for (const storage of [undefined, blocked]) {
      const wire = new Wire();
      const box = new Outbox({ storage, key: 'box', send: wire.send, changed: () => {} });
      box.add({ conversation: 'cv_1', text: '一', writtenAt: 1 });
      expect([waiting(box), wire.texts()]).toEqual([['一'], ['一']]);
      await wire.ok(0);
      expect(waiting(box)).toEqual([]);
    }
  });

  it('what else stands in the storage is left alone', () => {
    const storage = new FakeStorage();
    storage.setItem('box/broken', '{"clientId":');
    storage.setItem('box/other', '[1]');
    storage.setItem('theme', 'dark');
    const { box, add } = make(storage);
    add('一');
    expect(waiting(box)).toEqual(['一']);
    expect(storage.getItem('theme')).toBe('dark');
  });
});

describe('two tabs', () => {
  it('hear of each other', () => {
    const storage = new FakeStorage();
    const [one, other] = [make(storage), make(storage)];
    one.add('一');
    for (const key of [storage.key(0), null]) {
      other.changed.mockClear();
      other.box.changedElsewhere(key);
      expect(other.changed.mock.calls[0]![0]).toMatchObject([{ text: '一' }]);
    }
    other.changed.mockClear();
    other.box.changedElsewhere('box.c/1');
    expect(other.changed).not.toHaveBeenCalled();
  });

  it('one writes while the other settles, each from its own older picture of the storage: nothing is lost', () => {
    // Browsers keep a copy of the storage for each tab and exchange the changes a moment later.
    const shared = new FakeStorage();
    const tab = () => {
      const copy = new FakeStorage();
      const changes: (() => void)[] = [];
      const storage: Storage = new Proxy(copy, {
        get(target, name) {
          const value = Reflect.get(target, name, target) as unknown;
          if (typeof value !== 'function') return value;
          return (...given: [string, string]) => {
            if (name === 'setItem' || name === 'removeItem') changes.push(() => shared[name](...given));
            return (value as (...given: unknown[]) => unknown).apply(target, given);
          };
        },
      });
      const exchange = () => changes.splice(0).forEach((change) => change());
      const refresh = () => {
        copy.map.clear();
        for (const [key, value] of shared.map) copy.map.set(key, value);
      };
      return { ...make(storage), exchange, refresh };
    };
    const [one, other] = [tab(), tab()];
    const first = one.add('一');
    one.exchange();
    other.refresh();
    other.add('二');
    one.box.settle(first);
    other.exchange();
    one.exchange();
    other.refresh();
    expect(waiting(other.box)).toEqual(['二']);
  });

  it('law: whatever two tabs, the network and reloads do, each message reaches the log once, in the order of its tab', async () => {
    type Step = { tab: 0 | 1; what: 'write' | 'ok' | 'lost' | 'busy' | 'late' | 'flush' | 'reload' };
    const step = fc.record({
      tab: fc.constantFrom(0 as const, 1 as const),
      what: fc.constantFrom<Step['what']>('write', 'write', 'ok', 'ok', 'lost', 'busy', 'late', 'flush', 'reload'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50 }), async (steps) => {
        const storage = new FakeStorage();
        /** The server's log; it knows a message by its client id. */
        const log: Outgoing[] = [];
        const arrive = (message: Outgoing) => {
          if (!log.some((known) => known.clientId === message.clientId)) log.push(message);
        };
        let clock = 0;
        let written = 0;
        const open = () => {
          const made = make(storage);
          let answered = 0;
          return { ...made, next: () => (answered < made.wire.asked.length ? answered++ : undefined) };
        };
        const tabs = [open(), open()];
        const flushAll = async () => {
          for (let round = 0; round < 200 && storage.length > 0; round++) {
            for (const tab of tabs) {
              const n = tab.next();
              if (n !== undefined) {
                arrive(tab.wire.asked[n]!.message);
                await tab.wire.ok(n);
              }
              tab.resume.splice(0).forEach((resume) => resume());
              void tab.box.flush();
              await settle();
            }
          }
        };
        for (const { tab: which, what } of steps) {
          const tab = tabs[which]!;
          if (what === 'write') {
            tab.box.add({ conversation: 'cv_1', text: `${which}-${written++}`, writtenAt: clock++ });
          } else if (what === 'flush') {
            tab.resume.splice(0).forEach((resume) => resume());
            void tab.box.flush();
          } else if (what === 'reload') {
            tabs[which] = open();
          } else {
            const n = tab.next();
            if (n !== undefined) {
              // "late": it arrived, and the link was lost before the answer.
              if (what === 'ok' || what === 'late') arrive(tab.wire.asked[n]!.message);
              if (what === 'ok') await tab.wire.ok(n);
              else await tab.wire.fail(n, what === 'busy' ? 'busy' : 'lost');
            }
          }
          await settle();
        }
        await flushAll();
        expect(log).toHaveLength(written);
        for (const which of ['0-', '1-']) {
          const mine = log.map((one) => one.text).filter((text) => text.startsWith(which));
          const numbers = mine.map((text) => Number(text.slice(2)));
          expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        }
        expect(storage.length).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});

it('ids differ, also where the browser offers only random bytes', () => {
  expect(newClientId()).not.toBe(newClientId());
  const uuid = vi.spyOn(crypto, 'randomUUID');
  Object.defineProperty(crypto, 'randomUUID', { value: undefined, configurable: true });
  const [one, other] = [newClientId(), newClientId()];
  expect(one).toMatch(/^[0-9a-f]{32}$/);
  expect(one).not.toBe(other);
  Reflect.deleteProperty(crypto, 'randomUUID');
  uuid.mockRestore();
});

describe('a file', () => {
  const file = { kind: 'image' as const, name: 'a.png', size: 9 };

  it('keeps how far it has come for the next attempt and the next page, and its place among the texts', async () => {
    const storage = new FakeStorage();
    const attempts: Outgoing[] = [];
    let next: () => Promise<void> = () => Promise.reject(refusal('lost', 'no'));
    const box = new Outbox({
      storage,
      key: 'box',
      send: (message, change) => {
        attempts.push(message);
        if (message.attachment) change({ upload: '/api/files/fl_1' });
        return next();
      },
      changed: () => {},
    });
    box.add({ conversation: 'cv_1', text: '', attachment: file, writtenAt: 1 }, 'm1');
    box.add({ conversation: 'cv_1', text: '说明', writtenAt: 1 });
    await settle();
    expect(attempts.map((message) => message.clientId)).toEqual(['m1']);

    const later = new Outbox({
      storage,
      key: 'box',
      send: async (message) => attempts.push(message),
      changed: () => {},
    });
    await later.flush();
    expect(
      attempts.slice(1).map(({ clientId, attachment, text }) => [clientId === 'm1', attachment?.upload, text]),
    ).toEqual([
      [true, '/api/files/fl_1', ''],
      [false, undefined, '说明'],
    ]);
    next = async () => {};
    await box.flush();
    expect(attempts).toHaveLength(3);
  });

  it('that was taken away meanwhile is not put back', async () => {
    const changes: ((more: { upload: string }) => void)[] = [];
    const box = new Outbox({
      storage: new FakeStorage(),
      key: 'box',
      send: (_, change) => new Promise(() => changes.push(change)),
      changed: () => {},
    });
    box.add({ conversation: 'cv_1', text: '', attachment: file, writtenAt: 1 }, 'm1');
    box.discard('m1');
    changes[0]!({ upload: '/api/files/fl_1' });
    expect(box.messages()).toEqual([]);
  });
});
