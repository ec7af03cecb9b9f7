/** Three forms of every day: handing over at the end of a shift, an outage from the board, an SLA policy. */
import { expect, isAccessible, test } from './support/fixtures';
import { rows } from './support/recount';

test('at the end of a shift all is handed over in one go, each with its summary, and the clock runs on', async ({
  people,
  server,
}) => {
  const [first, second] = [await people.citizen(), await people.citizen('李娜（个人）')];
  const agent = await people.agent('agent1001');
  await first.say('居住证丢了怎么补');
  await first.askHuman();
  await agent.accept();
  await agent.say('请带身份证到社区事务受理中心补办');
  await second.askHuman();
  await agent.accept();
  const other = await people.agent('agent1002');

  await agent.page.getByRole('button', { name: /^账号/ }).click();
  await agent.page.getByRole('button', { name: '交接会话…' }).click();
  const dialog = agent.page.getByRole('dialog', { name: '交接会话' });
  const summaries = dialog.getByRole('textbox', { name: /的交接摘要$/ });
  await expect(summaries).toHaveCount(2);
  // Proposed from the thread, and one's own words stay.
  await expect(dialog.getByRole('textbox', { name: '张* 的交接摘要' })).toHaveValue(
    /已答复：请带身份证到社区事务受理中心补办/,
  );
  await dialog.getByRole('textbox', { name: '李* 的交接摘要' }).fill('刚接入，尚未答复');
  await isAccessible(agent.page);
  await agent.page.screenshot({ path: 'test-results/hand-over.png' });
  // Nothing chosen is said at the form, not done.
  await dialog.getByRole('checkbox', { name: '全选' }).uncheck();
  await dialog.getByRole('button', { name: '交接 0 个会话' }).click();
  await expect(dialog.getByRole('alert')).toContainText('请至少选择一个会话');
  await dialog.getByRole('checkbox', { name: '全选' }).check();
  // To the team of each: whoever is free first.
  await dialog.getByRole('button', { name: '交接 2 个会话' }).click();
  await expect(dialog).toBeHidden();

  // They stay until somebody accepts, one after the other.
  await expect(agent.rows).toHaveCount(2);
  await expect(async () => {
    if (await other.offer.isVisible()) await other.accept();
    await expect(other.rows).toHaveCount(2, { timeout: 500 });
  }).toPass();
  await expect(agent.rows).toHaveCount(0);
  await other.rows.filter({ hasText: '李*' }).click();
  await expect(other.page.getByTestId('handed-over')).toContainText('李敏 的交接摘要');
  await expect(other.page.getByTestId('handed-over')).toContainText('刚接入，尚未答复');
  await isAccessible(other.page);
  // The citizen reads who serves now, and nothing of the summary.
  await expect(second.thread).toContainText('已将会话转给王强');
  await expect(second.thread).not.toContainText('刚接入');
  expect(rows(server, 'SELECT COUNT(*) AS n FROM ledger')).toEqual([{ n: 2 }]);
});

test('an outage is published from the board and is seen within seconds, for the hours that were chosen', async ({
  people,
  server,
  guard,
}) => {
  guard.allow(/status of 4\d\d/);
  const widget = await people.citizen();
  const agent = await people.agent('agent1001');
  await widget.askHuman();
  await agent.accept();
  const board = await people.supervisor();
  await board.team('residence').getByRole('button').click();
  await board.page.getByRole('dialog').getByRole('button', { name: /张\*/ }).first().click();
  const panel = board.page.getByTestId('supervise');
  await panel.getByRole('button', { name: '事项故障通知' }).click();
  const text = panel.getByRole('textbox', { name: '事项故障通知' });
  await expect(text).toHaveValue(/居住证办理/);
  await isAccessible(board.page);
  // An empty one is not published.
  await text.fill(' ');
  await panel.getByRole('button', { name: '发布' }).click();
  await expect(panel.getByRole('status').filter({ hasText: '已发布' })).toHaveCount(0);
  await text.fill('“居住证办理”系统故障，预计 16:00 前恢复');
  await panel.getByRole('combobox', { name: '持续' }).selectOption('4 小时');
  await panel.getByRole('button', { name: '发布' }).click();
  await expect(panel.getByRole('status').filter({ hasText: '已发布' })).toBeVisible();
  const notice = widget.root.getByTestId('notices');
  await expect(notice).toContainText('预计 16:00 前恢复');
  await expect(notice).toContainText('故障');
  await expect(notice.getByRole('button')).toHaveCount(0);
  await expect(agent.page.getByTestId('notices')).toContainText('预计 16:00 前恢复');
  const [{ body }] = rows<{ body: string }>(server, "SELECT body FROM record WHERE kind = 'notice'") as [
    { body: string },
  ];
  const { from, to, level, items } = JSON.parse(body) as { from: number; to: number; level: string; items: string[] };
  expect({ hours: (to - from) / 3_600_000, level, items }).toEqual({
    hours: 4,
    level: 'outage',
    items: ['residence-permit'],
  });
  // Somebody who asks about something else is not told.
  const other = await people.citizen('李娜（个人）', { item: 'passport' });
  await expect(other.root.getByTestId('notices')).not.toContainText('预计 16:00 前恢复');
});

test('an SLA policy: wrong numbers are told at their field, the right ones hold for the next request', async ({
  people,
  guard,
}) => {
  guard.allow(/status of 4\d\d/);
  const admin = await people.admin();
  const { page } = admin;
  await admin.go('SLA 策略');
  await admin.button('新建SLA 策略').or(admin.button('新建 SLA 策略')).click();
  await admin.field('名称').fill('居住证三分钟');
  await admin.pick('适用技能组', '居住与户籍');
  const number = (name: string) => page.getByRole('spinbutton', { name: new RegExp(`^${name}`) });
  await number('提醒帮办员').fill('90');
  await number('告警督导').fill('60');
  await number('记为超时').fill('180');
  await number('接入请求保留').fill('15');
  await page.getByRole('button', { name: /^保存/ }).click();
  // The alert comes before the warning.
  await expect(page.locator('[aria-invalid=true]').first()).toBeVisible();
  await isAccessible(page);
  await number('告警督导').fill('120');
  await admin.save();

  const widget = await people.citizen();
  await widget.askHuman();
  await expect(widget.page.getByRole('region', { name: '人工排队' })).toContainText('承诺 3 分钟内响应');
  await page.getByRole('tab', { name: '历史版本' }).click();
  await expect(page.getByText('居住证三分钟').first()).toBeVisible();
});
