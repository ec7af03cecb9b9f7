/** The supervisor's board as a story reads it: whole, at one instant, and against a recount of the rows. */
import { expect, type Locator, type Page } from '@playwright/test';
import { recount, type Count, type Known, type Line } from './recount';
import type { Server } from './server';

/** What stands on the screen. Ages are milliseconds, as far as minutes and seconds tell. */
interface Screen extends Omit<Count, 'total' | 'teams'> {
  asOf: number;
  total: Omit<Line, 'oldestAskedAt'> & { oldestMs: number | null };
  teams: Record<string, Omit<Line, 'oldestAskedAt'> & { oldestMs: number | null }>;
  rates: { text: string; parts: string }[];
}

export class Board {
  private constructor(
    readonly page: Page,
    private readonly server: Server,
    private readonly missedBreakMs: number,
  ) {}

  static async open(page: Page, server: Server, { query = '', base = server.url, missedBreakMs = 30_000 } = {}) {
    await page.goto(`${base}/board.html${query}`);
    const board = new Board(page, server, missedBreakMs);
    await board.logIn('super1');
    await expect(board.figure('waiting')).toBeVisible();
    return board;
  }

  static async logInOnly(page: Page, base: string, login: string): Promise<void> {
    await page.goto(`${base}/board.html`);
    await fillLogin(page, login);
  }

  async logIn(login: string): Promise<void> {
    await fillLogin(this.page, login);
  }

  figure(name: string): Locator {
    return this.page.getByTestId(`figure-${name}`).locator('[data-value]');
  }

  get banner(): Locator {
    return this.page.getByRole('alert').filter({ hasText: '已断开' });
  }

  get freshness(): Locator {
    return this.page.getByTestId('freshness');
  }

  team(code: string): Locator {
    return this.page.locator(`tr[data-team=${code}]`);
  }

  get risky(): Locator {
    return this.page.locator('tr[data-conversation]');
  }

  /** Everything in one look, so that no two numbers are of different views. */
  async read(): Promise<Screen> {
    return this.page.evaluate(() => {
      const text = (selector: string, root: ParentNode = document) => {
        const found = root.querySelector<HTMLElement>(selector);
        if (!found) throw new Error(`${selector} is not on the board`);
        return found.innerText.trim();
      };
      const number = (selector: string, root?: ParentNode) => Number(text(selector, root).replace(/\D/g, ''));
      const figure = (name: string, part = '[data-value]') => `[data-testid=figure-${name}] ${part}`;
      const age = (shown: string) => {
        if (shown === '—') return null;
        const [seconds = 0, minutes = 0, hours = 0] = shown.split(':').map(Number).reverse();
        return ((hours * 60 + minutes) * 60 + seconds) * 1_000;
      };
      const rows = [...document.querySelectorAll<HTMLElement>('tr[data-team]')].map((row) => {
        const cell = (name: string) => `[data-figure=${name}]`;
        const line = {
          waiting: number(cell('waiting'), row),
          oldestMs: age(text(cell('oldest'), row)),
          hour: text(cell('hour'), row),
          today: text(cell('today'), row),
          shortAbandons: number(cell('todayShortAbandons'), row),
          staffed: number(cell('staffed'), row),
          free: number(cell('free'), row),
          busy: number(cell('busy'), row),
          onBreak: number(cell('onBreak'), row),
          serving: number(cell('serving'), row),
          callBacks: number(cell('callBacks'), row),
        };
        return [row.dataset.team!, line] as const;
      });
      return {
        asOf: Number(document.querySelector<HTMLElement>('main')!.dataset.asOf),
        total: {
          waiting: number(figure('waiting')),
          oldestMs: age(text(figure('oldest'))),
          hour: text(figure('hourRate', '[data-parts]')),
          today: text(figure('todayRate', '[data-parts]')),
          shortAbandons: number(figure('todayRate', '[data-abandons]')),
          staffed: number(figure('staffed')),
          free: number(figure('staffed', '[data-staff=free]')),
          busy: number(figure('staffed', '[data-staff=busy]')),
          onBreak: number(figure('staffed', '[data-staff=onBreak]')),
          serving: number(figure('serving')),
          callBacks: number(figure('callBacks')),
        },
        teams: Object.fromEntries(rows),
        covered: text(figure('coverage')),
        atRisk: [...document.querySelectorAll<HTMLElement>('tr[data-conversation]')].map(
          (row) => row.dataset.conversation!,
        ),
        rates: ['hourRate', 'todayRate'].map((name) => ({
          text: text(figure(name)),
          parts: text(figure(name, '[data-parts]')),
        })),
      };
    });
  }

  /**
   * Every number on the screen is what the rows say. The board follows within a moment, so it is read until it has;
   * if it never gets there, the difference is the failure.
   */
  async equalsRecount(connected: Known['connected']): Promise<void> {
    await expect(async () => {
      const screen = await this.read();
      const counted = recount(this.server, screen.asOf, { connected, missedBreakMs: this.missedBreakMs });
      const now = Date.now();
      const { total, teams, covered, atRisk } = screen;
      expect({ total: withoutAge(total), teams: mapped(teams, withoutAge), covered, atRisk }).toEqual({
        total: withoutAge(counted.total),
        teams: mapped(counted.teams, withoutAge),
        covered: counted.covered,
        atRisk: counted.atRisk,
      });
      checkAge(total.oldestMs, counted.total.oldestAskedAt, now);
      for (const [code, line] of Object.entries(teams)) {
        checkAge(line.oldestMs, counted.teams[code]!.oldestAskedAt, now);
      }
      for (const { text, parts } of screen.rates) expect(text).toBe(rateOf(parts));
    }).toPass({ timeout: 8_000, intervals: [50, 100, 200, 400] });
  }
}

async function fillLogin(page: Page, login: string): Promise<void> {
  await page.getByRole('textbox', { name: '工号' }).fill(login);
  await page.getByRole('textbox', { name: '密码' }).fill('bangban-demo');
  await page.getByRole('button', { name: '登录', exact: true }).click();
}

const withoutAge = <T extends { oldestMs: number | null } | { oldestAskedAt: number | null }>(line: T) => {
  const { oldestMs: _a, oldestAskedAt: _b, ...rest } = line as T & { oldestMs?: unknown; oldestAskedAt?: unknown };
  return rest;
};

const mapped = <T, U>(record: Record<string, T>, map: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));

/** An age on the screen moves once a second and is rounded down. */
function checkAge(shownMs: number | null, askedAt: number | null, now: number): void {
  if (askedAt === null || shownMs === null) {
    expect(shownMs).toBe(askedAt);
    return;
  }
  expect(shownMs).toBeLessThanOrEqual(now - askedAt);
  expect(shownMs).toBeGreaterThan(now - askedAt - 2_500);
}

/** DOMAIN's rate of "hits / decided", rounded down to a tenth of a percent. */
function rateOf(parts: string): string {
  const [hits, decided] = parts.split(' / ').map(Number) as [number, number];
  if (decided === 0) return '—';
  return hits === decided ? '100%' : `${(Math.floor((hits * 1_000) / decided) / 10).toFixed(1)}%`;
}
