/** Who is asked next: missed offers, declined and accepted transfers. */
import { rows } from './support/recount';
import { Rest } from './support/rest';
import { expect, test } from './support/fixtures';

test.describe('with two seconds to accept', () => {
  const missedBreakMs = 20_000;
  test.use({ settings: { SLA__OFFER_SECONDS: '2', SLA__MISSED_BREAK_SECONDS: String(missedBreakMs / 1_000) } });

  test('a missed offer costs a short break, the next agent is asked, and the break ends by itself', async ({
    people,
    server,
  }) => {
    const board = await people.supervisor({ missedBreakMs });
    const late = await people.agent('agent1001');
    const next = await people.agent('agent1002');
    await next.choose('小休');
    const widget = await people.citizen();
    await widget.askHuman();
    await expect.poll(() => rows(server, "SELECT kind FROM event WHERE kind = 'offered'")).toHaveLength(1);
    // Of the offers that are made from now on none runs out, however busy the machine is.
    const steps = { warnSeconds: 30, alertSeconds: 45, breachSeconds: 60, offerSeconds: 600 };
    await (await Rest.logIn(server)).put('sla_policy', 'patient', { name: '慢', team: 'residence', ...steps });
    await next.choose('空闲可接');

    await expect(late.notice).toContainText('接入请求未及时应答');
    await expect(late.status('小休')).toBeChecked();
    await expect(board.team('residence').locator('[data-figure=onBreak]')).toHaveText('1');
    await board.equalsRecount(['agent1001', 'agent1002']);
    await next.accept();
    await widget.talksTo('王强');
    await board.equalsRecount(['agent1001', 'agent1002']);

    await expect(late.status('空闲可接')).toBeChecked({ timeout: missedBreakMs + 10_000 });
    await board.equalsRecount(['agent1001', 'agent1002']);
  });
});

test('a transfer is declined, then accepted: thread, context and clock go with it', async ({ people, server }) => {
  const board = await people.supervisor();
  const giver = await people.agent('agent1001');
  const widget = await people.citizen();
  await widget.say('B1 我要办居住证');
  await widget.askHuman();
  await giver.accept();
  const taker = await people.agent('agent1002');
  await giver.say('A1 您好');
  const clock = () => rows(server, 'SELECT asked_at, due_at, answered_at FROM ledger');
  const before = clock();

  await giver.transfer('王强', '需要懂积分的同事');
  await expect(giver.page.getByTestId('transfer-pending')).toContainText('王强');
  await expect(taker.offer).toContainText('需要懂积分的同事');
  await expect(taker.offer).toContainText('李敏');
  await board.equalsRecount(['agent1001', 'agent1002']);
  await taker.decline();
  await expect(giver.page.getByTestId('transfer-pending')).toBeHidden();
  await giver.say('A2 请稍等');
  await expect(widget.message('A2 请稍等')).toBeVisible();
  await board.equalsRecount(['agent1001', 'agent1002']);

  await giver.transfer('王强', '再请您看看');
  await taker.accept();
  await widget.talksTo('王强');
  for (const text of ['B1 我要办居住证', 'A1 您好', 'A2 请稍等']) await expect(taker.message(text)).toBeVisible();
  await expect(taker.thread).toContainText('再请您看看');
  await expect(giver.rows).toHaveCount(0);
  await taker.say('A3 我接着为您办');
  await expect(widget.message('A3 我接着为您办')).toBeVisible();
  // What staff wrote to each other never reached the citizen.
  await expect(widget.thread).not.toContainText('再请您看看');
  expect(clock()).toEqual(before);
  await board.equalsRecount(['agent1001', 'agent1002']);
});

test('a transfer to another team before the first reply keeps the clock; both teams are counted right', async ({
  people,
  server,
}) => {
  const board = await people.supervisor();
  const giver = await people.agent('agent1001');
  const taker = await people.agent('agent1004');
  const widget = await people.citizen();
  await widget.askHuman();
  await giver.accept();
  const due = () => rows(server, 'SELECT asked_at, due_at FROM ledger');
  const before = due();
  await giver.transfer('住房与公积金', '其实是公积金的事');
  await taker.accept();
  await board.equalsRecount(['agent1001', 'agent1004']);
  await taker.say('A1 您好');
  await widget.talksTo('赵磊');
  expect(due()).toEqual(before);
  await expect(board.figure('hourRate')).toHaveText('100%');
  await board.equalsRecount(['agent1001', 'agent1004']);
});
