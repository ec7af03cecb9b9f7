/** Tasks of the knowledge base: closed without an answer, on the board, worked on; a policy; what was told, and in which words. */
import { expect, isAccessible, test } from './support/fixtures';
import { rows } from './support/recount';

const QUESTION = '居住证积分被退回以后怎么重新申请';

test('nobody knows the answer: it becomes a task of the unit in charge', async ({ people, server }) => {
  const widget = await people.citizen();
  await widget.say(QUESTION);
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await agent.say('我帮您转给业务部门');
  const dialog = await agent.closing();
  // One key: unsolved, and nobody knows. What the citizen wrote stands there already.
  await agent.page.keyboard.press('Control+g');
  const asked = dialog.getByRole('textbox', { name: /^市民的问题/ });
  await expect(asked).toHaveValue(QUESTION);
  await isAccessible(agent.page);
  await dialog.getByRole('button', { name: '确认办结' }).click();
  await expect(dialog).toBeHidden();
  expect(rows(server, 'SELECT kind, state, question FROM task')).toEqual([
    { kind: 'gap', state: 'open', question: QUESTION },
  ]);

  const editor = await people.admin('editor1');
  const { page } = editor;
  await editor.go('任务');
  const board = page.getByRole('table', { name: '任务看板' });
  await expect(board.getByRole('row')).toHaveCount(2);
  await expect(board.locator('[data-due]')).toContainText(/剩 \d+ 天/);
  await isAccessible(page);
  // By keyboard: to the task, taken on, put back to another unit.
  await board.getByRole('button', { name: `打开任务：${QUESTION}` }).focus();
  await page.keyboard.press('Enter');
  const panel = page.getByRole('region', { name: QUESTION });
  await panel.getByRole('button', { name: '认领' }).click();
  await expect(editor.toasts).toContainText('已认领');
  await expect(panel).toContainText('处理中');
  await isAccessible(page);
  await panel.getByRole('button', { name: '改派' }).click();
  await panel.getByRole('combobox', { name: '改派给' }).selectOption({ index: 2 });
  await panel.getByRole('textbox', { name: /^理由/ }).fill('属于该单位的业务');
  await panel.getByRole('button', { name: '确认改派' }).click();
  await expect(panel).toContainText('属于该单位的业务');
  await panel.getByRole('button', { name: '撤销' }).click();
  await panel.getByRole('textbox', { name: /^理由/ }).fill('已有条目可以答复');
  await panel.getByRole('button', { name: '确认撤销' }).click();
  await expect(panel).toContainText('已撤销');
  await page.keyboard.press('Escape');
  await expect(page.getByText('现在没有未完成的任务')).toBeVisible();
});

test('a policy in force at once is overdue at once; the rate opens to its rows; the sink shows what was told', async ({
  people,
}) => {
  const editor = await people.admin('editor1');
  const { page } = editor;
  await editor.go('任务');
  await page.getByRole('tab', { name: '政策登记' }).click();
  await expect(page.getByText('还没有登记政策')).toBeVisible();
  await isAccessible(page);
  await editor.button('登记政策').click();
  const dialog = page.getByRole('dialog', { name: '登记政策' });
  await dialog.getByRole('textbox', { name: '政策名称' }).fill('人才补贴新政');
  await dialog.getByRole('textbox', { name: /每行一个问题/ }).fill('补贴怎么申领\n补贴什么时候到账');
  await isAccessible(page);
  await dialog.getByRole('button', { name: '登记', exact: true }).click();
  const policy = page.getByRole('article', { name: '人才补贴新政' });
  await expect(policy.getByRole('listitem')).toHaveCount(2);
  await isAccessible(page);

  await page.getByRole('tab', { name: '我的提醒' }).click();
  const reminder = page.getByText(/任务“补贴怎么申领”已逾期/);
  await expect
    .poll(async () => {
      await page.reload();
      await expect(page.getByRole('heading', { name: '我的提醒' })).toBeVisible();
      return reminder.count();
    })
    .toBe(1);
  await isAccessible(page);

  await page.getByRole('tab', { name: '按时率' }).click();
  const rates = page.getByRole('table', { name: '按时率' });
  await expect(rates.getByRole('row', { name: /合计/ })).toContainText('0.0 %');
  await isAccessible(page);
  await rates.getByRole('link', { name: /^合计 已逾期未完成 2$/ }).click();
  await expect(page.getByRole('table', { name: '任务看板' }).getByRole('row')).toHaveCount(3);

  const admin = await people.admin('admin1');
  await admin.go('消息通知');
  const outbox = admin.page.getByRole('table', { name: '消息通知记录' });
  await expect(outbox).toContainText('任务“补贴怎么申领”已逾期');
  await isAccessible(admin.page);
  await admin.page.getByRole('combobox', { name: '渠道' }).selectOption('webhook');
  await expect(outbox.getByRole('row').nth(1)).toContainText('演示：未真正发出');
  await admin.page.getByRole('tab', { name: '消息模板' }).click();
  const template = admin.page.getByRole('textbox', { name: '任务已逾期 · 中文' });
  await isAccessible(admin.page);
  await template.fill('请尽快处理：{question}');
  await admin.page.locator('form', { has: template }).getByRole('button', { name: '保存' }).click();
  await expect(admin.toasts).toContainText('已保存');
  await admin.page.getByRole('tab', { name: '发送记录' }).click();
  await expect(outbox).toContainText('请尽快处理：补贴怎么申领');
});
