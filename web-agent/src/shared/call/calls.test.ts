/** The calls of a page over a link that is ours: rings, sound, reload, a lost link, another page. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RequestError } from '../link';
import { createCalls, type Calls } from './calls';
import { call, Connection, leg, mine, ring, Server } from './testing';

const track = () => ({ enabled: true, stop: vi.fn(), addEventListener: () => {} });
let voice = track();
let server: Server;
let connections: Connection[];
let pages: Calls[];
let stored: Map<string, string>;
let denied = false;

function page(): Calls {
  const made = createCalls({
    port: server.port,
    devices: {
      media: {
        getUserMedia: () =>
          denied
            ? Promise.reject(Object.assign(new Error('no'), { name: 'NotAllowedError' }))
            : Promise.resolve({ getAudioTracks: () => [voice], getVideoTracks: () => [] }),
      } as unknown as MediaDevices,
      isSecure: true,
      hasConnections: true,
      storage: null,
    },
    phones: {
      connection: () => {
        const one = new Connection();
        connections.push(one);
        return one as unknown as RTCPeerConnection;
      },
      codecs: () => undefined,
      setTimeout: (run, ms) => window.setTimeout(run, ms),
      clearTimeout: (timer) => window.clearTimeout(timer),
    },
    session: {
      getItem: (key) => stored.get(key) ?? null,
      setItem: (key, text) => void stored.set(key, text),
      removeItem: (key) => void stored.delete(key),
    },
  });
  pages.push(made);
  return made;
}

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

beforeEach(() => {
  server = new Server();
  connections = [];
  pages = [];
  stored = new Map();
  voice = track();
  denied = false;
});
afterEach(() => pages.forEach((one) => one.dispose()));

/** Rung, answered, and told by the server that one is in. */
async function talking(): Promise<Calls> {
  const calls = page();
  server.snapshot(mine({ rings: [ring()] }));
  expect(await calls.answer('cl_1')).toBe(true);
  await settle();
  connections[0]!.is('connected');
  server.says(mine({ version: 2, mine: ['cl_1'] }));
  server.of(call());
  return calls;
}

test('a ring is acknowledged once, and answered with this page’s sound; the leg is remembered for a reload', async () => {
  const calls = page();
  server.snapshot(mine({ rings: [ring()] }));
  server.says(mine({ version: 2, rings: [ring()] }));
  expect(server.acts).toEqual([{ type: 'rings', call: 'cl_1' }]);
  await calls.answer('cl_1');
  await settle();
  expect(server.acts.slice(1)).toEqual([
    { type: 'prepare', call: 'cl_1' },
    { type: 'answer', call: 'cl_1', sdp: 'offer' },
  ]);
  expect(calls.soundState.value).toBe('connecting');
  connections[0]!.is('connected');
  expect([calls.soundState.value, connections[0]!.sent, stored.get('bangban.call.leg')]).toEqual(['up', voice, 'cl_1']);
});

test('a telephone on the desk rings by itself: the page neither acknowledges nor answers', () => {
  page();
  server.snapshot(mine({ rings: [ring({ onTelephone: true })], hasTelephone: true }));
  expect(server.acts).toEqual([]);
});

test('without a microphone nothing is answered, and one is told why; a supervisor may listen nevertheless', async () => {
  denied = true;
  const calls = page();
  server.snapshot(mine({ rings: [ring()] }));
  expect(await calls.answer('cl_1')).toBe(false);
  expect([calls.microphoneProblem.value, server.names()]).toEqual(['denied', ['rings']]);
  server.says(mine({ version: 2, rings: [ring({ leg: 5, part: 'supervisor' })] }));
  expect(await calls.answer('cl_1')).toBe(true);
  await settle();
  expect(server.names()).toContain('answer');
});

test('what was asked for here is taken by itself: an accepted offer, a return; nothing else is', async () => {
  const calls = page();
  server.snapshot(mine());
  calls.expect('cv_1');
  server.says(mine({ version: 2, rings: [ring()] }));
  await settle();
  expect(server.names()).toEqual(['rings', 'prepare', 'answer']);

  server = new Server();
  const other = page();
  server.snapshot(mine({ left: ['cl_1'] }));
  await other.doesAndComes({ type: 'return', call: 'cl_1', takesBack: false }, 'cl_1');
  server.says(mine({ version: 2, rings: [ring({ call: 'cl_2', conversation: 'cv_2' })], left: ['cl_1'] }));
  await settle();
  expect(server.names()).toEqual(['return', 'rings']);
});

test('a refused return expects nothing: the next ring of that call is a surprise again', async () => {
  const calls = page();
  server.snapshot(mine({ left: ['cl_1'] }));
  server.refuses.return = new RequestError('invalid_stage', 'not possible now', undefined, false);
  expect(await calls.doesAndComes({ type: 'return', call: 'cl_1', takesBack: true }, 'cl_1')).toBeNull();
  expect(calls.problem.value).toBe('invalid_stage');
  server.says(mine({ version: 2, rings: [ring()], left: ['cl_1'] }));
  await settle();
  expect(server.names()).toEqual(['return', 'rings']);
});

test('reloaded, the tab that had the leg takes it back; another tab asks first', async () => {
  await talking();
  pages[0]!.dispose();
  const again = page();
  server.acts.length = 0;
  server.snapshot(mine({ mine: ['cl_1'] }));
  await settle();
  expect(server.acts.at(-1)).toEqual({ type: 'connect', call: 'cl_1', sdp: 'offer' });
  again.dispose();

  stored.clear();
  const other = page();
  server.acts.length = 0;
  server.snapshot(mine({ mine: ['cl_1'] }));
  await settle();
  expect([server.acts, other.soundOf.value]).toEqual([[], null]);
  expect(await other.attach('cl_1')).toBe(true);
});

test('who silenced themselves by their page is silent after a reload of it, and not in the next call', async () => {
  const calls = await talking();
  server.of(call({ version: 2, may: [] }));
  await calls.toggleMute();
  expect([calls.isMuted.value, voice.enabled]).toEqual([true, false]);
  calls.dispose();
  voice = track();
  const again = page();
  server.snapshot(mine({ mine: ['cl_1'] }));
  await settle();
  expect([again.soundOf.value, again.isMuted.value, voice.enabled]).toEqual(['cl_1', true, false]);
  server.of(call({ version: 9, state: 'ended', endedBecause: 'completed', legs: [], mine: undefined }));
  expect([again.isMuted.value, stored.size]).toEqual([false, 0]);
});

test('after a lost link the same leg is connected anew', async () => {
  await talking();
  server.acts.length = 0;
  server.snapshot(mine({ mine: ['cl_1'] }));
  await settle();
  expect(connections).toHaveLength(2);
  expect(server.acts).toEqual([{ type: 'connect', call: 'cl_1', sdp: 'offer' }]);
});

test('taken by another page, this one is silent, and can have it back', async () => {
  const calls = await talking();
  server.session({ type: 'call_replaced', call: 'cl_1' });
  expect([calls.soundOf.value, calls.elsewhere.has('cl_1'), stored.size]).toEqual([null, true, 0]);
  expect(voice.stop).toHaveBeenCalled();
  await calls.attach('cl_1');
  expect(calls.elsewhere.has('cl_1')).toBe(false);
});

test('silent at once here, and not any more if the server refuses; silenced by the operator is silent, too', async () => {
  const calls = await talking();
  server.refuses.mute = new RequestError('busy', '', undefined, true);
  const asked = calls.toggleMute();
  expect(voice.enabled).toBe(false);
  await asked;
  expect(voice.enabled).toBe(true);
  server.of(call({ version: 2, legs: [leg(1, 'caller'), leg(2, 'operator', { isMuted: true })] }));
  await settle();
  expect([calls.isMuted.value, voice.enabled]).toEqual([true, false]);
});

test('a call that ends is told once, its sound and the microphone go; late news changes nothing', async () => {
  const calls = await talking();
  server.of(call({ version: 9, state: 'ended', endedBecause: 'caller_hung_up', legs: [], mine: undefined }));
  expect([calls.over.value?.endedBecause, calls.soundOf.value]).toEqual(['caller_hung_up', null]);
  // That one is in it no more comes later: it is not on another page meanwhile.
  expect([calls.view.value?.mine, calls.current.value]).toEqual([['cl_1'], null]);
  expect(voice.stop).toHaveBeenCalled();
  expect(stored.size).toBe(0);
});

test('not in it any more, without its end: the sound goes; left behind it can be come back to', async () => {
  const calls = await talking();
  server.says(mine({ version: 3, left: ['cl_1'] }));
  expect([calls.soundOf.value, calls.calls.has('cl_1'), calls.over.value]).toEqual([null, true, null]);
  server.says(mine({ version: 4 }));
  expect([calls.calls.has('cl_1'), server.topics.has('call:cl_1')]).toEqual([false, false]);
});

test('who hangs up is not heard any more, whatever the link says', async () => {
  const calls = await talking();
  server.refuses.hang_up = new RequestError('lost', '', undefined, true);
  expect(await calls.hangUp('cl_1')).toBe(false);
  expect(calls.soundOf.value).toBeNull();
});

test('who speaks is shown until they are silent', async () => {
  const calls = await talking();
  const says = (speaking: boolean) =>
    server.topics.get('call:cl_1')!.event({ type: 'call_heard', leg: 1, speaking }, undefined);
  says(true);
  expect(calls.isTalking('cl_1', 1)).toBe(true);
  says(false);
  expect(calls.isTalking('cl_1', 1)).toBe(false);
});

test('a citizen is not rung through for nothing: first the microphone, then the call', async () => {
  denied = true;
  const calls = page();
  server.snapshot(mine());
  expect(await calls.start('cv_1')).toBeNull();
  expect(server.acts).toEqual([]);
  denied = false;
  server.answers.start = { type: 'call_opened', call: 'cl_7' };
  await calls.start('cv_1');
  await settle();
  expect(server.names()).toEqual(['start', 'prepare', 'connect']);
  expect(calls.soundOf.value).toBe('cl_7');
});

test('an offer of sound that is refused leaves nothing behind', async () => {
  const calls = page();
  server.snapshot(mine({ rings: [ring()] }));
  server.refuses.answer = new RequestError('not_found', 'nobody is rung', undefined, false);
  await calls.answer('cl_1');
  await settle();
  expect([calls.problem.value, calls.soundOf.value, stored.size]).toEqual(['not_found', null, 0]);
  expect(voice.stop).toHaveBeenCalled();
});

test('who is to be called back is rung by the number that they left, and on their page where that is no way', async () => {
  const calls = page();
  server.snapshot(mine());
  const owed = {
    call: 'cl_9',
    conversation: 'cv_9',
    caller: '张*',
    since: 0,
    dueAt: 1,
    isMine: false,
    task: 'tk_1',
    version: 1,
    tried: 0,
  };
  await calls.callBack(owed);
  expect(server.acts).toEqual([{ type: 'call_back', call: 'cl_9', to: { type: 'left' } }]);
  let isFirst = true;
  const no = new RequestError('bad_request', 'there is no way to telephones', 'to', false);
  Object.defineProperty(server.refuses, 'call_back', {
    get: () => {
      const refused = isFirst ? no : undefined;
      isFirst = false;
      return refused;
    },
  });
  expect(await calls.callBack(owed)).not.toBeNull();
  expect(server.acts.at(-1)).toEqual({ type: 'call_back', call: 'cl_9', to: { type: 'browser' } });
  expect(calls.isAwaited({ call: 'cl_9', conversation: 'cv_9' } as never)).toBe(true);

  // Any other refusal is the end of it.
  server.refuses = { call_back: new RequestError('not_found', 'settled meanwhile', undefined, false) };
  expect(await calls.callBack(owed)).toBeNull();
  expect([server.acts.length, calls.problem.value]).toEqual([4, 'not_found']);
});
