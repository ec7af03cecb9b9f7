/**
 * What conversations teach: a question that nobody answered becomes a task with one click; what an agent answered is kept in the
 * regression set, and a publication that would lower it needs a reason; and why 小申 said something.
 */
import { expect, isAccessible, test } from './support/fixtures';

const UNKNOWN = '量子居住证签注失败代码七七怎么处理';
const KNOWN = '居住证丢失了怎么补办？';

test('a question without an answer becomes a gap task, and its cluster is gone', async ({ people }, info) => {
  const citizen = await people.citizen();
  await citizen.write(`${UNKNOWN}，我电话13800138001`);
  await citizen.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await agent.say('抱歉，暂时无法答复。');
  await agent.page.keyboard.press('Alt+e');
  const dialog = agent.page.getByRole('dialog');
  await dialog.getByRole('radio', { name: '未解决', exact: true }).check();
  await dialog.getByRole('button', { name: '确认办结' }).click();
  await expect(dialog).toBeHidden();

  const editor = await people.admin('editor1');
  await editor.go('知识库');
  const { page } = editor;
  await page.getByRole('tab', { name: '学习', exact: true }).click();
  const table = page.getByRole('table', { name: '未解决的问题' });
  await expect(table).toContainText(UNKNOWN);
  await expect(table).not.toContainText('13800138001');
  await isAccessible(page);
  await page.screenshot({ path: info.outputPath('learning.png') });
  await table.getByRole('button', { name: /^转为补充任务/ }).click();
  await expect(editor.toasts).toContainText('已建立补充任务');
  await expect(page.getByText('没有未解决的问题')).toBeVisible();
  await editor.toasts.getByRole('button', { name: '查看任务' }).click();
  await expect(page.getByRole('heading', { name: new RegExp(UNKNOWN) })).toBeVisible();
});

test('a publication that would lower the regression set is published with a reason only', async ({ people, guard }) => {
  // The refusal that asks for the reason.
  guard.allow(/status of 400/);
  const editor = await people.admin('editor1');
  await editor.go('知识库');
  const { page } = editor;
  await page.getByRole('tab', { name: '学习', exact: true }).click();
  const set = page.getByRole('region', { name: '回归集' });
  await set.getByRole('textbox', { name: '问题' }).fill(KNOWN);
  await set.getByRole('textbox', { name: '应答条目编号' }).fill('kb-residence-permit-lost');
  await set.getByRole('button', { name: '添加到回归集' }).click();
  const kept = set.getByRole('table', { name: '回归集' });
  await expect(kept.getByRole('row', { name: new RegExp(KNOWN) })).toContainText('✓ 答对');
  await isAccessible(page);

  // The same question in another entry: which one is meant cannot be told any more.
  await page.getByRole('tab', { name: '条目', exact: true }).click();
  await editor.button('新建条目').click();
  const make = page.getByRole('region', { name: '新建条目' });
  await make.getByRole('combobox', { name: '责任单位' }).fill('公安');
  await page
    .getByRole('option', { name: /^上海市公安局/ })
    .first()
    .click();
  await make.getByRole('textbox', { name: '标准问题' }).fill(KNOWN);
  await make.getByRole('textbox', { name: '答复口径' }).fill('不用补办。');
  await make.getByRole('textbox', { name: '依据' }).fill('上海市公安局');
  await editor.button('保存草稿').click();
  await editor.button('提交审核').click();
  await expect(editor.toasts).toContainText('已提交');

  const supervisor = await people.admin('super1');
  await supervisor.go('知识库');
  const second = supervisor.page;
  await second.getByRole('tab', { name: '待审', exact: true }).click();
  await second
    .getByRole('table', { name: '待审队列' })
    .getByRole('button', { name: `打开 ${KNOWN}` })
    .click();
  await supervisor.button('审核通过并发布').click();
  const dialog = second.getByRole('dialog', { name: '说明原因并发布' });
  await expect(dialog).toContainText('回归集中有 1 个问题会答得更差');
  await expect(dialog.getByRole('listitem')).toContainText(KNOWN);
  await isAccessible(second);
  await dialog.getByRole('textbox', { name: /原因/ }).fill('旧口径本月作废');
  await dialog.getByRole('button', { name: '说明原因并发布' }).click();
  await expect(supervisor.toasts).toContainText('已发布');
});

test('a supervisor sees why something was said, and an editor tries a question', async ({ people }, info) => {
  const citizen = await people.citizen();
  await citizen.write(KNOWN);
  await expect(citizen.thread.locator('.bubble.bot_answer')).toBeVisible();
  await citizen.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await expect(agent.page.getByRole('button', { name: '为什么这样答' })).toHaveCount(0);

  const supervisor = await people.admin('super1');
  await supervisor.go('会话检索');
  const { page } = supervisor;
  await page.getByRole('searchbox', { name: '会话中的文字' }).fill('居住证丢失');
  await page.getByRole('table').getByRole('button', { name: /^打开/ }).first().click();
  await page.getByRole('log', { name: '会话内容' }).getByRole('button', { name: '为什么这样答' }).first().click();
  const hits = page.getByRole('table', { name: '最接近的条目' });
  await expect(hits).toContainText(KNOWN);
  await expect(hits).toContainText('100.0%');
  await isAccessible(page);
  await page.screenshot({ path: info.outputPath('why.png') });

  const editor = await people.admin('editor1');
  await editor.go('知识库');
  await editor.page.getByRole('tab', { name: '小申', exact: true }).click();
  const form = editor.page.getByRole('form', { name: '试一试' });
  await form.getByRole('textbox', { name: '问法' }).fill('居住证掉了哪能办');
  await editor.page.keyboard.press('Enter');
  await expect(editor.page.getByRole('table', { name: '最接近的条目' })).toContainText(KNOWN);
  await editor.button('立即拟合').click();
  await expect(editor.page.getByText('会话标签还不够')).toBeVisible();
  // Insults are counted, and nothing of whose they were.
  await expect(editor.page.getByText('近 30 天没有不文明留言')).toBeVisible();
  await (await people.citizen('李娜（个人）')).write('他妈的');
  await editor.page.reload();
  const rude = editor.page.getByRole('table', { name: '不文明留言' });
  await expect(rude.getByRole('row')).toHaveCount(2);
  await expect(rude.getByRole('row').nth(1)).toContainText(/^\s*\d{4}-\d\d-\d\d\s*1\s*$/);
  await isAccessible(editor.page);
});
