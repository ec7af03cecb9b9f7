/** The page of single legs: what is asked of the server, whom it shows, page by page, and what it says of nothing. */
import { flushPromises, mount } from '@vue/test-utils';
import { expect, test } from 'vitest';
import { computed, shallowRef, type DefineComponent } from 'vue';
import type { CallLegRows, CountedLeg, FigureScope } from '../generated/protocol';
import type { Api, WantedLegs } from './api';
import CallLegsScreen from './CallLegsScreen.vue';
import { apiKey, routeKey, scopeKey } from './keys';
import { talkedText, timesText } from './legs';
import type { Route } from './route';

const BEGAN = Date.UTC(2026, 10, 24, 1, 0, 0);

const leg = (no: number, more: Partial<CountedLeg> = {}): CountedLeg => ({
  call: `cl_${'0'.repeat(31)}${no}`,
  leg: no,
  beganAt: BEGAN,
  part: 'professional',
  key: `nm_${no}`,
  name: `窗口${no}`,
  department: 'sports',
  departmentName: '上海市体育局',
  joinedAt: BEGAN,
  endedAt: BEGAN + 65_000,
  sound: {
    loss: { hits: 50, of: 500 },
    worstLoss: 180,
    poor: { hits: 1, of: 2 },
    late: 0,
    concealed: 0,
    lateTicks: 0,
    jitterMs: 5,
    worstJitterMs: 6,
    roundTripMs: null,
    heardLoss: null,
  },
  ...more,
});

function open(pages: CallLegRows[], start: Partial<Route> = {}) {
  const asked: { wanted: WantedLegs; isLatest: boolean; after: string | null }[] = [];
  const files: WantedLegs[] = [];
  const api = {
    callLegs: async (wanted: WantedLegs, isLatest: boolean, after: string | null) => {
      asked.push({ wanted, isLatest, after });
      return pages.shift() ?? { count: 0, rows: [], next: null, hasDemo: false };
    },
    callLegsFile: async (wanted: WantedLegs) => {
      files.push(wanted);
      return new Blob();
    },
  } as unknown as Api;
  const day = '2026-11-24';
  const route = shallowRef<Route>({
    screen: 'legs',
    filter: { from: day, to: day },
    by: 'unit',
    figure: 'wait',
    part: 'of',
    conversation: '',
    ...start,
  });
  const show = (change: Partial<Route>) => (route.value = { ...route.value, ...change });
  const scope = { own: false, city: true, units: [], teams: [], items: [], agents: [], definitions: [], now: BEGAN };
  const page = mount(CallLegsScreen as unknown as DefineComponent, {
    global: {
      provide: {
        [apiKey as symbol]: api,
        [routeKey as symbol]: { route, show },
        [scopeKey as symbol]: shallowRef(scope as unknown as FigureScope),
      },
    },
  });
  const select = (name: string) =>
    page
      .findAll('label')
      .find((one) => one.text().startsWith(name))!
      .get('select');
  return { page, asked, files, route, select, rows: computed(() => page.findAll('[data-testid=leg-row]')) };
}
const of = (rows: CountedLeg[], more: Partial<CallLegRows> = {}): CallLegRows => ({
  count: rows.length,
  rows,
  next: null,
  hasDemo: false,
  ...more,
});

test('who it was, of which department and how bad; page by page; a caller has no name', async () => {
  const caller = leg(2, { part: 'caller', key: '', name: '', department: null, departmentName: null });
  const { page, asked } = open([of([leg(1)], { count: 2, next: 'here' }), of([caller], { count: 2, hasDemo: true })]);
  await flushPromises();
  const shown = () => page.findAll('[data-testid=leg-row]').map((one) => one.text());
  expect(shown()).toHaveLength(1);
  for (const text of ['窗口1', '业务人员', '上海市体育局', '1:05', '▲ 1 / 2', '10.0%', '18.0%', '5 ms / 6 ms']) {
    expect(shown()[0]).toContain(text);
  }
  expect(page.get('[data-testid=row-count]').attributes('data-count')).toBe('2');
  expect(page.find('.demo').exists()).toBe(false);
  await page.get('.more button').trigger('click');
  await flushPromises();
  expect(asked.map((one) => one.after)).toEqual([null, 'here']);
  expect(shown()[1]).toMatch(/^—办事人—/);
  expect(page.find('.demo').exists()).toBe(true);
  expect(page.find('.more button').exists()).toBe(false);
});

test('what is chosen is asked for, for the file as well, and a name leads to that party alone', async () => {
  const pages = [of([leg(1), leg(2)]), of([leg(1)]), of([leg(1)]), of([leg(1)]), of([leg(1)])];
  const { page, asked, files, route, select } = open(pages);
  await flushPromises();
  await select('通话方').setValue('professional');
  await select('范围').setValue('hits');
  await select('排序').setValue('latest');
  await flushPromises();
  await page.get('[data-testid=leg-row] .opens').trigger('click');
  await flushPromises();
  const last = asked.at(-1)!;
  expect([last.wanted.who, last.wanted.isPoor, last.wanted.party, last.isLatest]).toEqual([
    'professional',
    true,
    'nm_1',
    true,
  ]);
  expect(page.get('[data-testid=leg-only]').text()).toContain('只看 窗口1');
  await page.findAll('header button').at(1)!.trigger('click');
  await flushPromises();
  expect(files).toEqual([last.wanted]);
  expect(page.get('[role=status].sub').text()).toBe('已导出，并记入审计日志');
  await page.get('[data-testid=leg-only]').trigger('click');
  expect(route.value.conversation).toBe('');
});

test('that nothing was measured and that nothing was poor are two things, and neither has a file', async () => {
  const { page, route } = open([of([]), of([])]);
  await flushPromises();
  expect(page.get('.empty').text()).toBe('所选范围内没有已测量的通话');
  expect(
    page
      .findAll('header button')
      .slice(1)
      .every((one) => one.attributes('disabled') !== undefined),
  ).toBe(true);
  route.value = { ...route.value, part: 'hits' };
  await flushPromises();
  expect(page.get('.empty').text()).toContain('✓ 所选范围内没有音质差的通话');
  await page.get('.empty button').trigger('click');
  expect(route.value.part).toBe('of');
});

test('times are as they were', () => {
  expect([talkedText({ joinedAt: 0, endedAt: 3_661_000 }), talkedText({ joinedAt: 0, endedAt: null })]).toEqual([
    '1:01:01',
    '—',
  ]);
  expect(timesText({ hits: 3, of: 12 })).toBe('3 / 12');
});
