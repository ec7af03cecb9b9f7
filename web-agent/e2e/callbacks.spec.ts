/** A promised call-back: the team and the citizen are reminded, the citizen moves it and takes it back, here or by the receipt. */
import { rows } from './support/recount';
import { expect, isAccessible, test } from './support/fixtures';

/** Opening hours that do not contain this moment, whenever the story runs. */
const closedNow = () => {
  const hour = (new Date().getUTCHours() + 8) % 24;
  return hour < 12 ? '["13:00-20:00"]' : '["06:00-10:00"]';
};

// Whenever the slot is: it is near.
test.use({
  settings: {
    SERVICE__HOURS: 'calendar',
    SERVICE__PERIODS: closedNow(),
    SERVICE__SLOT_CAPACITY: '1',
    SERVICE__CALL_BACK_REMIND_MINUTES: '40000',
  },
});

interface Promised {
  slot_starts_at: number;
}

test('a call-back is reminded of, moved in the panel and by its receipt, and taken back', async ({
  people,
  server,
}) => {
  const promisedAt = () =>
    rows<Promised>(server, 'SELECT slot_starts_at FROM conversation ORDER BY opened_at LIMIT 1')[0]!.slot_starts_at;
  const agent = await people.agent('agent1001');
  const widget = await people.citizen();
  await widget.human.click();
  const form = widget.root.getByRole('dialog', { name: '给工作人员留言' });
  await form.getByRole('textbox', { name: '您的问题' }).fill('居住证怎么办');
  await form.getByRole('textbox', { name: '联系电话' }).fill('13800138001');
  await form.getByRole('radio').first().check({ force: true });
  await form.getByRole('button', { name: '提交留言' }).click();
  const number = (await widget.root.getByTestId('receipt-number').first().innerText()).trim();
  await widget.root.getByRole('dialog').getByRole('button', { name: '完成' }).click();

  // Both sides are reminded.
  const promised = widget.root.getByRole('region', { name: '预约回复' });
  await expect(promised).toContainText('约定的回复即将开始');
  await expect(widget.thread).toContainText('提醒：工作人员将在');
  const near = agent.page.getByRole('region', { name: '提醒' }).getByTestId('rail-call_back');
  await expect(near).toContainText('约定回电');
  await expect(near).toContainText('张*');
  await expect(agent.page.locator('.el-message').filter({ hasText: '回电提醒：张*' })).toBeVisible();
  await isAccessible(agent.page);
  await isAccessible(widget.page);
  await agent.page.screenshot({ path: 'test-results/call-back-console.png' });

  // Another time, in the panel; nothing happens without a choice, and Escape leaves everything as it is.
  const first = promisedAt();
  const before = await promised.innerText();
  const move = promised.getByRole('button', { name: '改时间' });
  const dialog = widget.root.getByRole('dialog', { name: '更改回复时段' });
  await move.click();
  await expect(dialog.getByRole('radio').first()).toBeFocused();
  await isAccessible(widget.page);
  await widget.page.screenshot({ path: 'test-results/call-back-move.png' });
  await widget.page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(move).toBeFocused();
  expect(promisedAt()).toBe(first);
  await move.click();
  await dialog.getByRole('button', { name: '改到这个时段' }).click();
  await expect(dialog.getByRole('alert').filter({ hasText: '请选择一个时段' })).toBeVisible();
  await dialog.getByRole('radio').first().check({ force: true });
  await dialog.getByRole('button', { name: '改到这个时段' }).click();
  await expect(dialog).toBeHidden();
  await expect(promised).not.toHaveText(before);
  await expect(widget.thread).toContainText('回复时段已改为');
  const second = promisedAt();
  expect(second).toBeGreaterThan(first);

  // The place that was left is free for somebody else, the one that is taken is offered to nobody.
  const other = await people.citizen('李娜（个人）');
  await other.human.click();
  const theirs = other.root.getByRole('dialog', { name: '给工作人员留言' });
  await theirs.getByRole('textbox', { name: '您的问题' }).fill('落户怎么办');
  await theirs.getByRole('textbox', { name: '联系电话' }).fill('13900139000');
  await theirs.getByRole('radio').first().check({ force: true });
  await theirs.getByRole('button', { name: '提交留言' }).click();
  await expect(other.root.getByRole('dialog', { name: '留言已收到' })).toBeVisible();
  const slots = rows<Promised>(server, 'SELECT slot_starts_at FROM conversation ORDER BY opened_at');
  expect(slots.map((row) => row.slot_starts_at)).toEqual([second, first]);

  // By the receipt, without a log-in.
  const page = await people.page({ viewport: { width: 420, height: 760 } });
  await page.goto(`${server.url}/receipt.html#${number}`);
  await page.getByRole('textbox', { name: '联系电话后四位' }).fill('8001');
  await page.keyboard.press('Enter');
  await expect(page.getByText('约定的时段即将开始')).toBeVisible();
  const shown = await page.getByTestId('receipt-slot').innerText();
  await page.getByRole('button', { name: '改时间' }).click();
  await isAccessible(page);
  await page.getByRole('radio').first().check({ force: true });
  await page.screenshot({ path: 'test-results/call-back-receipt.png' });
  await page.getByRole('button', { name: '改到这个时段' }).click();
  await expect(page.getByTestId('said')).toHaveText('已更改回复时段。');
  await expect(page.getByTestId('receipt-slot')).not.toHaveText(shown);
  expect(promisedAt()).toBeGreaterThan(second);
  await isAccessible(page);

  // Taken back there: gone in the panel, from the agent's reminders, and settled.
  await page.getByRole('button', { name: '取消预约' }).click();
  await page.getByRole('button', { name: '确认取消' }).click();
  await expect(page.getByTestId('receipt-state')).toHaveText('已取消');
  await expect(promised).toBeHidden();
  await expect(near.filter({ hasText: '张*' })).toHaveCount(0);
  const audited = rows<{ action: string }>(server, "SELECT action FROM audit WHERE kind = 'receipt' ORDER BY no");
  expect(audited.map(({ action }) => action)).toEqual(['call_back.move', 'call_back.move', 'call_back.cancel']);
});
