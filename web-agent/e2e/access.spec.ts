/** axe on every screen and state: no violation. Sizes and keyboard are in keyboard.spec.ts. */
import { Board } from './support/board';
import { expect, isAccessible, LOST_LINK, test } from './support/fixtures';
import { targetsAreAtLeast } from './support/measure';
import { Widget } from './support/widget';

test('the citizen’s panel, from identity to rating', async ({ people, server, network, guard }) => {
  guard.allow(...LOST_LINK);
  const page = await people.page({ viewport: { width: 420, height: 760 } });
  await page.goto(`${network.url}/widget.html?item=residence-permit`);
  const widget = new Widget(page);
  await expect(widget.button('张伟（个人）')).toBeVisible();
  await isAccessible(page);
  await widget.button('张伟（个人）').click();
  await expect(widget.thread).toContainText('您好，我是智能客服小申');
  await isAccessible(page);
  await widget.say('办居住证需要什么材料');
  await expect(widget.thread.locator('.bubble.bot_answer')).toBeVisible();
  await isAccessible(page);

  await page.getByRole('button', { name: /^更多/ }).click();
  await isAccessible(page);
  await page.keyboard.press('Escape');
  await widget.askHuman();
  await isAccessible(page);

  network.cut();
  await expect(widget.banner).toBeVisible();
  await widget.write('断线时写的');
  await isAccessible(page);
  network.pass();
  await expect(widget.banner).toBeHidden();

  const agent = await people.agent('agent1001');
  await agent.accept();
  await agent.say('请问有什么可以帮您');
  await expect(widget.message('请问有什么可以帮您')).toBeVisible();
  await isAccessible(page);
  await page.getByRole('button', { name: /^切换到长者版/ }).click();
  await isAccessible(page);
  await page.getByRole('button', { name: /^切换到标准版/ }).click();
  await widget.button('结束会话').click();
  await expect(page.getByRole('alertdialog')).toBeVisible();
  await isAccessible(page);
  await page.getByRole('alertdialog').getByRole('button', { name: '结束会话' }).click();
  await expect(agent.page.getByTestId('wrap-up')).toBeVisible();
  await isAccessible(page);
  await agent.page.getByTestId('wrap-up').getByRole('button', { name: '已解决' }).click();
  await expect(widget.rating).toBeVisible();
  await widget.rating.getByRole('radio', { name: '非常不满意', exact: true }).check({ force: true });
  await isAccessible(page);
  await widget.button('提交评价').click();
  await expect(page.getByRole('region', { name: '感谢您的评价' })).toBeVisible();
  await isAccessible(page);

  const english = await people.page({ viewport: { width: 420, height: 760 } });
  await english.goto(`${server.url}/widget.html?item=residence-permit&lang=en`);
  await expect(english.getByRole('button').first()).toBeVisible();
  await isAccessible(english);
});

test.describe('out of hours', () => {
  test.use({ settings: { SERVICE__HOURS: 'calendar', SERVICE__PERIODS: closedNow() } });

  test('the citizen’s panel: form, problems, receipt, promise', async ({ people }) => {
    const widget = await people.citizen();
    await widget.human.click();
    const form = widget.root.getByRole('dialog', { name: '给工作人员留言' });
    await expect(form).toBeVisible();
    await isAccessible(widget.page);
    await form.getByRole('button', { name: '提交留言' }).click();
    await isAccessible(widget.page);
    await form.getByRole('textbox', { name: '您的问题' }).fill('居住证怎么办');
    await form.getByRole('textbox', { name: '联系电话' }).fill('13800138001');
    await form.getByRole('radio').first().check({ force: true });
    await form.getByRole('button', { name: '提交留言' }).click();
    await expect(widget.root.getByTestId('receipt-number').first()).toBeVisible();
    await isAccessible(widget.page);
    await widget.root.getByRole('dialog').getByRole('button', { name: '完成' }).click();
    await expect(widget.root.getByRole('region', { name: '预约回复' })).toBeVisible();
    await isAccessible(widget.page);
  });
});

test('the agent’s console, from log-in to closing', async ({ people, server, network, guard }) => {
  guard.allow(...LOST_LINK);
  const blank = await people.page({ viewport: { width: 1440, height: 900 } });
  await blank.goto(`${server.url}/console.html`);
  await expect(blank.getByRole('textbox', { name: '工号' })).toBeVisible();
  await isAccessible(blank);
  await targetsAreAtLeast(blank, 44);

  const agent = await people.agent('agent1001', { base: network.url });
  const { page } = agent;
  await isAccessible(page);
  const widget = await people.citizen();
  await widget.say('我要办居住证');
  await widget.askHuman();
  await expect(agent.offer).toBeVisible();
  await isAccessible(page);
  await targetsAreAtLeast(agent.offer, 44);
  await agent.accept();
  await isAccessible(page);
  await agent.say('请问有什么可以帮您');
  await widget.say('居住证丢了');
  await expect(agent.message('居住证丢了')).toBeVisible();
  await isAccessible(page);

  await page.getByRole('tab', { name: '内部备注' }).click();
  await isAccessible(page);
  await page.getByRole('tab', { name: '回复市民' }).click();
  await agent.reply.press('/');
  await expect(page.getByRole('combobox', { name: '搜索答复口径' })).toBeVisible();
  await page.keyboard.insertText('居住证');
  await expect(page.getByRole('listbox', { name: '答复' }).getByRole('option').first()).toBeVisible();
  await isAccessible(page);
  await page.keyboard.press('Escape');

  for (const opener of [/^转接/, /^办结/]) {
    await page.getByRole('button', { name: opener }).click();
    const dialog = page.getByRole('dialog', { name: opener });
    await expect(dialog).toBeVisible();
    await isAccessible(page);
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
  }
  for (const opener of [/^提示设置/, /^账号/]) {
    await page.getByRole('button', { name: opener }).click();
    await isAccessible(page);
    await page.keyboard.press('Escape');
  }

  network.cut();
  await expect(agent.banner).toBeVisible();
  await isAccessible(page);
  network.pass();
  await expect(agent.banner).toBeHidden();

  const dialog = await agent.closing();
  await dialog.getByRole('radio', { name: '转专门渠道' }).check();
  await dialog.getByRole('radio', { name: '12345 投诉举报' }).check();
  await isAccessible(page);
  await dialog.getByRole('button', { name: '确认办结' }).click();
  await expect(dialog.getByTestId('receipt')).toBeVisible();
  await isAccessible(page);
});

test.describe('with a promise of four seconds', () => {
  test.use({ settings: { SLA__WARN_SECONDS: '2', SLA__ALERT_SECONDS: '3', SLA__BREACH_SECONDS: '4' } });

  test('the board: log-in, refusal, calm, overdue, definitions, English', async ({ people, server }) => {
    const page = await people.page({ viewport: { width: 1440, height: 900 } });
    await Board.logInOnly(page, server.url, 'agent1001');
    await expect(page.getByTestId('elsewhere')).toContainText('本页面是服务时效看板');
    await isAccessible(page);
    await targetsAreAtLeast(page, 44);
    await page.getByRole('button', { name: '退出登录' }).click();
    await expect(page.getByRole('textbox', { name: '工号' })).toBeVisible();
    await isAccessible(page);

    const board = await people.supervisor();
    await isAccessible(board.page);
    await targetsAreAtLeast(board.page.locator('header, .figures'), 44);
    const widget = await people.citizen();
    await widget.askHuman();
    await expect(board.risky).toContainText('超时');
    await isAccessible(board.page);
    await board.page.getByRole('button', { name: '“一分钟响应率 · 今日”的口径' }).click();
    await expect(board.page.getByRole('note').filter({ hasText: '短时离开' }).first()).toBeVisible();
    await isAccessible(board.page);
    await board.page.getByRole('button', { name: 'English' }).click();
    await isAccessible(board.page);
  });

  test('the board on the wall, with a lost link', async ({ people, network, guard }) => {
    guard.allow(...LOST_LINK);
    const board = await people.supervisor({ base: network.url, query: '?wall=1' });
    const widget = await people.citizen();
    await widget.askHuman();
    await expect(board.risky).toContainText('超时');
    await isAccessible(board.page);
    network.cut();
    await expect(board.banner).toBeVisible();
    await isAccessible(board.page);
    await board.page.keyboard.press('Escape');
    await isAccessible(board.page);
  });
});

test('the landing page, the demo portal and a page that is not there', async ({ people, server, guard }) => {
  // The browser reports the status of the third one itself.
  guard.allow(/status of 404/);
  const page = await people.page();
  for (const path of ['/', '/demo-portal.html', '/demo-portal.html?item=residence-permit', '/nothing-here']) {
    await page.goto(server.url + path, { waitUntil: 'networkidle' });
    await isAccessible(page);
  }
});

/** Opening hours that do not contain this moment, whenever the story runs. */
function closedNow(): string {
  const hour = (new Date().getUTCHours() + 8) % 24;
  return hour < 12 ? '["13:00-20:00"]' : '["06:00-10:00"]';
}
