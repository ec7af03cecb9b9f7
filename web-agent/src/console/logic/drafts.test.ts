import { expect, test } from 'vitest';
import { DRAFT_PAUSE, DraftKeeper } from './drafts';

function setup() {
  const saves: { id: string; text: string; done: () => void; fail: () => void }[] = [];
  const states: string[] = [];
  const timers = new Map<number, { run: () => void; ms: number }>();
  let next = 1;
  const keeper = new DraftKeeper({
    save: (id, text) =>
      new Promise((resolve, reject) => {
        saves.push({ id, text, done: () => resolve(null), fail: () => reject(new Error('lost')) });
      }),
    changed: (_, state) => states.push(state),
    setTimeout: (run, ms) => {
      timers.set(next, { run, ms });
      return next++;
    },
    clearTimeout: (timer) => timers.delete(timer),
  });
  const pass = () => {
    for (const [id, { run }] of [...timers]) {
      timers.delete(id);
      run();
    }
  };
  const settle = () => new Promise<void>((done) => queueMicrotask(() => queueMicrotask(done)));
  return { keeper, saves, states, timers, pass, settle };
}

test('many keys are one save, 800 ms after the last', async () => {
  const { keeper, saves, states, timers, pass, settle } = setup();
  for (const text of ['您', '您好', '您好，']) keeper.edit('a', text);
  expect([...timers.values()].map(({ ms }) => ms)).toEqual([DRAFT_PAUSE]);
  pass();
  expect(saves.map(({ text }) => text)).toEqual(['您好，']);
  saves[0]!.done();
  await settle();
  expect(states).toEqual(['dirty', 'saving', 'saved']);
});

test('what is typed while a save is under way is saved too', async () => {
  const { keeper, saves, pass, settle, states } = setup();
  keeper.edit('a', 'x');
  pass();
  keeper.edit('a', 'xy');
  saves[0]!.done();
  await settle();
  pass();
  expect(saves.map(({ text }) => text)).toEqual(['x', 'xy']);
  saves[1]!.done();
  await settle();
  expect(states.at(-1)).toBe('saved');
});

test('a failed save is tried again when the link opens', async () => {
  const { keeper, saves, pass, settle, states } = setup();
  keeper.edit('a', 'x');
  pass();
  saves[0]!.fail();
  await settle();
  expect(states.at(-1)).toBe('failed');
  keeper.flush();
  expect(saves.map(({ text }) => text)).toEqual(['x', 'x']);
});

test('the server’s draft is shown on another machine, but never over unsaved text', async () => {
  const { keeper, saves, pass, settle } = setup();
  expect(keeper.told('a', '旧草稿')).toBe('旧草稿');
  keeper.edit('a', '新的');
  expect(keeper.told('a', '旧草稿')).toBeNull();
  pass();
  saves[0]!.done();
  await settle();
  expect(keeper.told('a', '另一个标签页写的')).toBe('另一个标签页写的');
});

test('a sent message clears the draft at once, and only once', async () => {
  const { keeper, saves, pass, settle, states } = setup();
  keeper.edit('a', 'x');
  pass();
  saves[0]!.done();
  await settle();
  keeper.edit('a', '', true);
  expect(saves.map(({ text }) => text)).toEqual(['x', '']);
  saves[1]!.done();
  await settle();
  pass();
  expect(saves).toHaveLength(2);
  expect(states.at(-1)).toBe('clean');
});

test('a message sent while its draft is being saved leaves an empty draft behind', async () => {
  const { keeper, saves, pass, settle } = setup();
  keeper.edit('a', 'x');
  pass();
  keeper.edit('a', '', true);
  for (let at = 0; at < saves.length; at += 1) {
    saves[at]!.done();
    await settle();
  }
  expect(saves.at(-1)!.text).toBe('');
});

test('a conversation that went away is not written to any more', () => {
  const { keeper, saves, pass } = setup();
  keeper.edit('a', 'x');
  keeper.forget('a');
  pass();
  keeper.flush();
  expect(saves).toEqual([]);
});
