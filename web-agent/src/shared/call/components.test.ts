/** What people see and press: ring, parties, hunting, what may be done, wrap-up. */
import { mount } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { nextTick, type DefineComponent } from 'vue';
import WrapUpForm from '../../operator/WrapUpForm.vue';
import { useNotes } from '../../operator/useNotes';
import { setClock } from '../clock';
import CallActs from './CallActs.vue';
import CallCard from './CallCard.vue';
import { callsKey, createCalls, type Calls } from './calls';
import HuntProgress from './HuntProgress.vue';
import PartyList from './PartyList.vue';
import RingCard from './RingCard.vue';
import SoundLine from './SoundLine.vue';
import { AT, attempt, call, leg, mine, PROFESSIONAL, request, ring, Server } from './testing';

let server: Server;
let calls: Calls;

beforeEach(() => {
  vi.useFakeTimers();
  setClock(() => AT + 6_000);
  setActivePinia(createPinia());
  sessionStorage.clear();
  server = new Server();
  calls = createCalls({
    port: server.port,
    devices: { media: undefined, isSecure: false, hasConnections: true, storage: null },
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
  mount(component as Any, { props, attachTo: document.body, global: { provide: { [callsKey as symbol]: calls } } });

const three = call({ legs: [leg(1, 'caller'), leg(2, 'operator'), leg(3, 'professional')] });
const consulting = call({
  legs: [
    leg(1, 'caller', { place: 'hold' }),
    leg(2, 'operator', { place: 'aside' }),
    leg(3, 'professional', { place: 'aside' }),
  ],
});

test('a ring says who, what for and for how long; a press in its first moment does nothing, a later one answers', async () => {
  server.snapshot(mine({ rings: [ring({ itemName: '个体工商户登记' })] }));
  const card = put(RingCard, { ring: ring({ itemName: '个体工商户登记' }), declineKey: 'X' });
  expect(card.text()).toContain('138****0001');
  expect(card.text()).toContain('个体工商户登记');
  expect(card.get('[data-testid=ring-seconds]').text()).toBe('14 秒内有效');
  const decline = card.findAll('button')[1]!;
  await decline.trigger('click');
  expect(server.names()).toEqual(['rings']);
  vi.advanceTimersByTime(350);
  await decline.trigger('click');
  expect(server.names()).toEqual(['rings']);
  await card.get('[data-testid=decline-why] button:last-child').trigger('click');
  // This page has no TLS: one is told why nothing is answered.
  await card.get('[data-testid=answer]').trigger('click');
  await vi.advanceTimersByTimeAsync(0);
  expect(server.names()).toEqual(['rings']);
  expect(card.get('[role=alert]').text()).toContain('HTTPS');
});

test('who declines says why, by a press or a digit; until then it rings on, and Esc takes it back', async () => {
  server.snapshot(mine({ rings: [ring()] }));
  const card = put(RingCard, { ring: ring(), declineKey: 'X' });
  vi.advanceTimersByTime(350);
  const open = async () => {
    await card.findAll('button')[1]!.trigger('click');
    await nextTick();
    return card.get('[data-testid=decline-why]');
  };
  const why = await open();
  expect(why.findAll('button').map((one) => one.text())).toEqual(['正忙1', '非本人业务2', '其他原因3', '不拒接Esc']);
  expect(document.activeElement).toBe(why.get('[data-reason=busy]').element);
  const below = vi.fn();
  window.addEventListener('keydown', below);
  await why.trigger('keydown', { key: '5', code: 'Digit5' });
  expect([server.names(), below.mock.calls.length]).toEqual([['rings'], 1]);
  await why.trigger('keydown', { key: 'Escape', code: 'Escape' });
  expect(card.find('[data-testid=decline-why]').exists()).toBe(false);
  expect(server.names()).toEqual(['rings']);
  await (await open()).trigger('keydown', { key: '2', code: 'Digit2' });
  window.removeEventListener('keydown', below);
  expect(below).toHaveBeenCalledTimes(1);
  expect(server.acts.at(-1)).toEqual({ type: 'decline', call: 'cl_1', reason: 'not_mine' });
  await card.get('[data-reason=other]').trigger('click');
  expect(server.acts.at(-1)).toEqual({ type: 'decline', call: 'cl_1', reason: 'other' });
});

test('the operator reads why somebody did not come', () => {
  const declined = request({ attempts: [attempt(3, { cause: 'declined', declined: 'not_mine', until: undefined })] });
  expect(put(HuntProgress, { request: declined }).get('[data-cause=declined]').text()).toContain('拒接（非本人业务）');
  const plain = request({ attempts: [attempt(3, { cause: 'declined', until: undefined })] });
  expect(put(HuntProgress, { request: plain }).get('[data-cause=declined] .state').text()).toBe('拒接');
});

test('a desk phone is picked up: the card has nothing to press', () => {
  const card = put(RingCard, { ring: ring({ onTelephone: true }) });
  expect([card.findAll('button').length, card.get('[role=status]').text()]).toEqual([0, '请拿起话机接听']);
});

test('each party with place, marks and what may be done; a button says with whom', async () => {
  const list = put(PartyList, { view: consulting, keys: true });
  const rows = list.findAll('[data-testid=party]');
  expect(rows.map((one) => [one.attributes('data-part'), one.attributes('data-place')])).toEqual([
    ['caller', 'hold'],
    ['operator', 'aside'],
    ['professional', 'aside'],
  ]);
  expect(rows[1]!.text()).toContain('白洁（我）');
  // What is read aloud begins with what is seen, and says with whom.
  expect(rows[2]!.findAll('button').map((one) => one.element.firstChild?.textContent?.trim())).toEqual([
    '静音',
    '保持',
    '悄悄话',
    '请出',
  ]);
  expect(rows[2]!.get('[data-act=drop]').text()).toMatch(/^请出：郑凯/);
  await rows[2]!.get('[data-act=drop]').trigger('click');
  expect(list.emitted('act')).toEqual([['drop', consulting.legs[2]]]);
});

test('who speaks is marked as speaking, unless they are muted', async () => {
  server.snapshot(mine({ mine: ['cl_1'] }));
  server.of(three);
  const list = put(PartyList, { view: three });
  const talking = () => list.findAll('[data-testid=party]').map((one) => one.attributes('data-talking'));
  server.topics.get('call:cl_1')!.event({ type: 'call_heard', leg: 1, speaking: true }, undefined);
  await nextTick();
  expect(talking()).toEqual(['true', 'false', 'false']);
  await list.setProps({ view: { ...three, legs: [leg(1, 'caller', { isMuted: true }), ...three.legs.slice(1)] } });
  expect(talking()).toEqual(['false', 'false', 'false']);
});

test('hunting: everybody with what became of them and the seconds left; nobody reached says what is owed', async () => {
  const open = request({
    attempts: [attempt(3, { who: '王磊', cause: 'busy' }), attempt(4, { round: 2, isRinging: true })],
  });
  const hunt = put(HuntProgress, { request: open });
  expect(hunt.text()).toContain('第 2 / 2 位');
  expect(hunt.findAll('[data-testid=attempt]').map((one) => one.attributes('data-cause'))).toEqual(['busy', '']);
  expect(hunt.text()).toMatch(/王磊.*占线.*郑凯.*振铃中.*19 秒/s);
  await hunt.setProps({ request: { ...open, endedAt: AT + 45_000, result: 'nobody_reached' } });
  expect(hunt.get('[role=status]').text()).toContain('24 小时');
});

test('what ends it for all asks once more; everything else is told at once', async () => {
  const acts = put(CallActs, { view: consulting, keys: true });
  await acts.get('[data-act=merge]').trigger('click');
  expect(server.acts).toEqual([{ type: 'merge', call: 'cl_1' }]);
  await acts.get('[data-act=end]').trigger('click');
  expect(server.names()).toEqual(['merge']);
  document.querySelector<HTMLButtonElement>('[data-testid=end-really]')!.click();
  await nextTick();
  expect(server.names()).toEqual(['merge', 'end']);
});

test('a professional has silence, whisper and hanging up, and nothing of the operator’s', async () => {
  const view = { ...three, standing: 'professional' as const, mine: 3, may: PROFESSIONAL };
  server.snapshot(mine({ mine: ['cl_1'] }));
  server.of(view);
  const card = put(CallCard, { view, muteKey: 'Alt M' });
  expect(card.attributes('data-scene')).toBe('three');
  expect(card.findAll('[data-testid=call-acts] button').map((one) => one.attributes('data-act'))).toEqual(['window']);
  await card.get('[data-testid=mute]').trigger('click');
  await card.get('[data-act=whisper]').trigger('click');
  await card.get('[data-testid=hang-up]').trigger('click');
  await vi.advanceTimersByTimeAsync(0);
  expect(server.acts).toEqual([
    { type: 'mute', call: 'cl_1', leg: 3, muted: true },
    { type: 'whisper', call: 'cl_1', to: 2 },
    { type: 'hang_up', call: 'cl_1' },
  ]);
});

test('in a call on another page: one is told so, and can bring it here', async () => {
  server.snapshot(mine({ mine: ['cl_1'] }));
  server.of(three);
  const line = put(SoundLine, {});
  expect(line.attributes('data-state')).toBe('elsewhere');
  server.says(mine({ version: 2, mine: ['cl_1'], hasTelephone: true }));
  await nextTick();
  expect(line.attributes('data-state')).toBe('none');
});

test('the wrap-up needs a result, a work order its number; what is noted goes with it and is forgotten', async () => {
  useNotes().write('cl_1', '  想办营业执照  ');
  server.snapshot(mine({ wrapUps: [{ call: 'cl_1', since: AT, until: AT + 60_000 }] }));
  const form = put(WrapUpForm, { wrapUp: { call: 'cl_1', since: AT, until: AT + 60_000 } });
  expect(form.get('[data-testid=wrap-up-seconds]').text()).toBe('54 秒后自动完成');
  await form.trigger('submit');
  expect(form.get('[role=alert]').text()).toBe('请选择处理结果');
  await form.trigger('keydown', { key: '3' });
  await form.trigger('submit');
  expect(form.get('[role=alert]').text()).toBe('请填写工单编号');
  await form.get('#work-order').setValue(' GD-1 ');
  await form.trigger('submit');
  await vi.advanceTimersByTimeAsync(0);
  expect(server.acts).toEqual([
    { type: 'wrap_up', call: 'cl_1', disposition: 'work_order', note: '想办营业执照', workOrder: 'GD-1' },
  ]);
  expect([form.emitted('done'), useNotes().of('cl_1')]).toEqual([[[undefined]], '']);
});
