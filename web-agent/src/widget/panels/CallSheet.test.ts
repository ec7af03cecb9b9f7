/** The citizen's call as they see it: asked first, told in plain words, silence and hanging up in sight, rung by staff. */
import { mount } from '@vue/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { nextTick, ref, type DefineComponent } from 'vue';
import { createCalls, type Calls } from '../../shared/call/calls';
import { AT, call, Connection, leg, mine, ring, Server } from '../../shared/call/testing';
import { setClock } from '../../shared/clock';
import { citizenCallKey } from '../logic/call';
import CallSheet from './CallSheet.vue';

let server: Server;
let calls: Calls;
let denied: boolean;
const asks = ref(false);

const track = { enabled: true, stop: () => {}, addEventListener: () => {} };

beforeEach(() => {
  vi.useFakeTimers();
  setClock(() => AT + 5_000);
  denied = false;
  asks.value = false;
  server = new Server();
  calls = createCalls({
    port: server.port,
    devices: {
      media: {
        getUserMedia: () =>
          denied
            ? Promise.reject(Object.assign(new Error('no'), { name: 'NotAllowedError' }))
            : Promise.resolve({ getAudioTracks: () => [track], getVideoTracks: () => [] }),
      } as unknown as MediaDevices,
      isSecure: true,
      hasConnections: true,
      storage: null,
    },
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

function sheet() {
  const begin = async () => {
    if (await calls.start('cv_1')) asks.value = false;
  };
  const own = { asks, begin };
  return mount(CallSheet as unknown as DefineComponent<Record<string, unknown>>, {
    props: { calls },
    attachTo: document.body,
    global: { provide: { [citizenCallKey as symbol]: own } },
  });
}
const settle = () => vi.advanceTimersByTimeAsync(0);
const theirs = (more: Parameters<typeof call>[0] = {}) =>
  call({ mine: 1, standing: undefined, may: [], requests: [], ...more });
const named = (text: string) =>
  [...document.querySelectorAll('button')].find((one) => one.textContent!.trim() === text)!;

test('nothing is opened before they agree; without a permission they are told what to do, and nobody is rung', async () => {
  denied = true;
  server.snapshot(mine());
  asks.value = true;
  const shown = sheet();
  expect(shown.get('[data-testid=citizen-call]').attributes('data-scene')).toBe('asked');
  expect([shown.text().includes('麦克风'), server.acts]).toEqual([true, []]);
  named('同意并开始').click();
  await settle();
  expect(shown.get('[role=alert]').text()).toContain('麦克风权限');
  expect([named('重试') !== undefined, server.acts]).toEqual([true, []]);
});

test('from the first ring to the end, in words; silent and hanging up are there all the time', async () => {
  server.snapshot(mine());
  server.answers.start = { type: 'call_opened', call: 'cl_1' };
  asks.value = true;
  const shown = sheet();
  const scene = () => shown.get('[data-testid=citizen-call]').attributes('data-scene');
  named('同意并开始').click();
  await settle();
  server.says(mine({ version: 2, mine: ['cl_1'] }));
  server.of(theirs({ state: 'waiting', legs: [leg(1, 'caller')], answeredAt: undefined }));
  await nextTick();
  expect([scene(), shown.text().includes('正在为您接通工作人员')]).toEqual(['waiting', true]);
  // Nobody is there who could hear them.
  expect(named('静音')).toBeUndefined();
  server.of(theirs({ version: 2, legs: [leg(1, 'caller', { name: '' }), leg(2, 'operator')] }));
  await nextTick();
  expect([scene(), shown.text().includes('正在与 白洁 通话')]).toEqual(['talking', true]);
  server.of(theirs({ version: 3, legs: [leg(1, 'caller', { place: 'hold' })] }));
  await nextTick();
  expect([scene(), shown.text().includes('请勿挂断')]).toEqual(['held', true]);
  const silentBefore = server.names();
  named('静音').click();
  await settle();
  // By their own microphone: the server lets nobody of theirs be silenced by a command, and none is sent.
  expect([track.enabled, shown.text().includes('您已静音'), server.names()]).toEqual([false, true, silentBefore]);
  named('取消静音').click();
  await settle();
  expect(track.enabled).toBe(true);
  named('静音').click();
  await settle();
  server.of(theirs({ version: 4, state: 'ended', endedBecause: 'caller_lost', legs: [], mine: undefined }));
  await nextTick();
  expect(shown.text()).toContain('网络中断');
  named('关闭').click();
  await nextTick();
  expect(shown.find('[data-testid=citizen-call]').exists()).toBe(false);
});

test('who hangs up is told that it is over, also when the answer comes before the end', async () => {
  server.snapshot(mine());
  server.answers.start = { type: 'call_opened', call: 'cl_1' };
  asks.value = true;
  const shown = sheet();
  named('同意并开始').click();
  await settle();
  server.says(mine({ version: 2, mine: ['cl_1'] }));
  server.of(theirs({ legs: [leg(1, 'caller', { name: '' }), leg(2, 'operator')] }));
  await nextTick();
  named('挂断').click();
  await settle();
  // They are in no call any more, and only then its end comes.
  server.says(mine({ version: 3 }));
  server.of(theirs({ version: 3, state: 'ended', endedBecause: 'caller_hung_up', legs: [], mine: undefined }));
  await nextTick();
  expect(shown.get('[data-testid=citizen-call]').attributes('data-scene')).toBe('over');
  expect(shown.text()).toContain('您已挂断');
});

test('rung by staff: the seconds left, taken with consent or declined', async () => {
  server.snapshot(mine({ rings: [ring({ leg: 1, part: 'caller', caller: '' })] }));
  const shown = sheet();
  expect(shown.get('[data-testid=citizen-call]').attributes('data-scene')).toBe('rung');
  expect(shown.text()).toContain('15 秒');
  named('拒接').click();
  await settle();
  expect(server.names()).toEqual(['rings', 'decline']);
  named('同意并接听').click();
  await settle();
  expect(server.names().slice(2)).toEqual(['prepare', 'answer']);
});
