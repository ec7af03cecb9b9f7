/** Figures: numbers that equal a recount, open to their rows and on to the history; export, print, agents' days, roles. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, isAccessible, test, type People } from './support/fixtures';
import { rows } from './support/recount';
import type { Server } from './support/server';

async function open(page: Page, server: Server, login: string, query = ''): Promise<void> {
  await page.goto(`${server.url}/figures${query}`);
  const [number, password, go] = query.includes('lang=en')
    ? ['Staff number', 'Password', 'Log in']
    : ['工号', '密码', '登录'];
  await page.getByRole('textbox', { name: number }).fill(login);
  await page.getByRole('textbox', { name: password }).fill('bangban-demo');
  await page.getByRole('button', { name: go, exact: true }).click();
}

/** One solved and rated, one out of scope, one who leaves within the minute; 小申 is asked. */
async function aDay(people: People): Promise<void> {
  const agent = await people.agent('agent1001');
  const first = await people.citizen();
  await first.say('办居住证需要什么材料');
  await expect(first.thread.locator('.bubble.bot_answer')).toBeVisible();
  await first.askHuman();
  await agent.accept();
  await agent.say('请带身份证');
  await expect(first.message('请带身份证')).toBeVisible();
  await agent.close('已解决');
  await first.rating.getByRole('radio', { name: '非常满意', exact: true }).check({ force: true });
  await first.button('提交评价').click();
  await expect(first.root.getByRole('region', { name: '感谢您的评价' })).toBeVisible();

  const second = await people.citizen('上海示例科技有限公司（企业）');
  await second.askHuman();
  await agent.accept();
  await agent.say('请讲');
  const dialog = await agent.closing();
  await dialog.getByRole('radio', { name: '转专门渠道' }).check();
  await dialog.getByRole('radio', { name: '12348 公共法律服务' }).check();
  await dialog.getByRole('button', { name: '确认办结' }).click();
  await dialog.getByRole('button', { name: '完成' }).click();

  const third = await people.citizen('李娜（个人）');
  await third.askHuman();
  await third.button('取消排队').click();
  await expect(third.queue).toBeHidden();
}

const line = (page: Page, figure: string) => page.getByTestId(`figure-${figure}`);
const value = (page: Page, figure: string) => line(page, figure).locator('[data-value]');
const parts = (page: Page, figure: string) => line(page, figure).locator('[data-parts]');

test('every number equals the rows, opens to them and on to the history', async ({ people, server }) => {
  await aDay(people);
  const page = await people.page({ viewport: { width: 1280, height: 800 } });
  await open(page, server, 'super1');
  const [{ solved, requests }] = rows<{ solved: number; requests: number }>(
    server,
    `SELECT (SELECT count(*) FROM event WHERE kind = 'closed' AND detail LIKE '%"solved"%') AS solved,
            (SELECT count(*) FROM ledger l WHERE NOT EXISTS (SELECT 1 FROM event e WHERE e.conversation = l.conversation
              AND e.kind = 'closed' AND e.detail LIKE '%"out_of_scope"%')) AS requests`,
  ) as [{ solved: number; requests: number }];
  await expect(parts(page, 'human_resolution')).toHaveText(`${solved} / 1`);
  await expect(value(page, 'requests')).toHaveText(String(requests));
  await expect(value(page, 'out_of_scope')).toHaveText('1');
  await expect(value(page, 'short_abandons')).toHaveText('1');
  await expect(parts(page, 'within_minute')).toHaveText('1 / 1');
  await expect(value(page, 'rating')).toHaveText('5.00');
  // The definition stands beside the number.
  await expect(line(page, 'within_minute')).toContainText('60 秒内得到人工首次响应的请求');
  await isAccessible(page);

  await value(page, 'requests').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('row-count')).toHaveAttribute('data-count', String(requests));
  await expect(page.getByTestId('row')).toHaveCount(requests);
  await isAccessible(page);

  for (const format of ['csv', 'xlsx']) {
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: `导出 ${format.toUpperCase()}` }).click();
    const file = readFileSync(await (await waiting).path());
    if (format === 'csv') expect(file.toString('utf8').trimEnd().split('\r\n')).toHaveLength(requests + 1);
    else expect(file.subarray(0, 2).toString()).toBe('PK');
    await expect(page.getByText('已导出，并记入审计日志')).toBeVisible();
  }
  expect(rows(server, "SELECT subject FROM audit WHERE action = 'figures.export'")).toHaveLength(2);

  await page
    .getByRole('button', { name: /查看会话经过$/ })
    .first()
    .click();
  await expect(page.locator('[data-kind=opened]')).toHaveCount(1);
  await expect(page.locator('[data-kind=queued]')).toHaveCount(1);
  // Neither who asked nor what was said.
  await expect(page.getByRole('main')).not.toContainText(/张伟|居住证需要什么材料|ct_/);
  await isAccessible(page);
  await page.goBack();
  await expect(page.getByTestId('row')).toHaveCount(requests);
});

test('drills from the city to a team and its agents, by keyboard', async ({ people, server }) => {
  await aDay(people);
  const page = await people.page({ viewport: { width: 1920, height: 1080 } });
  await open(page, server, 'super1');
  await expect(value(page, 'requests')).toHaveText('2');
  await page.getByRole('combobox', { name: '分项方式' }).selectOption('unit');
  const drills = page.getByRole('button', { name: /^下钻到 / });
  // Down to the teams of a unit without units, then to agents; the total is the same on the way.
  for (let depth = 0; depth < 6; depth += 1) {
    if ((await page.getByRole('combobox', { name: '分项方式' }).inputValue()) === 'agent') break;
    // What was asked for before has come: the lines that lead on are those of this depth.
    await expect(page.getByRole('main').locator('[aria-busy=true]')).toHaveCount(0);
    await drills.first().focus();
    const before = page.url();
    await page.keyboard.press('Enter');
    await expect.poll(() => page.url()).not.toBe(before);
    await expect(value(page, 'requests')).toHaveText('2');
  }
  await expect(page.getByRole('combobox', { name: '分项方式' })).toHaveValue('agent');
  await expect(page.getByRole('button', { name: '下钻到 李敏' })).toBeVisible();
  await expect(page.getByRole('img', { name: /一分钟响应率，按帮办人员/ })).toBeVisible();
  await page.getByRole('button', { name: '清除条件' }).click();
  await page.getByRole('combobox', { name: '分项方式' }).selectOption('hour');
  await expect(page.getByRole('main')).toContainText(/\d+–\d+ 时/);
});

test('agents’ days, and the daily report that prints', async ({ people, server }) => {
  await aDay(people);
  const page = await people.page({ viewport: { width: 1280, height: 800 } });
  await open(page, server, 'super1');
  await page.getByRole('link', { name: '人员状态' }).click();
  const agent = page.getByRole('row', { name: /^李敏/ });
  await expect(agent.getByRole('img', { name: /李敏的状态时间线/ })).toBeVisible();
  await expect(agent.locator('[data-sum=serving]')).toHaveText(/\d/);
  await isAccessible(page);
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: '导出 CSV' }).click();
  expect(readFileSync(await (await waiting).path(), 'utf8')).toContain('serving');

  await page.getByRole('link', { name: '日报' }).click();
  const report = page.getByTestId('report');
  await expect(report.getByRole('heading', { name: '服务日报' })).toBeVisible();
  // What each figure is stands below.
  await expect(report).toContainText('60 秒内得到人工首次响应的请求');
  await isAccessible(page);
  const paper = await page.pdf({ preferCSSPageSize: true, printBackground: true });
  expect(paper.length).toBeGreaterThan(20_000);
  await page.emulateMedia({ media: 'print' });
  await expect(page.getByRole('navigation', { name: '指标页面' })).toBeHidden();
  // No dark ink: the sheet is white, and nothing of the page's frame is on it.
  const paint = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(paint).toBe('rgb(255, 255, 255)');
});

test('English is whole; an agent sees their own work only; who may see nothing is told so', async ({
  people,
  server,
}) => {
  await aDay(people);
  const page = await people.page({ viewport: { width: 1920, height: 1080 } });
  await open(page, server, 'super1', '?lang=en');
  await expect(line(page, 'within_minute')).toContainText('Requests with a first human response within 60 s');
  await isAccessible(page);
  for (const screen of ['Agents', 'Daily report']) {
    await page.getByRole('link', { name: screen }).click();
    await expect(page.getByRole('heading', { level: 2, name: new RegExp(screen) })).toBeVisible();
    await isAccessible(page);
  }

  const own = await people.page({ viewport: { width: 1280, height: 800 } });
  await open(own, server, 'agent1001');
  await expect(own.getByRole('heading', { level: 1 })).toContainText('我的指标');
  await expect(parts(own, 'human_resolution')).toHaveText('1 / 1');
  await expect(own.getByRole('combobox', { name: '单位' })).toHaveCount(0);
  await expect(own.getByRole('link', { name: '日报' })).toHaveCount(0);
  await isAccessible(own);
  const other = await people.page({ viewport: { width: 1280, height: 800 } });
  await open(other, server, 'agent1002');
  await expect(value(other, 'requests')).toHaveText('0');

  const editor = await people.page();
  await open(editor, server, 'editor1');
  await expect(editor.getByTestId('elsewhere')).toContainText('本页面是服务指标');
});
