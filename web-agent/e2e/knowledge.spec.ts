/**
 * Knowledge that learns: nobody knows an answer, an agent gives it, it is written back, reviewed and published, the next citizen
 * gets it from 小申, with its source and without a human, and the first one and the agent are told.
 */
import { expect, isAccessible, test } from './support/fixtures';

const QUESTION = '量子居住证签注失败代码七七怎么处理';
const ANSWER = '张伟您好，请带身份证到窗口重新签注，电话13800138001。';

test('unknown, answered, written back, reviewed, and said by the bot to the next one', async ({ people, server }) => {
  const first = await people.citizen();
  await first.write(QUESTION);
  await first.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await agent.say(ANSWER);
  await expect(first.message(ANSWER)).toBeVisible();

  // One key at the end puts the answer into the knowledge base.
  await agent.page.keyboard.press('Alt+e');
  const dialog = agent.page.getByRole('dialog');
  await dialog.getByRole('radio', { name: '已解决', exact: true }).check();
  await agent.page.keyboard.press('k');
  await expect(dialog.getByRole('checkbox', { name: /写入知识库/ })).toBeChecked();
  await expect(dialog.getByRole('textbox', { name: '市民的问题' })).toHaveValue(QUESTION);
  await expect(dialog.getByRole('textbox', { name: '解决问题的答复' })).toHaveValue(/重新签注/);
  await isAccessible(agent.page);
  await dialog.getByRole('button', { name: '确认办结' }).click();
  await expect(dialog).toBeHidden();

  // Its author sees that it waits.
  const own = await people.page({ viewport: { width: 1280, height: 800 } });
  await own.goto(`${server.url}/figures`);
  await own.getByRole('textbox', { name: '工号' }).fill('agent1001');
  await own.getByRole('textbox', { name: '密码' }).fill('bangban-demo');
  await own.getByRole('button', { name: '登录', exact: true }).click();
  await own.getByRole('link', { name: '我的写回' }).click();
  await expect(own.getByRole('table', { name: '我的写回' })).toContainText('待审');
  await isAccessible(own);

  // The editor finds it in the queue, without the person in it, adds an official source and publishes it.
  const editor = await people.admin('editor1');
  await editor.go('知识库');
  const { page } = editor;
  await isAccessible(page);
  await page.getByRole('tab', { name: '待审', exact: true }).click();
  const queue = page.getByRole('table', { name: '待审队列' });
  await queue.getByRole('button', { name: `打开 ${QUESTION}` }).click();
  const panel = page.getByRole('region', { name: QUESTION });
  await expect(panel.getByText('〔已隐去〕').first()).toBeVisible();
  await expect(panel).not.toContainText('张伟');
  await expect(panel).not.toContainText('13800138001');
  await panel.getByRole('tab', { name: /来源会话/ }).click();
  await expect(panel.getByRole('table', { name: '来源会话' })).toContainText('李敏');
  await isAccessible(page);
  await editor.button('审核通过并发布').click();
  await expect(editor.toasts).toContainText('已发布');
  await expect(panel.getByText('已生效')).toBeVisible();

  // The next citizen asks 小申 alone.
  const next = await people.citizen('李娜（个人）');
  await next.write(QUESTION);
  await expect(next.page.getByText('重新签注').first()).toBeVisible();
  await expect(next.page.getByText(/来源：/).last()).toBeVisible();
  await expect(own.getByRole('table', { name: '我的写回' })).toContainText('待审');
  await own.reload();
  await expect(own.getByRole('table', { name: '我的写回' })).toContainText('已生效');

  // The first one is told where they asked: that there is an answer, and the answer with its source.
  const told = first.thread.getByText(`您之前咨询的“${QUESTION}”有答复了`);
  await expect(told).toBeVisible();
  await expect(first.thread.getByText(/来源：/).last()).toBeVisible();
  await isAccessible(first.page);
  // What goes out besides stands in the demo's sink, once for each way.
  const admin = await people.admin('admin1');
  await admin.go('消息通知');
  const outbox = admin.page.getByRole('table', { name: '消息通知记录' });
  const sent = outbox.getByRole('row').filter({ hasText: `您咨询的“${QUESTION}”已有答复` });
  for (const way of ['会话', '短信', '一网通办消息']) await expect(sent.filter({ hasText: way })).toHaveCount(1);
  await isAccessible(admin.page);
  // The agent hears what became of their answer.
  const messages = agent.page.getByRole('button', { name: /^我的消息/ });
  await messages.click();
  const panel2 = agent.page.getByRole('group', { name: '我的消息' });
  await expect(panel2).toContainText(`您写回的“${QUESTION}”已审核发布`);
  await isAccessible(agent.page);
});

test('a citizen says by which ways they want to be told', async ({ people }) => {
  const citizen = await people.citizen();
  const { page } = citizen;
  const open = async () => {
    await page.getByRole('button', { name: /^更多/ }).click();
    await citizen.button('接收通知').click();
    return page.getByRole('dialog', { name: '接收通知' });
  };
  const dialog = await open();
  const sms = dialog.getByRole('checkbox', { name: '短信' });
  await expect(sms).toBeChecked();
  await isAccessible(page);
  await sms.focus();
  await page.keyboard.press('Space');
  await expect(dialog.getByText('已保存')).toBeVisible();
  await expect(sms).not.toBeChecked();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await page.reload();
  const again = await open();
  await expect(again.getByRole('checkbox', { name: '短信' })).not.toBeChecked();
  await expect(again.getByRole('checkbox', { name: '一网通办消息' })).toBeChecked();
});

test('an entry is written with a preview, sent back, corrected and compared; and citizens’ words bring it up for agents', async ({
  people,
  guard,
}) => {
  // The link to another site is refused.
  guard.allow(/status of 400/);
  const editor = await people.admin('editor1');
  await editor.go('知识库');
  const { page } = editor;
  await editor.button('新建条目').click();
  const make = page.getByRole('region', { name: '新建条目' });
  const unit = make.getByRole('combobox', { name: '责任单位' });
  await unit.fill('公安');
  await page
    .getByRole('option', { name: /^上海市公安局/ })
    .first()
    .click();
  await make.getByRole('textbox', { name: '标准问题' }).fill(QUESTION);
  await make.getByRole('textbox', { name: '答复口径' }).fill('请带：\n\n- **身份证**\n- 见 https://evil.example/');
  await make.getByRole('textbox', { name: '依据' }).fill('上海市公安局');
  await expect(make.locator('.bubble strong').first()).toHaveText('身份证');
  await expect(make.locator('.bubble a')).toHaveCount(0);
  await editor.button('保存草稿').click();
  await expect(make.getByText('链接只能指向')).toBeVisible();
  await make.getByRole('textbox', { name: '答复口径' }).fill('请带：\n\n- **身份证**\n- 照片');
  await isAccessible(page);
  await page.keyboard.press('Control+s');
  await expect(editor.toasts).toContainText('草稿已保存');
  const panel = page.getByRole('region', { name: QUESTION });
  await panel.getByRole('button', { name: '提交审核' }).click();
  await expect(panel.getByText('您写过这一版，须由他人审核')).toBeVisible();
  await expect(editor.button('审核通过并发布')).toBeHidden();

  const second = await people.admin('super1');
  await second.go('知识库');
  await second.page.getByRole('tab', { name: '待审', exact: true }).click();
  await second.page.getByRole('button', { name: `打开 ${QUESTION}` }).click();
  await second.button('退回修改').click();
  const dialog = second.page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: /^原因/ }).fill('请写明照片规格');
  await isAccessible(second.page);
  await dialog.getByRole('button', { name: '退回修改' }).click();
  await expect(second.toasts).toContainText('已退回');

  await page.reload();
  await expect(panel.getByText('吴督导 退回：请写明照片规格')).toBeVisible();
  await panel.getByRole('textbox', { name: '答复口径' }).fill('请带：\n\n- **身份证**\n- 一寸照片');
  await panel.getByRole('button', { name: '提交审核' }).click();
  await expect(panel.getByText('您写过这一版，须由他人审核')).toBeVisible();
  await second.page.reload();
  await second.button('审核通过并发布').click();
  await expect(second.toasts).toContainText('已发布');

  // What the citizen wrote brings it up over the composer; a key puts it into the reply.
  const citizen = await people.citizen();
  await citizen.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await citizen.say(QUESTION);
  const assist = agent.page.getByTestId('assist');
  await expect(assist.locator('mark').first()).toBeVisible();
  await agent.reply.focus();
  await agent.page.keyboard.press('Alt+Shift+Digit1');
  await expect(agent.reply).toHaveValue(/一寸照片/);
  await isAccessible(agent.page);
});
