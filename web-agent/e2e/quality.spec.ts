/** Quality inspection: drawn by hand, inspected, appealed, decided by a second person; both values stay; exported. */
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, isAccessible, test } from './support/fixtures';
import { Rest } from './support/rest';
import { rows } from './support/recount';

async function figures(page: Page, base: string, login: string): Promise<void> {
  await page.goto(`${base}/figures`);
  await page.getByRole('textbox', { name: '工号' }).fill(login);
  await page.getByRole('textbox', { name: '密码' }).fill('bangban-demo');
  await page.getByRole('button', { name: '登录', exact: true }).click();
}

test('drawn, inspected, appealed and decided by another; both values stay', async ({ people, server }) => {
  const widget = await people.citizen();
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await agent.say('请带身份证和户口簿到社区事务受理中心办理');
  await expect(widget.message('请带身份证和户口簿到社区事务受理中心办理')).toBeVisible();
  await agent.close('已解决');

  // A second inspector: an administrator makes a supervisor of one who was something else.
  const admin = await Rest.logIn(server);
  const second = 'leader1';
  await admin.changeAccount(second, { grants: [{ role: 'supervisor', unit: null, items: [] }] });

  const supervisor = await people.admin('super1');
  await supervisor.go('质检');
  const { page } = supervisor;
  await expect(page.getByText('没有符合条件的质检任务')).toBeVisible();
  await supervisor.button('抽取会话').click();
  await page.getByRole('dialog').getByRole('button', { name: '抽取', exact: true }).click();
  const table = page.getByRole('table', { name: '质检任务' });
  await expect(table.getByRole('row')).toHaveCount(2);
  await expect(table).toContainText('李敏');
  await isAccessible(page);
  await table.getByRole('button', { name: /^打开/ }).click();

  // The thread stands beside the card; a comment is tied to a message.
  const log = page.getByRole('log');
  await expect(log).toContainText('请带身份证和户口簿');
  const give = page.getByRole('spinbutton', { name: /得分$/ });
  await expect(give).toHaveCount(8);
  await give.nth(4).fill('15');
  await page.getByRole('textbox', { name: /答复与官方口径一致.*评语/ }).fill('材料说全了，时限没有说');
  await log
    .getByRole('button', { name: /^在评语中引用/ })
    .last()
    .click();
  await expect(page.getByRole('button', { name: /^引用第 \d+ 条消息/ })).toBeVisible();
  await expect(supervisor.button('提交结果')).toBeDisabled();
  await supervisor.button('保存草稿').click();
  await expect(supervisor.toasts).toContainText('草稿已保存');
  await page.reload();
  await expect(give.nth(4)).toHaveValue('15');
  for (const [at, points] of [10, 10, 10, 10, 15, 15, 10, 10].entries()) await give.nth(at).fill(String(points));
  await page.getByRole('textbox', { name: '总体评价' }).fill('总体良好');
  await expect(page.getByTestId('total')).toContainText('90 分');
  await isAccessible(page);
  await supervisor.button('提交结果').click();
  await expect(supervisor.toasts).toContainText('质检结果已提交');
  await expect(supervisor.button('提交结果')).toBeHidden();

  // The agent sees the result, and appeals once.
  const own = await people.page({ viewport: { width: 1280, height: 800 } });
  await figures(own, server.url, 'agent1001');
  await own.getByRole('link', { name: '质检结果' }).click();
  await isAccessible(own);
  await own.getByRole('button', { name: /^打开/ }).click();
  await expect(own.getByText('材料说全了，时限没有说')).toBeVisible();
  await own.getByRole('button', { name: /^查看第/ }).click();
  await expect(own.locator('.said.on')).toContainText('请带身份证和户口簿');
  await own.getByRole('textbox', { name: /^申诉理由/ }).fill('时限在后一条消息里说明了');
  await isAccessible(own);
  await own.getByRole('button', { name: '提交申诉' }).click();
  await expect(own.getByRole('button', { name: '提交申诉' })).toBeHidden();
  await expect(own.getByText('时限在后一条消息里说明了')).toBeVisible();

  // Whoever inspected does not decide; the second person does.
  await page.reload();
  await expect(page.getByText('申诉须由另一位质检员复核')).toBeVisible();
  const other = await people.admin(second);
  await other.go('质检');
  await other.page.getByRole('combobox', { name: '状态' }).selectOption('appealed');
  await other.page.getByRole('table', { name: '质检任务' }).getByRole('button', { name: /^打开/ }).click();
  await expect(other.page.getByText('时限在后一条消息里说明了')).toBeVisible();
  await other.page.getByRole('spinbutton', { name: /得分$/ }).nth(4).fill('25');
  await other.page.getByRole('textbox', { name: /^复核意见/ }).fill('申诉成立，恢复该项得分');
  await isAccessible(other.page);
  await other.button('提交复核').click();
  await expect(other.toasts).toContainText('复核结果已提交');
  await expect(other.page.getByTestId('total')).toContainText('初检 90');
  await expect(other.page.getByTestId('total')).toContainText('复核 100');
  await own.reload();
  await expect(own.getByTestId('total')).toContainText('初检 90');
  await expect(own.getByText('申诉成立，恢复该项得分')).toBeVisible();

  // Both values are in the rows and in the file; the results count the second one.
  expect(rows(server, 'SELECT score, decided_score, state FROM inspection')).toEqual([
    { score: 90, decided_score: 100, state: 'decided' },
  ]);
  await other.page.getByRole('tab', { name: '质检结果' }).click();
  const results = other.page.getByRole('table', { name: '质检结果' });
  await expect(results.getByRole('row', { name: /李敏/ })).toContainText('100.0');
  await isAccessible(other.page);
  const download = other.page.waitForEvent('download');
  await other.button('导出 CSV').click();
  const text = readFileSync((await (await download).path())!, 'utf8');
  const [head, line] = text.replace('\uFEFF', '').trim().split('\r\n');
  const row = Object.fromEntries(head!.split(',').map((name, at) => [name, line!.split(',')[at]]));
  expect(row).toMatchObject({ 得分: '90', 复核得分: '100', 最终得分: '100', 质检员: '吴督导', 帮办人员姓名: '李敏' });
});

test('a score card is changed, and a plan is made by it', async ({ people, guard }) => {
  // The card that does not add up.
  guard.allow(/status of 400/);
  const supervisor = await people.admin('super1');
  await supervisor.go('质检');
  const { page } = supervisor;
  await page.getByRole('tab', { name: '评分卡' }).click();
  await page
    .getByRole('table')
    .getByRole('button', { name: /线上人工帮办评分卡/ })
    .click();
  await page.getByRole('spinbutton', { name: '第 1 题分值' }).fill('20');
  await expect(page.getByText('合计 110 分')).toBeVisible();
  await page.getByRole('button', { name: /^保存/ }).click();
  await expect(page.getByText(/各题分值合计 110 分，须为 100 分/)).toBeVisible();
  await isAccessible(page);
  await page.getByRole('spinbutton', { name: '第 2 题分值' }).fill('1');
  await page.getByRole('spinbutton', { name: '第 3 题分值' }).fill('9');
  await supervisor.save();

  await page.getByRole('tab', { name: '抽样方案' }).click();
  await supervisor.button('新建抽样方案').click();
  await supervisor.field('名称').fill('居住证专项');
  await supervisor.pick('评分卡', '线上人工帮办');
  await isAccessible(page);
  await supervisor.save();
  await expect(page.getByRole('table')).toContainText('居住证专项');
});
