/**
 * What 小申 does for a citizen at the demo's office: an appointment is made, changed and cancelled, with a reload in the
 * middle; somebody else is quicker; the progress of a case; a visitor logs in; whoever takes over sees what was chosen.
 */
import type { Locator } from '@playwright/test';
import { expect, isAccessible, test } from './support/fixtures';
import type { Widget } from './support/widget';

const card = (widget: Widget, name: string): Locator => widget.thread.getByRole('group', { name, exact: true }).last();
const option = (widget: Widget, name: string, nth = 0): Locator =>
  card(widget, name).getByRole('list').getByRole('button').nth(nth);

/** Presses what can be pressed: cards of before have the same names, and stay as they were. */
async function press(button: Locator): Promise<void> {
  await expect(button).toBeEnabled();
  await button.click();
}

/** A wish in words, and the button that 小申 answers it with. */
async function wish(widget: Widget, text: string, button: string): Promise<void> {
  await widget.say(text);
  await widget.thread
    .locator('.bubble.actions_offered')
    .last()
    .getByRole('button', { name: button, exact: true })
    .click();
}

/** Hall, day and time until it is to be confirmed. */
async function choose(widget: Widget, { day = 0, time = 0 } = {}): Promise<void> {
  await press(option(widget, '请选择办事大厅'));
  await press(option(widget, '请选择日期', day));
  await press(option(widget, '请选择时间', time));
}

test('an appointment is made, changed and cancelled, each confirmed, with a reload in the middle', async ({
  people,
}) => {
  const widget = await people.citizen();
  await wish(widget, '我要预约', '办事预约：居住证办理');
  await isAccessible(widget.page);
  // By keyboard alone: who chose is led to the next question.
  await option(widget, '请选择办事大厅').focus();
  await widget.page.keyboard.press('Enter');
  await expect(card(widget, '请选择日期').getByRole('heading')).toBeFocused();
  await widget.page.keyboard.press('Tab');
  await widget.page.keyboard.press('Enter');
  await expect(card(widget, '请选择时间').getByRole('heading')).toBeFocused();
  await widget.page.reload();
  await expect(option(widget, '请选择时间')).toBeEnabled();
  await expect(option(widget, '请选择日期')).toBeDisabled();
  await press(card(widget, '请选择时间').getByRole('button', { name: '返回上一步' }));
  await press(option(widget, '请选择日期', 1));
  await press(option(widget, '请选择时间', 1));
  const confirm = card(widget, '请核对后确认办事预约');
  for (const part of ['居住证办理', '政务服务大厅（演示）', '10:00–11:00', '不会为您办理']) {
    await expect(confirm).toContainText(part);
  }
  await isAccessible(widget.page);
  await widget.page.reload();
  await press(card(widget, '请核对后确认办事预约').getByRole('button', { name: '确认办理' }));
  const done = card(widget, '预约成功');
  await expect(done).toContainText(/YS\d{6}/);
  await expect(done).toContainText('10:00–11:00');
  const number = /YS\d{6}/.exec(await done.innerText())![0];
  await expect(done.getByRole('heading')).toBeFocused();
  await isAccessible(widget.page);

  await wish(widget, '我要改约', '改约：居住证办理');
  await press(option(widget, '请选择日期', 2));
  await press(option(widget, '请选择时间', 2));
  await expect(card(widget, '请核对后确认改约')).toContainText('原时间');
  await press(card(widget, '请核对后确认改约').getByRole('button', { name: '确认办理' }));
  await expect(card(widget, '改约成功')).toContainText(number);
  await expect(card(widget, '改约成功')).toContainText('13:30–14:30');

  await wish(widget, '帮我取消预约', '取消预约：居住证办理');
  await press(card(widget, '请核对后确认取消预约').getByRole('button', { name: '不办了' }));
  await expect(card(widget, '好的，没有为您办理任何事项。')).toBeVisible();
  await wish(widget, '请把预约取消掉', '取消预约：居住证办理');
  await press(card(widget, '请核对后确认取消预约').getByRole('button', { name: '确认办理' }));
  await expect(card(widget, '预约已取消')).toContainText(number);
});

test('somebody else is quicker: nothing is done, it is said why, and another time is chosen; in elder mode', async ({
  people,
}, info) => {
  const slow = await people.citizen();
  const quick = await people.citizen('李娜（个人）');
  await wish(slow, '我要预约', '办事预约：居住证办理');
  await choose(slow);
  await wish(quick, '我要预约', '办事预约：居住证办理');
  await choose(quick);
  await press(card(quick, '请核对后确认办事预约').getByRole('button', { name: '确认办理' }));
  await expect(card(quick, '预约成功')).toBeVisible();
  await slow.page.getByRole('button', { name: /^切换到长者版/ }).click();
  await card(slow, '请核对后确认办事预约').scrollIntoViewIfNeeded();
  await slow.page.screenshot({ path: info.outputPath('elder-confirm.png') });
  await press(card(slow, '请核对后确认办事预约').getByRole('button', { name: '确认办理' }));
  const failed = slow.thread.getByRole('group', { name: /这个时间刚被约走/ });
  await expect(failed.getByRole('button', { name: '转人工' })).toBeVisible();
  await isAccessible(slow.page);
  await failed.getByRole('button', { name: '重新选择' }).click();
  await press(card(slow, '请选择办事大厅').getByRole('button', { name: '黄浦区政务服务大厅（演示）' }));
  await press(option(slow, '请选择日期'));
  await expect(option(slow, '请选择时间')).toContainText('10:00-11:00');
  await card(slow, '请选择时间').scrollIntoViewIfNeeded();
  await slow.page.screenshot({ path: info.outputPath('elder-times.png') });
  await press(option(slow, '请选择时间'));
  await press(card(slow, '请核对后确认办事预约').getByRole('button', { name: '确认办理' }));
  await expect(card(slow, '预约成功')).toBeVisible();
  await slow.page.screenshot({ path: info.outputPath('elder-done.png') });
});

test('the progress of a case, where an application begins, and a visitor who logs in', async ({ people, server }) => {
  const widget = await people.citizen();
  await wish(widget, '办到哪一步了', '查进度：居住证办理');
  await expect(card(widget, '办件进度')).toContainText('审查中（演示）');
  await isAccessible(widget.page);
  await widget.thread.getByRole('button', { name: '去申请：居住证办理' }).first().click();
  const link = card(widget, '请从下面的官方入口开始申请').getByRole('link', { name: '打开申请入口' });
  await expect(link).toHaveAttribute('href', /^https:\/\/[a-z.]+\.gov\.cn\/.*item=residence-permit/);

  const page = await people.page({ viewport: { width: 420, height: 760 } });
  await page.goto(`${server.url}/widget.html?item=residence-permit&lang=en`);
  await page.getByRole('button', { name: 'Ask without logging in' }).click();
  await page.getByRole('button', { name: 'Make an appointment: 居住证办理' }).click();
  const asked = page.getByRole('group', { name: /I have to know who you are/ });
  await isAccessible(page);
  await asked.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('button', { name: /张伟/ }).click();
  await page.getByRole('button', { name: 'Make an appointment: 居住证办理' }).click();
  await expect(page.getByRole('group', { name: 'Which hall?' })).toBeVisible();
});

test('whoever leaves for a person repeats nothing: what was chosen stands in the console', async ({ people }) => {
  const widget = await people.citizen();
  await widget.thread.getByRole('button', { name: '办事预约：居住证办理' }).click();
  await press(option(widget, '请选择办事大厅'));
  await expect(card(widget, '请选择日期')).toBeVisible();
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  const panel = agent.page.getByRole('region', { name: '办事操作' });
  await expect(panel).toContainText('办事预约：居住证办理 · 正在选择');
  await expect(panel).toContainText('政务服务大厅（演示）');
  // The citizen goes on beside the person, who sees it.
  await press(option(widget, '请选择日期'));
  await press(option(widget, '请选择时间', 1));
  await expect(panel).toContainText('待市民确认');
  await press(card(widget, '请核对后确认办事预约').getByRole('button', { name: '确认办理' }));
  await expect(panel).toContainText('已办成');
  await expect(agent.thread).toContainText('预约成功');
  await isAccessible(agent.page);
});
