/** A late answer: marked in the console, explained by its row, corrected with a reason, and the figure shows both. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, isAccessible, test } from './support/fixtures';
import { rows } from './support/recount';
import type { Server } from './support/server';

// Long enough that nothing is late by chance, short enough to be waited for.
test.use({ settings: { SLA__NEXT_RESPONSE_SECONDS: '6' } });

async function figures(page: Page, server: Server, login: string): Promise<void> {
  await page.goto(`${server.url}/figures`);
  await page.getByRole('textbox', { name: '工号' }).fill(login);
  await page.getByRole('textbox', { name: '密码' }).fill('bangban-demo');
  await page.getByRole('button', { name: '登录', exact: true }).click();
}

const line = (page: Page) => page.getByTestId('figure-next_response');
const reply = (page: Page) => page.getByTestId('ledger-next_response-1');

test('a late answer is marked, explained, corrected with a reason, and counted with both values', async ({
  people,
  server,
}) => {
  const agent = await people.agent('agent1001');
  const citizen = await people.citizen();
  await citizen.askHuman();
  await agent.accept();
  await agent.say('您好，请讲');
  await expect(citizen.message('您好，请讲')).toBeVisible();
  await citizen.say('还要带户口本吗');
  // At half the time, then when it is due.
  const mark = agent.page.getByTestId('owed');
  await expect(mark).toContainText('内回复');
  await expect(mark).toContainText('回复超时');
  await isAccessible(agent.page);
  await agent.say('需要带户口本');
  await expect(citizen.message('需要带户口本')).toBeVisible();
  await expect(mark).toBeHidden();

  const row = reply(agent.page);
  await expect(row).toHaveAttribute('data-state', 'miss');
  await row.locator('summary').click();
  await expect(row).toContainText('市民发言待回复');
  await expect(row).toContainText('按系统配置，承诺 6 秒服务时间');
  await expect(row).toContainText('晚于到期');
  await expect(row.getByRole('button', { name: '更正…' })).toHaveCount(0);
  await isAccessible(agent.page);

  const page = await people.page({ viewport: { width: 1280, height: 800 } });
  await figures(page, server, 'super1');
  await expect(line(page).locator('[data-parts]')).toHaveText('0 / 1');
  await line(page).locator('[data-value]').click();
  await expect(page.getByTestId('row')).toHaveCount(1);
  await page.getByRole('button', { name: /查看会话经过$/ }).click();
  const corrected = reply(page);
  await expect(corrected).toHaveAttribute('data-state', 'miss');
  await corrected.locator('summary').click();
  await corrected.getByRole('button', { name: '更正…' }).click();
  await isAccessible(page);
  const save = corrected.getByRole('button', { name: '保存更正' });
  await save.click();
  await expect(corrected.getByRole('alert')).toHaveText('请写明原因，至少 4 个字');
  const [{ asked }] = rows<{ asked: number }>(server, 'SELECT asked_at AS asked FROM promise') as [{ asked: number }];
  const answered = new Date(asked + 8 * 3_600_000 + 2_000).toISOString().slice(0, 19);
  await corrected.getByLabel('响应时间').fill(answered);
  await corrected.getByRole('textbox', { name: '原因' }).fill('已电话答复市民');
  await save.click();
  await expect(corrected).toHaveAttribute('data-state', 'hit');
  await expect(corrected).toContainText('系统记录');
  await expect(corrected).toContainText('更正为');
  await expect(corrected).toContainText('已电话答复市民');
  await isAccessible(page);

  await page.goBack();
  await expect(page.getByTestId('row')).toContainText('更正前响应');
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: '导出 CSV' }).click();
  const [header, values] = readFileSync(await (await waiting).path(), 'utf8').split('\r\n') as [string, string];
  expect(header).toContain('更正前的响应时间');
  expect(values.split(',')[1], 'counted').toBe('1');
  await page.getByRole('button', { name: /^←/ }).click();
  await expect(line(page).locator('[data-parts]')).toHaveText('1 / 1');
  expect(rows(server, "SELECT reason FROM audit WHERE action = 'ledger.correct'")).toEqual([
    { reason: '已电话答复市民' },
  ]);
});
