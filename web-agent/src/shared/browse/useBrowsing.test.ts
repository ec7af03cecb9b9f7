import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { effectScope, nextTick, reactive, ref, type EffectScope } from 'vue';
import type { Answer, Command, EventBody, WindowView } from '../../generated/protocol';
import { RequestError } from '../link';
import type { FromPage, ToPage } from './messages';
import { useBrowsing } from './useBrowsing';

const text = { purpose: 'co_browse', id: 'co-browse', version: 3, zh: '文', en: 'text' } as const;
const blank = {
  window: 'wn_1',
  state: 'live',
  isBrowsing: false,
  texts: [text],
  consents: [],
  proposals: [],
} as unknown as WindowView;

let scope: EffectScope;

function citizen(start: Partial<WindowView> = {}, sits = true) {
  const view = reactive({ ...blank, ...start }) as WindowView;
  const isSeated = ref(sits);
  const asked: Command[] = [];
  const said: ToPage[] = [];
  let pageSays: (message: FromPage) => void = () => {};
  let topicSays: (body: EventBody) => void = () => {};
  const refusals = new Map<Command['type'], RequestError>();
  const browsing = scope.run(() =>
    useBrowsing({
      view: () => view,
      isSeated: () => isSeated.value,
      page: {
        isEmbedded: true,
        say: (message) => said.push(message),
        listen: (heard) => {
          pageSays = heard;
          return () => {};
        },
      },
      request: (command) => {
        asked.push(command);
        const refusal = refusals.get(command.type);
        return refusal ? Promise.reject(refusal) : Promise.resolve({ type: 'done' } as Answer);
      },
      listen: (heard) => {
        topicSays = heard;
        return () => {};
      },
      language: () => 'zh',
      elder: () => false,
    }),
  )!;
  const settle = async () => {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    await nextTick();
  };
  const begin = async () => {
    void browsing.agree();
    await settle();
    pageSays({ ready: { kept: null } });
    await settle();
    view.isBrowsing = true;
    await settle();
  };
  const take = <T>(list: T[]) => list.splice(0);
  return {
    view,
    isSeated,
    browsing,
    refusals,
    settle,
    begin,
    asked: () => take(asked),
    said: () => take(said),
    page: async (message: FromPage) => {
      pageSays(message);
      await settle();
    },
    topic: (body: EventBody) => topicSays(body),
  };
}

beforeEach(() => {
  vi.useFakeTimers();
  scope = effectScope();
});
afterEach(() => {
  scope.stop();
  vi.useRealTimers();
});

const refusal = (code: RequestError['code'], field?: string) => new RequestError(code, '', field, code === 'lost');

test('consent, then the script, then the server, then the page', async () => {
  const { browsing, begin, asked, said } = citizen();
  await begin();
  expect(asked()).toEqual([
    { type: 'consent', window: 'wn_1', purpose: 'co_browse', text: 'co-browse', version: 3 },
    { type: 'browse', window: 'wn_1', on: true },
  ]);
  expect(said()).toEqual([
    { load: true },
    { start: { window: 'wn_1', language: 'zh', elder: false } },
    { proposals: [] },
  ]);
  expect(browsing.state.value).toBe('on');
});

test('without consent no script is fetched, and a script that does not come is said', async () => {
  const refused = citizen();
  refused.refusals.set('consent', refusal('outdated'));
  await refused.browsing.agree();
  expect([refused.said(), refused.browsing.problem.value]).toEqual([[], 'outdated']);
  const late = citizen();
  await late.browsing.agree();
  vi.advanceTimersByTime(15_000);
  expect([late.browsing.state.value, late.browsing.problem.value]).toEqual(['off', 'unsupported']);
});

test('one press ends it on the page at once, and on the server when there is a link again', async () => {
  const { isSeated, browsing, begin, asked, said, refusals, page, settle } = citizen();
  await begin();
  asked();
  said();
  refusals.set('withdraw_consent', refusal('lost'));
  await page({ stop: true });
  expect([said(), browsing.state.value]).toEqual([[{ stop: true }], 'off']);
  await page({ frames: '[]', page: 1 });
  expect(asked().map(({ type }) => type)).toEqual(['withdraw_consent']);
  refusals.clear();
  isSeated.value = false;
  await settle();
  isSeated.value = true;
  await settle();
  expect(asked()).toEqual([{ type: 'withdraw_consent', window: 'wn_1', purpose: 'co_browse' }]);
});

test('a page that was loaded anew goes on once the seat is taken again, in this tab only', async () => {
  const here = citizen({ isBrowsing: true }, false);
  await here.page({ ready: { kept: { window: 'wn_1', page: 1 } } });
  expect(here.said()).toEqual([]);
  here.isSeated.value = true;
  await here.settle();
  expect(here.said()[0]).toEqual({ start: { window: 'wn_1', language: 'zh', elder: false } });
  expect(here.asked()).toEqual([]);

  const other = citizen({ isBrowsing: true });
  await other.page({ ready: { kept: null } });
  expect([other.said(), other.browsing.state.value]).toEqual([[], 'off']);
  const over = citizen({ isBrowsing: false });
  await over.page({ ready: { kept: { window: 'wn_1', page: 4 } } });
  expect(over.said()).toEqual([{ stop: true }]);
});

test('the page is shown anew when somebody comes, and when the link was lost', async () => {
  const { isSeated, begin, said, topic, settle } = citizen();
  await begin();
  said();
  topic({ type: 'frames_wanted' } as EventBody);
  expect(said()).toEqual([{ anew: { strict: false } }]);
  isSeated.value = false;
  await settle();
  isSeated.value = true;
  await settle();
  expect(said()).toEqual([{ anew: { strict: false } }]);
});

test('a refused page shows less, and refused again it stops', async () => {
  const { browsing, begin, said, asked, refusals, page } = citizen();
  await begin();
  said();
  refusals.set('send_frames', refusal('bad_request', 'frames'));
  await page({ frames: '[1]', page: 2 });
  expect([said(), browsing.isStrict.value]).toEqual([[{ anew: { strict: true } }], true]);
  expect(asked().at(-1)).toEqual({ type: 'send_frames', window: 'wn_1', page: 2, frames: '[1]' });
  await page({ frames: '[2]', page: 2 });
  expect([browsing.state.value, browsing.problem.value]).toEqual(['off', 'personal']);
  expect(asked().at(-1)!.type).toBe('withdraw_consent');
});

test('what a clerk points at and proposes reaches the page, and the answer the server', async () => {
  const { view, browsing, begin, said, asked, topic, page, settle } = citizen();
  await begin();
  said();
  asked();
  topic({ type: 'highlighted', by: 'pa_2', field: 'name', note: '与证件一致' } as EventBody);
  expect([said(), browsing.hint.value]).toEqual([[{ highlight: { field: 'name', note: '与证件一致' } }], 'pointed']);
  const proposal = { proposal: 1, field: 'name', value: '张三', until: 1 };
  view.proposals = [proposal];
  await settle();
  expect([said(), browsing.hint.value]).toEqual([[{ proposals: [proposal] }], 'proposed']);
  await page({ answer: { proposal: 1, accepts: true } });
  await page({ form: { step: '2' } });
  expect(asked()).toEqual([
    { type: 'answer_proposal', window: 'wn_1', proposal: 1, accepts: true },
    { type: 'see_form', window: 'wn_1', context: { step: '2' } },
  ]);
});

test('it ends with the window, and when the consent is taken back elsewhere', async () => {
  const { view, browsing, begin, said, settle } = citizen();
  await begin();
  said();
  view.isBrowsing = false;
  await settle();
  expect([said(), browsing.state.value]).toEqual([[{ stop: true }], 'off']);
});
