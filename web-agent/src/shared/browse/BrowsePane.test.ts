import { mount } from '@vue/test-utils';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { nextTick } from 'vue';
import type { Answer, Command, WindowView } from '../../generated/protocol';
import { RequestError } from '../link';
import BrowsePane from './BrowsePane.vue';
import { PageFeed } from './feed';
import { Cutter } from './pieces';
import type { FromReplay, ShownField, ToReplay } from './replay';

const view = {
  window: 'wn_1',
  state: 'live',
  isBrowsing: true,
  seats: [],
  proposals: [],
  form: { item: 'residence-permit', step: 'applicant', error: 'name-required' },
} as unknown as WindowView;

const name: ShownField = { field: 'name', label: '姓名', kind: 'text', isFilled: true };
const code: ShownField = { field: 'code', label: '短信验证码', kind: 'secret', isFilled: false };
const heading: ShownField = { field: 'node:7', label: '居住证办理', kind: null, isFilled: false };

let told: ToReplay[];
// happy-dom would load the frame; the page in it is a stand-in.
const replay = {
  postMessage: (message: { replay: ToReplay }) => told.push(message.replay),
} as unknown as Window;

beforeEach(() => {
  told = [];
  vi.spyOn(HTMLIFrameElement.prototype, 'contentWindow', 'get').mockReturnValue(replay);
  vi.spyOn(HTMLIFrameElement.prototype, 'setAttribute').mockImplementation(() => {});
  vi.spyOn(HTMLIFrameElement.prototype, 'src', 'set').mockImplementation(() => {});
});
afterEach(() => vi.restoreAllMocks());

function pane(start: Partial<WindowView> = {}) {
  const asked: Command[] = [];
  const feed = new PageFeed();
  let refusal: RequestError | null = null;
  const wrapper = mount(BrowsePane, {
    attachTo: document.body,
    props: {
      view: { ...view, ...start },
      feed,
      request: (command: Command) => {
        asked.push(command);
        return refusal ? Promise.reject(refusal) : Promise.resolve({ type: 'done' } as Answer);
      },
    },
  });
  const hear = async (message: FromReplay, origin = location.origin, source: unknown = replay) => {
    const event = new Event('message');
    Object.assign(event, { data: { replay: message }, origin, source });
    window.dispatchEvent(event);
    await nextTick();
  };
  const button = (text: string) => wrapper.findAll('button').find((one) => one.text() === text);
  const settle = async () => {
    await new Promise((resolve) => setTimeout(resolve));
    await nextTick();
  };
  const refuse = (error: RequestError) => (refusal = error);
  return { wrapper, feed, asked, hear, button, settle, refuse };
}

test('what came before the pane was there is shown as soon as its frame is ready', async () => {
  const { feed, hear, wrapper } = pane();
  const whole = { type: 2, timestamp: 1, data: { node: {} } };
  for (const frames of new Cutter().cut([whole])) feed.heard({ type: 'frames', page: 1, frames });
  expect(told).toEqual([]);
  await hear({ ready: true });
  expect(told).toEqual([{ events: [whole], isWhole: true }]);
  expect(wrapper.text()).toContain('name-required');
});

test('a field is pointed at with a note, and a value is proposed where the rules let one', async () => {
  const { wrapper, hear, asked, button, settle } = pane();
  await hear({ ready: true });
  await hear({ fields: [name, code] });
  await wrapper.find('select').setValue('name');
  expect(told.at(-1)).toEqual({ mark: 'name' });
  const [note, value] = wrapper.findAll('input');
  await note!.setValue(' 与证件一致 ');
  await wrapper.find('form').trigger('submit');
  await settle();
  await value!.setValue('张三');
  await button('发出建议')!.trigger('click');
  await settle();
  expect(asked).toEqual([
    { type: 'highlight', window: 'wn_1', field: 'name', note: '与证件一致' },
    { type: 'propose', window: 'wn_1', field: 'name', kind: 'text', value: '张三' },
  ]);
  expect(wrapper.text()).toContain('建议已发出');
});

test('what is chosen stays chosen until the citizen is on another page', async () => {
  const { wrapper, hear } = pane();
  await hear({ ready: true });
  await hear({ fields: [name, code] });
  await hear({ picked: name });
  const chosen = () => wrapper.find('select').element.value;
  // A light has changed, or the citizen is in another field.
  const here = { ...view.form!, field: 'code' };
  await wrapper.setProps({ view: { ...view, version: 2, formItem: '居住证办理', form: here } });
  expect(chosen()).toBe('name');
  expect(wrapper.find('dd').text()).toBe('居住证办理');
  await wrapper.setProps({ view: { ...view, version: 3, form: { ...view.form!, step: 'materials' } } });
  expect(chosen()).toBe('');
});

test('what is the citizen’s own, and what is no field, can be pointed at only', async () => {
  const { wrapper, hear, button } = pane();
  await hear({ ready: true });
  await hear({ fields: [name, code] });
  for (const [picked, hint] of [
    [code, '只能由市民本人操作'],
    [heading, '不是可填写的字段'],
  ] as const) {
    await hear({ picked });
    expect(wrapper.text()).toContain(hint);
    expect([button('请市民看这里') !== undefined, button('发出建议')]).toEqual([true, undefined]);
  }
});

test('strangers are not heard, and a refusal is told', async () => {
  const { wrapper, hear, refuse, settle } = pane();
  await hear({ picked: name }, 'https://evil.example');
  await hear({ picked: name }, location.origin, {});
  expect(wrapper.find('form').exists()).toBe(false);
  await hear({ picked: name });
  refuse(new RequestError('rate_limited', '', undefined, true));
  await wrapper.find('form').trigger('submit');
  await settle();
  expect(wrapper.find('[role=alert]').text()).toBe('操作太频繁，请稍后再试');
});

test('it says why there is nothing to see', async () => {
  const { wrapper } = pane();
  expect(wrapper.find('.status').text()).toContain('正在等待');
  const seats = [{ participant: 'pa_1', seat: 'citizen', name: '', isMe: false, isAway: true, media: [] }];
  await wrapper.setProps({ view: { ...view, seats } as unknown as WindowView });
  expect(wrapper.find('.status').text()).toContain('暂时断开');
  await wrapper.setProps({ view: { ...view, isBrowsing: false } });
  expect(wrapper.find('.status').text()).toContain('已停止');
});
