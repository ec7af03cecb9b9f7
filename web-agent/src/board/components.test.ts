import { mount } from '@vue/test-utils';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import Definition from './Definition.vue';
import Figures from './Figures.vue';
import RiskTable from './RiskTable.vue';
import { atRisk, line, NOON, view } from './sample';
import TeamTable from './TeamTable.vue';

beforeAll(() => {
  // happy-dom measures nothing; a table that cannot be measured shows all its rows.
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  );
});

describe('a definition', () => {
  it('opens by press, closes by Escape without leaving wall mode, and by losing the focus', async () => {
    const one = mount(Definition, { props: { figure: '正在等待', text: '口径' }, attachTo: document.body });
    const button = one.get('button');
    const text = () => one.get('[role=note]').isVisible();
    expect(button.attributes('aria-label')).toBe('“正在等待”的口径');
    expect([button.attributes('aria-expanded'), text()]).toEqual(['false', false]);
    await button.trigger('click');
    expect([button.attributes('aria-expanded'), text()]).toEqual(['true', true]);
    const escaped = vi.fn();
    window.addEventListener('keydown', escaped);
    await button.trigger('keydown', { key: 'Escape' });
    expect([text(), escaped.mock.calls.length]).toEqual([false, 0]);
    await button.trigger('keydown', { key: 'Escape' });
    expect(escaped).toHaveBeenCalledOnce();
    window.removeEventListener('keydown', escaped);
    await button.trigger('click');
    await button.trigger('blur');
    expect(text()).toBe(false);
    one.unmount();
  });
});

describe('the key figures', () => {
  const figures = (board: ReturnType<typeof view>, at = NOON) => mount(Figures, { props: { view: board, at } });

  it('alarm when one item is not covered in service hours, and only then', () => {
    const coverage = (board: ReturnType<typeof view>) => figures(board).get('[data-testid=figure-coverage]');
    expect(coverage(view({}, { itemsCovered: 39 })).classes()).toContain('t-breached');
    expect(coverage(view({}, { itemsCovered: 39 })).text()).toContain('■ 1 项无人在岗');
    expect(coverage(view({}, { itemsCovered: 39, inService: false })).classes()).not.toContain('t-breached');
    const gap = coverage(view({}, { itemsRostered: 38 }));
    expect(gap.classes()).toContain('t-at_risk');
    expect(gap.text()).toContain('▲ 2 项七日内排班有缺口');
    expect(coverage(view()).text()).toContain('● 全部覆盖');
  });

  it('show hits and decided beside the rate, and short abandons apart', () => {
    const total = line({ hourHits: 2, hourDecided: 3, todayHits: 9, todayDecided: 10, todayShortAbandons: 4 });
    const shown = figures(view({}, { total }));
    expect(shown.get('[data-testid=figure-hourRate] [data-parts]').text()).toBe('2 / 3');
    expect(shown.get('[data-testid=figure-hourRate] [data-value]').text()).toBe('66.6%');
    expect(shown.get('[data-testid=figure-todayRate] [data-abandons]').text()).toBe('短时离开 4');
    expect(shown.get('[data-testid=figure-todayRate]').text()).toContain('✗ 未达 1');
  });

  it('every one carries its definition', () => {
    const shown = figures(view());
    for (const figure of shown.findAll('[data-testid^=figure-]')) {
      expect(figure.get('[role=note]').text().length).toBeGreaterThan(20);
    }
  });
});

describe('the teams', () => {
  const teams = { b: line({ waiting: 1, oldestAskedAt: NOON - 35_000 }), a: line({ waiting: 3 }), c: line() };
  const table = (wall: boolean) =>
    mount(TeamTable, { props: { view: view(teams), at: NOON, now: NOON, wall, byUnit: false } });
  const order = (shown: ReturnType<typeof table>) =>
    shown.findAll('tbody tr').map((row) => row.attributes('data-team'));

  it('are sorted by risk, then as the supervisor wants', async () => {
    const shown = table(false);
    expect(order(shown)).toEqual(['b', 'a', 'c']);
    const waiting = shown.findAll('thead th')[2]!;
    await waiting.get('button').trigger('click');
    expect(order(shown)).toEqual(['a', 'b', 'c']);
    expect(waiting.attributes('aria-sort')).toBe('descending');
    await waiting.get('button').trigger('click');
    expect(waiting.attributes('aria-sort')).toBe('ascending');
    expect(order(shown)).toEqual(['c', 'b', 'a']);
  });

  it('on the wall have nothing to press', () => {
    const shown = table(true);
    expect(shown.findAll('button:not([aria-controls])')).toHaveLength(0);
    expect(order(shown)).toEqual(['b', 'a', 'c']);
  });
});

describe('those at risk', () => {
  const board = view({}, { atRisk: [atRisk('居住与户籍', 74_000, 'breached')] });
  const table = (wall: boolean) => mount(RiskTable, { props: { view: board, at: NOON, now: NOON, wall } });

  it('have a clock that is negative after the breach, with glyph and word', () => {
    const row = table(false).get('tbody tr');
    expect(row.text()).toContain('-00:14');
    expect(row.text()).toContain('■ 超时');
    expect(row.text()).toContain('张*');
  });

  it('have no name on the wall', () => {
    expect(table(true).text()).not.toContain('张*');
  });

  it('are said to be none in words', () => {
    const empty = mount(RiskTable, { props: { view: view(), at: NOON, now: NOON, wall: false } });
    expect(empty.text()).toContain('没有人等待超过 30 秒');
  });
});
