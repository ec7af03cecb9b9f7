/** What supervisors do from the board: alerts, reading along, whispering, joining, taking over, assigning, statuses. */
import { expect, isAccessible, test } from './support/fixtures';

const rail = 'alert-rail';

test('a flag is seen, acknowledged and answered: read along, whisper, join, take over', async ({ people }) => {
  const citizen = await people.citizen();
  const agent = await people.agent('agent1001');
  await citizen.askHuman();
  await agent.accept();
  await agent.say('您好，请问有什么可以帮您？');
  await expect(citizen.message('您好，请问有什么可以帮您？')).toBeVisible();
  const board = await people.supervisor();
  const { page } = board;

  // The agent asks for help by the keyboard.
  await agent.page.keyboard.press('Alt+h');
  const dialog = agent.page.getByRole('dialog', { name: /^举旗求助/ });
  await dialog.getByRole('radio', { name: '市民情绪激动' }).check();
  await dialog.getByRole('textbox', { name: '补充说明（可不填）' }).fill('要求找领导');
  await dialog.getByRole('button', { name: '举旗' }).click();
  await expect(agent.page.getByTestId('support')).toContainText('已举旗求助，等待值班长');

  // The supervisor sees it, acknowledges by a key, takes that back and does it again with a note.
  const line = page.getByTestId(rail).locator('[data-kind=flag]');
  await expect(line).toContainText('要求找领导');
  await line.focus();
  await page.keyboard.press('a');
  await expect(line).toContainText('已确认');
  await expect(agent.page.getByTestId('support')).toContainText('吴督导 已知悉');
  await line.getByRole('button', { name: '撤销确认' }).click();
  await expect(line.getByRole('button', { name: '确认', exact: true })).toBeVisible();
  await line.focus();
  await page.keyboard.press('n');
  await page.getByRole('textbox', { name: '附言（可不填）' }).fill('我来处理');
  await page.keyboard.press('Enter');
  await expect(line).toContainText('我来处理');
  await isAccessible(page);

  // Reads along: the agent sees that, the citizen sees nothing.
  await line.getByRole('button', { name: '查看会话' }).click();
  const panel = page.getByTestId('supervise');
  await expect(panel.getByTestId('monitor-thread')).toContainText('您好，请问有什么可以帮您？');
  await expect(agent.page.getByTestId('support')).toContainText('班长旁听：吴督导');
  const before = await citizen.thread.innerText();
  await isAccessible(page);

  // Whispers: the agent reads it, the citizen does not.
  await panel.getByRole('textbox', { name: '悄悄话' }).fill('先安抚情绪，我马上接手');
  await panel.getByRole('button', { name: '发悄悄话' }).click();
  await expect(agent.thread).toContainText('先安抚情绪，我马上接手');
  expect(await citizen.thread.innerText()).toBe(before);

  // Joins: now the citizen is told, and reads what the supervisor writes.
  await panel.getByRole('button', { name: '进入会话插话' }).click();
  await expect(citizen.thread).toContainText('值班长 吴督导 加入会话');
  await panel.getByRole('textbox', { name: '插话内容' }).fill('我是值班长，您的问题由我来协调');
  await panel.getByRole('button', { name: '发送给市民' }).click();
  await expect(citizen.message('我是值班长，您的问题由我来协调')).toBeVisible();
  await expect(agent.message('我是值班长，您的问题由我来协调')).toBeVisible();

  // Takes over: the agent is told, the citizen too, and the conversation lies in the supervisor's console.
  await panel.getByRole('button', { name: '接管' }).click();
  await expect(agent.page.locator('.el-message').filter({ hasText: '吴督导 已接管 张* 的会话' })).toBeVisible();
  await expect(agent.rows).toHaveCount(0);
  await expect(citizen.thread).toContainText('已将会话转给吴督导');
  await panel.getByRole('link', { name: '到工作台继续' }).click();
  await expect(page.getByRole('log', { name: '会话内容' })).toContainText('我是值班长');
  await expect(citizen.thread).not.toContainText('先安抚情绪');

  // Who acted, and how fast, stands in the history.
  await page.goto(page.url().replace(/\/console.*/, '/board.html'));
  await page.getByTestId(rail).getByRole('button', { name: '告警记录' }).click();
  await expect(page.getByTestId('past-alerts').locator('[data-kind=flag]')).toContainText('我来处理');
  await isAccessible(page);
});

test.describe('with a warning after a second', () => {
  test.use({ settings: { SLA__WARN_SECONDS: '1' } });

  test('who waits is assigned to an agent, to a full one only with a reason', async ({ people }) => {
    const agent = await people.agent('agent1013');
    const first = await people.citizen('李娜（个人）');
    await first.askHuman();
    await agent.accept();
    await agent.say('请稍候，正在核对');
    const second = await people.citizen();
    await second.askHuman();

    const board = await people.supervisor();
    const { page } = board;
    await page.getByRole('button', { name: '居住与户籍' }).click();
    const team = page.getByTestId('team-agents');
    await expect(team.locator('[data-agent]').first()).toContainText('在办 1 / 1');
    await isAccessible(page);
    // The address leads a colleague to the same place, and back leads out of it.
    expect(new URL(page.url()).searchParams.get('team')).toBe('residence');
    await page.goBack();
    await expect(team).toHaveCount(0);

    await page.locator('tr[data-conversation]').getByRole('button').first().click();
    const panel = page.getByTestId('supervise');
    await panel.getByRole('button', { name: '指派给…' }).click();
    await panel.getByRole('radio', { name: /何雨薇/ }).check();
    await panel.getByRole('button', { name: '指派', exact: true }).click();
    await expect(panel.getByRole('alert')).toContainText('该坐席已满负荷或在小休');
    await panel.getByRole('textbox', { name: /^理由/ }).fill('只有她熟悉此事项');
    await panel.getByRole('button', { name: '指派', exact: true }).click();
    await expect(agent.rows).toHaveCount(2);
    await expect(agent.page.locator('.el-message').filter({ hasText: '理由：只有她熟悉此事项' })).toBeVisible();
    await expect(second.thread).toContainText('何雨薇');
  });
});

test('an agent is set to a break and reads why', async ({ people }) => {
  const agent = await people.agent('agent1001');
  const { page } = await people.supervisor();
  await page.getByRole('button', { name: '居住与户籍' }).click();
  const row = page.getByTestId('team-agents').locator('[data-agent]').filter({ hasText: '李敏' });
  await row.getByRole('button', { name: '设状态' }).click();
  await row.getByRole('combobox', { name: '状态' }).selectOption('break');
  await row.getByRole('button', { name: '设置', exact: true }).click();
  await expect(row.getByRole('alert')).toContainText('请填写原因');
  await row.getByRole('textbox').fill('连续作业两小时');
  await row.getByRole('button', { name: '设置', exact: true }).click();
  await expect(agent.status('小休')).toBeChecked();
  const told = agent.page
    .locator('.el-message')
    .filter({ hasText: '吴督导 已将您的状态设为“小休”。理由：连续作业两小时' });
  await expect(told).toBeVisible();
  await expect(row).toContainText('小休');
});
