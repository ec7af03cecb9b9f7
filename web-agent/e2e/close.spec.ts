/** How conversations end besides "solved". */
import { rows } from './support/recount';
import { expect, test } from './support/fixtures';

test('out of scope: handed on with a receipt that both sides see', async ({ people, server }) => {
  const board = await people.supervisor();
  const agent = await people.agent('agent1001');
  const widget = await people.citizen();
  await widget.askHuman();
  await agent.accept();
  await agent.say('您好，这件事需要法律咨询');
  const dialog = await agent.closing();
  await dialog.getByRole('radio', { name: '转专门渠道' }).check();
  await dialog.getByRole('radio', { name: '12348 公共法律服务' }).check();
  await dialog.getByRole('button', { name: '确认办结' }).click();
  const receipt = (await dialog.getByTestId('receipt').innerText()).trim();
  expect(receipt).not.toBe('');
  await expect(widget.root.getByTestId('receipt-number')).toHaveText(receipt);
  await expect(widget.thread).toContainText('12348');
  expect(rows(server, `SELECT kind, hand_on FROM receipt WHERE receipt = '${receipt}'`)).toEqual([
    { kind: 'hand_on', hand_on: 'legal_advice' },
  ]);
  await dialog.getByRole('button', { name: '完成' }).click();
  await board.equalsRecount(['agent1001']);
});

test('who leaves the queue early is a short abandon, in no rate; who ends it himself goes to wrap-up', async ({
  people,
}) => {
  const board = await people.supervisor();
  const early = await people.citizen('李娜（个人）');
  await early.askHuman();
  await early.button('取消排队').click();
  await expect(early.queue).toBeHidden();
  await expect(board.page.getByTestId('figure-todayRate')).toContainText('短时离开 1');
  await board.equalsRecount([]);

  const agent = await people.agent('agent1001');
  const widget = await people.citizen();
  await widget.askHuman();
  await agent.accept();
  await agent.say('请问有什么可以帮您');
  await widget.button('结束会话').click();
  await widget.root
    .getByRole('alertdialog', { name: '结束本次会话？' })
    .getByRole('button', { name: '结束会话' })
    .click();
  await expect(agent.page.getByTestId('wrap-up')).toBeVisible();
  await board.equalsRecount(['agent1001']);
  await agent.page.getByTestId('wrap-up').getByRole('button', { name: '未解决' }).click();
  await expect(agent.rows).toHaveCount(0);
  await expect(widget.rating).toBeVisible();
  await board.equalsRecount(['agent1001']);
});

test.describe('with a promise of four seconds', () => {
  test.use({ settings: { SLA__WARN_SECONDS: '2', SLA__ALERT_SECONDS: '3', SLA__BREACH_SECONDS: '4' } });

  test('a broken promise: at risk, overdue, a miss; a late reply does not mend it, nobody is closed', async ({
    people,
  }) => {
    const board = await people.supervisor();
    const widget = await people.citizen();
    await widget.askHuman();
    await expect(board.risky).toContainText('▲ 临期');
    await board.equalsRecount([]);
    await expect(board.risky).toContainText('■ 超时');
    await expect(board.risky.locator('.clock')).toHaveText(/^-00:0\d$/);
    await expect(board.team('residence').locator('[data-figure=state]')).toHaveText('■ 超时');
    await expect(board.page).toHaveTitle('（1 超时）服务时效看板');
    await expect(widget.queue).toContainText('您的位置已保留');
    await board.equalsRecount([]);

    const agent = await people.agent('agent1001');
    await agent.accept();
    await agent.say('抱歉让您久等');
    await expect(board.risky).toHaveCount(0);
    await expect(board.figure('hourRate')).toHaveText('0.0%');
    await expect(board.page.getByTestId('figure-hourRate')).toContainText('✗ 未达 1');
    await board.equalsRecount(['agent1001']);
  });
});
