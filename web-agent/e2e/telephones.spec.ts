/**
 * Telephones and a browser in one call. Somebody calls 12345 by a real telephone, the operator answers in Chromium, and the
 * professional is a telephone of their department behind the trunk.  Who hears whom is measured at all three in every
 * phase; and of a call on a bad line the figures say by which number of which department it sounded so.
 */
import { readFileSync } from 'node:fs';
import { expect, isAccessible, type People } from './support/fixtures';
import { Board } from './support/board';
import { acceptOffer, openPanel, pageOf } from './support/calls';
import { rows } from './support/recount';
import { Rest } from './support/rest';
import type { Server } from './support/server';
import {
  CALLER,
  DEPARTMENTS_NUMBER,
  MUSIC,
  OPERATOR,
  pageHears,
  PROFESSIONAL,
  test,
  VOICE,
  VOICES,
  type City,
  type Levels,
} from './support/telephones';
import { windowBrowser } from './support/window';
import type { Page } from '@playwright/test';

test.use({ launchOptions: windowBrowser });

const ALL = [...VOICES, MUSIC];

/** The department has a telephone. */
async function withTelephone(server: Server): Promise<void> {
  const admin = await Rest.logIn(server);
  const telephone = { label: '故事窗口', number: DEPARTMENTS_NUMBER, unit: 'sports', rank: 10 };
  await admin.put('transfer_number', 'story-sports', telephone);
}

/** The operator at their page, who is offered who waits, and answers. */
async function answers(people: People, server: Server): Promise<Page> {
  const desk = await pageOf(people, OPERATOR, 1_440, 900, VOICE);
  await openPanel(desk, server.url, 'oper1');
  await acceptOffer(desk);
  await expect(desk.getByTestId('call-pane')).toHaveAttribute('data-scene', 'two');
  return desk;
}

/** The department is found by its name; what is pressed says how it is to come. */
async function ring(desk: Page, keys: 'Enter' | 'Control+Enter'): Promise<void> {
  await desk.keyboard.press('c');
  await desk.keyboard.type('体育局');
  await expect(desk.getByTestId('entry').filter({ hasText: '故事窗口' })).toHaveAttribute('aria-selected', 'true');
  await desk.keyboard.press(keys);
}

/** The caller hangs up, and the operator says what it was. */
async function ends(city: City, desk: Page): Promise<void> {
  await city.caller.hangUp();
  await expect(desk.getByTestId('wrap-up')).toBeVisible();
  await desk.keyboard.press('1');
  await desk.keyboard.press('Control+Enter');
  await expect(desk.getByTestId('wrap-up')).toBeHidden();
}

test('two telephones and an operator in Chromium hear exactly the others: waiting, talking, consulted, merged, left', async ({
  city,
  people,
  server,
}, info) => {
  const { caller, professional } = city;
  const measured: Record<string, Levels> = {};
  await withTelephone(server);

  // --- somebody calls while nobody is there: they wait, and hear the music ---------------------------------------------
  await caller.dial(`sip:12345@${city.sip}`);
  measured['waiting: caller'] = await caller.hears('who waits', [MUSIC], ALL);

  // --- the operator comes and answers at their page --------------------------------------------------------------------
  const desk = await answers(people, server);
  const pane = desk.getByTestId('call-pane');
  measured['talking: caller'] = await caller.hears('two talk: the caller', [OPERATOR], ALL);
  measured['talking: operator'] = await pageHears(desk, 'two talk: the operator', [CALLER], ALL);

  // --- the department is found and consulted: the caller hears neither of them ------------------------------------------
  await ring(desk, 'Enter');
  await expect(pane).toHaveAttribute('data-scene', 'consulting');
  measured['consulting: operator'] = await pageHears(desk, 'consulted: the operator', [PROFESSIONAL], ALL);
  measured['consulting: professional'] = await professional.hears('consulted: the professional', [OPERATOR], ALL);
  measured['consulting: caller'] = await caller.hears('who is on hold', [MUSIC], ALL);

  // --- merged: all hear all, and not themselves --------------------------------------------------------------------------
  await desk.keyboard.press('Alt+B');
  await expect(pane).toHaveAttribute('data-scene', 'three');
  measured['merged: caller'] = await caller.hears('merged: the caller', [OPERATOR, PROFESSIONAL], ALL);
  measured['merged: professional'] = await professional.hears('merged: the professional', [CALLER, OPERATOR], ALL);
  measured['merged: operator'] = await pageHears(desk, 'merged: the operator', [CALLER, PROFESSIONAL], ALL);

  // --- the operator leaves the two ---------------------------------------------------------------------------------------
  await desk.keyboard.press('Alt+L');
  await expect(pane).toHaveAttribute('data-scene', 'gone');
  measured['left: caller'] = await caller.hears('left: the caller', [PROFESSIONAL], ALL);
  measured['left: professional'] = await professional.hears('left: the professional', [CALLER], ALL);
  measured['left: operator'] = await pageHears(desk, 'left: the operator', [], ALL);

  // --- the caller hangs up; what it was is said ----------------------------------------------------------------------------
  await ends(city, desk);
  expect(server.output).not.toMatch(/13800138000|0216000/);
  await info.attach('levels in dBFS', { body: JSON.stringify(measured, null, 1), contentType: 'application/json' });
});

/** What a supervisor says. */
const SUPERVISOR = 1_770;

test('a supervisor listens unheard, whispers to the operator, joins in, and ends the call', async ({
  city,
  people,
  server,
}) => {
  const all = [...ALL, SUPERVISOR];
  await city.caller.dial(`sip:12345@${city.sip}`);
  const desk = await answers(people, server);
  const page = await pageOf(people, SUPERVISOR, 1_440, 900, VOICE);
  await Board.logInOnly(page, server.url, 'super1');
  const live = page.getByTestId('live-call');
  await expect(live).toHaveAttribute('data-state', 'talking');
  await isAccessible(page);
  await live.focus();
  await page.keyboard.press('Enter');
  const box = page.getByTestId('call-supervision');
  const mode = (name: string) => box.getByRole('button', { name, exact: true });

  await mode('旁听').click();
  await expect(box).toHaveAttribute('data-mode', 'listen');
  await pageHears(page, 'who listens', [CALLER, OPERATOR], all);
  await city.caller.hears('the caller is not disturbed', [OPERATOR], all);
  await pageHears(desk, 'nor is the operator', [CALLER], all);
  await isAccessible(page);

  await mode('悄悄话').click();
  await expect(box).toHaveAttribute('data-mode', 'whisper');
  await pageHears(desk, 'the operator hears who whispers', [CALLER, SUPERVISOR], all);
  await city.caller.hears('the caller does not', [OPERATOR], all);

  await mode('插话').click();
  await expect(box).toHaveAttribute('data-mode', 'barge');
  await city.caller.hears('all hear who joins in', [OPERATOR, SUPERVISOR], all);
  await pageHears(page, 'and they hear all', [CALLER, OPERATOR], all);

  // Ended only after the question, for all.
  await mode('结束通话').click();
  await isAccessible(page);
  await box.getByTestId('really').click();
  await expect(desk.getByTestId('wrap-up')).toBeVisible();
  await expect(live).toHaveCount(0);
  expect(rows(server, "SELECT action FROM audit WHERE action = 'call.end'")).toHaveLength(1);
});

test.describe('on a line that loses every fifth packet', () => {
  test.use({ loses: 5 });

  test('the figures say whose line it was: the table of sounds opens to the legs, the worst first', async ({
    city,
    people,
    server,
  }) => {
    await withTelephone(server);
    await city.caller.dial(`sip:12345@${city.sip}`);
    const desk = await answers(people, server);
    await ring(desk, 'Control+Enter');
    await expect(desk.getByTestId('call-pane')).toHaveAttribute('data-scene', 'three');
    // The operator sees it while they talk, at the next measurement of 5 s.
    await expect(desk.locator('[data-testid=party][data-part=professional]')).toContainText('音质', {
      timeout: 20_000,
    });
    await ends(city, desk);
    const measured = 'SELECT part FROM call_leg WHERE quality IS NOT NULL AND ended_at IS NOT NULL';
    await expect.poll(() => rows(server, measured).length).toBe(3);

    // --- the table of sounds -------------------------------------------------------------------------------------------------
    const page = await people.page({ viewport: { width: 1_280, height: 800 } });
    await page.goto(`${server.url}/figures`);
    await page.getByRole('textbox', { name: '工号' }).fill('leader1');
    await page.getByRole('textbox', { name: '密码' }).fill('bangban-demo');
    await page.getByRole('button', { name: '登录', exact: true }).click();
    await page.getByRole('link', { name: '通话', exact: true }).click();
    const line = page.getByTestId('call-sound-professional');
    await expect(line).toContainText('100% 1 / 1');
    await expect(page.getByTestId('call-sound-caller')).toContainText('0.0% 0 / 1');
    await isAccessible(page);

    // --- whose legs they were, by the keyboard ----------------------------------------------------------------------------------
    await line.getByRole('button', { name: /业务人员：查看各方明细$/ }).focus();
    await page.keyboard.press('Enter');
    const legs = page.getByTestId('leg-row');
    const count = page.getByTestId('row-count');
    await expect(legs).toHaveCount(1);
    await expect(count).toHaveAttribute('data-count', '1');
    await expect(page).toHaveURL(/#\/legs\?.*who=professional/);
    const everybody = page.getByRole('combobox', { name: '通话方' });
    await everybody.selectOption('');
    await expect(legs).toHaveCount(3);
    const worst = legs.first();
    await expect(worst).toHaveAttribute('data-part', 'professional');
    await expect(worst).toContainText('故事窗口');
    await expect(worst).toContainText('上海市体育局');
    const lost = Number(/(\d+\.\d)%/.exec(await worst.innerText())?.[1]);
    expect(lost).toBeGreaterThan(17);
    expect(lost).toBeLessThan(23);
    // Nobody's digits, and of the caller nothing at all.
    await expect(page.getByRole('main')).not.toContainText(/13800138000|0216000/);
    await isAccessible(page);

    // --- only what was poor; nothing; only this number -------------------------------------------------------------------------
    const which = page.getByRole('combobox', { name: '范围' });
    await which.selectOption({ label: '仅音质差' });
    await expect(legs).toHaveCount(1);
    await everybody.selectOption('operator');
    await expect(page.getByText('所选范围内没有音质差的通话')).toBeVisible();
    await expect(page.getByRole('button', { name: '导出 CSV' })).toBeDisabled();
    await page.getByRole('button', { name: '查看全部已测量' }).click();
    await expect(legs).toHaveCount(1);
    await everybody.selectOption('');
    await worst.getByRole('button', { name: /^只看 故事窗口/ }).click();
    await expect(legs).toHaveCount(1);
    await expect(page.getByTestId('leg-only')).toContainText('只看 故事窗口');
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: '导出 CSV' }).click();
    const file = readFileSync(await (await waiting).path(), 'utf8')
      .trimEnd()
      .split('\r\n');
    expect(file).toHaveLength(2);
    expect(file[1]).toMatch(/,professional,故事窗口,sports,上海市体育局,/);
    expect(file.join()).not.toMatch(/13800138000|0216000/);
    await page.getByTestId('leg-only').click();
    await expect(legs).toHaveCount(3);
    await page.goBack();
    await expect(legs).toHaveCount(1);
    await page.getByRole('button', { name: '返回通话指标' }).click();
    await expect(line).toBeVisible();

    // --- in English -----------------------------------------------------------------------------------------------------------
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('button', { name: 'Single legs', exact: true }).click();
    await expect(legs).toHaveCount(3);
    await expect(page.getByRole('heading', { level: 2, name: 'Sound of calls · single legs' })).toBeVisible();
    await expect(page.getByRole('combobox', { name: 'Order' })).toHaveValue('worst');
    await isAccessible(page);
  });
});
