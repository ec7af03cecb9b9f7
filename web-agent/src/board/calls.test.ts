/** Live calls on the board, and one of them for a supervisor. */
import { mount } from '@vue/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { nextTick, type DefineComponent } from 'vue';
import type { LiveCallView } from '../generated/protocol';
import { callsKey, createCalls, type Calls } from '../shared/call/calls';
import { AT, call, Connection, leg, mine, ring, Server } from '../shared/call/testing';
import CallSupervision from './CallSupervision.vue';
import LiveCalls from './LiveCalls.vue';

let server: Server;
let calls: Calls;

beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  calls = createCalls({
    port: server.port,
    devices: { media: undefined, isSecure: false, hasConnections: true, storage: null },
    phones: {
      connection: () => new Connection() as unknown as RTCPeerConnection,
      codecs: () => undefined,
      setTimeout: (run, ms) => window.setTimeout(run, ms),
      clearTimeout: (timer) => window.clearTimeout(timer),
    },
    session: null,
  });
  return () => vi.useRealTimers();
});
afterEach(() => {
  calls.dispose();
  document.body.innerHTML = '';
});

type Any = DefineComponent<Record<string, unknown>>;
const put = (component: unknown, props: Record<string, unknown>) =>
  mount(component as Any, {
    props,
    attachTo: document.body,
    global: { provide: { [callsKey as symbol]: calls } },
  });

const live = (id: string, more: Partial<LiveCallView> = {}): LiveCallView => ({
  call: id,
  state: 'talking',
  origin: 'hotline',
  team: 'hotline',
  isFirst: false,
  caller: id,
  since: AT - 60_000,
  answeredAt: AT - 50_000,
  people: [{ id: 'ag_1', name: '白洁' }],
  isRequesting: false,
  ...more,
});

const SUPERVISOR = ['end', 'supervise', 'take_over'] as const;
const watched = (more: Parameters<typeof call>[0] = {}) =>
  call({ mine: undefined, standing: 'supervisor', may: [...SUPERVISOR], ...more });
const inside = (more: Parameters<typeof leg>[2]) =>
  watched({ version: 5, mine: 4, legs: [leg(1, 'caller'), leg(2, 'operator'), leg(4, 'supervisor', more)] });
const $ = (selector: string) => document.querySelector<HTMLElement>(selector)!;
const button = (text: string) =>
  [...document.querySelectorAll('button')].find((one) => one.textContent!.trim() === text)!;

test('who waits comes first, marked after the 15 s of GB/T 33358; a press opens the call', async () => {
  const waiting = (id: string, since: number) =>
    live(id, { state: 'waiting', since, answeredAt: undefined, people: [] });
  server.snapshot(mine({ live: [live('talks'), waiting('late', AT - 15_000), waiting('new', AT - 14_999)] }));
  const list = put(LiveCalls, { now: AT });
  const rows = list.findAll('[data-testid=live-call]');
  expect(rows.map((one) => one.get('b').text())).toEqual(['late', 'new', 'talks']);
  expect(rows.map((one) => one.classes('late'))).toEqual([true, false, false]);
  await rows[0]!.trigger('click');
  expect(list.emitted('open')).toEqual([['late']]);
});

test('without calls there is no list', () => {
  server.snapshot(mine());
  expect(put(LiveCalls, { now: AT }).find('[data-testid=live-calls]').exists()).toBe(false);
});

test('listening: one is rung for it and taken without another press; then whisper and join in change the way', async () => {
  server.snapshot(mine({ live: [live('cl_1')] }));
  put(CallSupervision, { id: 'cl_1', now: AT });
  server.of(watched());
  await nextTick();
  button('旁听').click();
  await vi.advanceTimersByTimeAsync(0);
  server.says(mine({ version: 2, rings: [ring({ leg: 4, part: 'supervisor' })] }));
  await vi.advanceTimersByTimeAsync(0);
  // Without a microphone one may listen all the same.
  expect(server.names()).toEqual(['supervise', 'rings', 'prepare', 'answer']);
  server.says(mine({ version: 3, mine: ['cl_1'] }));
  server.of(inside({ isMuted: true }));
  await nextTick();
  expect($('[data-testid=call-supervision]').dataset.mode).toBe('listen');
  button('悄悄话').click();
  await vi.advanceTimersByTimeAsync(0);
  expect(server.acts.at(-1)).toEqual({ type: 'supervise', call: 'cl_1', mode: 'whisper' });
});

test('taking over and ending ask once more; whoever closes the window does not go on listening', async () => {
  server.snapshot(mine({ mine: ['cl_1'], live: [live('cl_1')] }));
  const panel = put(CallSupervision, { id: 'cl_1', now: AT });
  server.of(inside({ whispersTo: 2 }));
  await nextTick();
  button('接管').click();
  await nextTick();
  expect(server.names()).toEqual([]);
  button('取消').click();
  await nextTick();
  button('结束通话').click();
  await nextTick();
  $('[data-testid=really]').click();
  await vi.advanceTimersByTimeAsync(0);
  expect(server.names()).toEqual(['end']);
  panel.unmount();
  expect(server.names()).toEqual(['end', 'hang_up']);
});
