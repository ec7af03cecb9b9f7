/** What concerns an agent now, and what their day has come to: reminders and one's own figures in the console. */
import { expect, isAccessible, test } from './support/fixtures';

test('a flag and a late answer stand among the reminders, and who has seen the flag', async ({ people }) => {
  const citizen = await people.citizen();
  const agent = await people.agent('agent1001');
  const { page } = agent;
  await expect(page.getByRole('region', { name: '提醒' })).toHaveCount(0);
  await citizen.askHuman();
  await agent.accept();
  await agent.say('请稍候，正在核对');
  await page.keyboard.press('Alt+h');
  const dialog = page.getByRole('dialog', { name: /^举旗求助/ });
  await dialog.getByRole('radio', { name: '市民情绪激动' }).check();
  await dialog.getByRole('button', { name: '举旗' }).click();
  const flag = page.getByRole('region', { name: '提醒' }).getByTestId('rail-flag');
  await expect(flag).toContainText('已举旗求助，等待值班长');
  await expect(flag).toContainText('张*');
  const board = await people.supervisor();
  await board.page
    .getByTestId('alert-rail')
    .locator('[data-kind=flag]')
    .getByRole('button', { name: '确认', exact: true })
    .click();
  await expect(flag).toContainText('求助旗：吴督导 已知悉');
  await isAccessible(page);
  await page.screenshot({ path: 'test-results/rail.png' });
  // It leads to the conversation.
  await flag.getByRole('button').click();
  await expect(agent.rows.first()).toHaveAttribute('aria-current', 'true');
  await page.getByRole('button', { name: '放下求助旗' }).click();
  await expect(page.getByRole('region', { name: '提醒' })).toHaveCount(0);
});

test('one’s own figures of today, each with its definition and its rows', async ({ people, server }) => {
  const citizen = await people.citizen();
  const agent = await people.agent('agent1001');
  const { page } = agent;
  const opener = page.getByRole('button', { name: /^我的今日指标/ });
  await opener.click();
  const panel = page.getByRole('group', { name: '我的今日指标' });
  const within = panel.getByTestId('own-within_minute');
  await expect(within.locator('[data-value]')).toHaveText('—');
  await expect(within.getByRole('link')).toHaveCount(0);
  await page.keyboard.press('Escape');
  await expect(panel).toBeHidden();
  await expect(opener).toBeFocused();

  await citizen.askHuman();
  await agent.accept();
  await agent.say('请带身份证来办理');
  await agent.close('已解决');
  // Somebody else's work is not theirs.
  const other = await people.citizen('李娜（个人）');
  const colleague = await people.agent('agent1002');
  await agent.choose('小休');
  await other.askHuman();
  await colleague.accept();
  await colleague.say('请稍候，正在核对');

  await opener.click();
  await expect(within.locator('[data-value]')).toHaveText('100%');
  await expect(within).toContainText('1 / 1');
  await expect(panel.getByTestId('own-human_resolution').locator('[data-value]')).toHaveText('100%');
  await within.getByRole('button', { name: /的口径$/ }).click();
  await expect(within.getByRole('note')).toContainText('÷');
  await isAccessible(page);
  await page.screenshot({ path: 'test-results/own-figures.png' });
  const [rows] = await Promise.all([page.context().waitForEvent('page'), within.getByRole('link').click()]);
  await expect(rows).toHaveURL(new RegExp(`^${server.url}/figures`));
  // A tab of its own asks who one is, unless another tab's log-in reaches it, which may be while one types.
  const login = rows.getByRole('textbox', { name: '工号' });
  const row = rows.getByTestId('row');
  await expect(async () => {
    await login.or(row).first().waitFor();
    if (await login.isVisible()) {
      await login.fill('agent1001', { timeout: 2_000 });
      await rows.getByRole('textbox', { name: '密码' }).fill('bangban-demo', { timeout: 2_000 });
      await rows.getByRole('button', { name: '登录', exact: true }).click({ timeout: 2_000 });
    }
    await expect(row).toHaveCount(1);
  }).toPass({ timeout: 30_000 });
});
