/**
 * Knowledge that learns: nobody knows an answer, an agent gives it, it is written back, reviewed and published, the next citizen
 * gets it from 小申, with its source and without a human, and the first one and the agent are told.
 */
import { expect, isAccessible, test } from './support/fixtures';
import { colourAt, drag, paste, pdf, png } from './support/media';

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

/** A file as somebody drops it. */
const upload = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });

test('review points are written, changed, removed and taken back, imported and exported', async ({ people }) => {
  const editor = await people.admin('editor1');
  const { page } = editor;
  await editor.go('知识库');
  await page.getByRole('tab', { name: '审查要点' }).click();
  await expect(page.getByText('请先选择事项')).toBeVisible();
  await isAccessible(page);
  const item = page.getByRole('combobox', { name: '事项', exact: true });
  await item.fill('居住证办理');
  await page
    .getByRole('option', { name: /^居住证办理/ })
    .first()
    .click();
  await expect(page.getByText('该事项还没有审查要点')).toBeVisible();
  await editor.button('新增要点').click();
  await page.getByRole('textbox', { name: '条件或材料' }).fill('照片');
  await page.getByRole('textbox', { name: '审查规则' }).fill('一寸，白底');
  await page.getByRole('textbox', { name: '依据' }).fill('《居住证暂行条例》第九条');
  await isAccessible(page);
  await page.keyboard.press('Enter');
  await expect(editor.toasts).toContainText('审查要点已保存');
  const table = page.getByRole('table', { name: '审查要点' });
  await expect(table.getByRole('row').nth(1)).toContainText('一寸，白底');
  await editor.button('修改 照片').click();
  await page.getByRole('textbox', { name: '审查规则' }).fill('一寸，蓝底');
  await editor.button('保存要点').click();
  await expect(table.getByRole('row').nth(1)).toContainText('一寸，蓝底');
  await editor.button('删除 照片').click();
  await expect(page.getByText('该事项还没有审查要点')).toBeVisible();
  await editor.toasts.getByRole('button', { name: '撤销' }).click();
  await expect(table.getByRole('row').nth(1)).toContainText('一寸，蓝底');

  // A file with a bad row is named and changes nothing; then the good one goes in.
  await page.getByRole('link', { name: '导入' }).click();
  const head = '事项,类别,条件或材料,审查规则,依据';
  const rows = '居住证办理,材料,居民身份证,在有效期内,条例\n居住证办理,条件,居住满半年,以居住登记为准,条例';
  const input = page.locator('input[type=file]');
  await input.setInputFiles(upload('points.csv', `${head}\n${rows}\n居住证办理,别的,甲,乙,条例\n`));
  await editor.button('试运行').click();
  await expect(page.getByTestId('import-problems').getByRole('row')).toHaveCount(2);
  await expect(page.getByTestId('import-problems')).toContainText('4');
  await isAccessible(page);
  await editor.button('换一个文件').click();
  await input.setInputFiles(upload('points.csv', `${head}\n${rows}\n`));
  await editor.button('试运行').click();
  await editor.button('导入 2 条').click();
  await expect(editor.toasts).toContainText('已导入 2 条审查要点');
  await page.getByRole('link', { name: '返回审查要点' }).last().click();
  await item.fill('居住证办理');
  await page
    .getByRole('option', { name: /^居住证办理/ })
    .first()
    .click();
  await expect(table.getByRole('row')).toHaveCount(4);
  const [file] = await Promise.all([page.waitForEvent('download'), editor.button('导出 JSONL').click()]);
  expect(file.suggestedFilename()).toBe('review-points.jsonl');
});

test('entries come from a file, and other wordings of those who asked become similar questions', async ({ people }) => {
  const editor = await people.admin('editor1');
  const { page } = editor;
  await editor.go('知识库');
  await page.getByRole('link', { name: '导入' }).click();
  const line = { question: QUESTION, answer: '请到窗口重新签注。', item: 'residence-permit', audience: 'person' };
  const input = page.locator('input[type=file]');
  await input.setInputFiles(upload('kb.jsonl', `${JSON.stringify(line)}\n{"question":"短","answer":""}\n`));
  await editor.button('试运行').click();
  await expect(page.getByTestId('import-problems').getByRole('row')).toHaveCount(2);
  await isAccessible(page);
  await editor.button('换一个文件').click();
  await input.setInputFiles(upload('kb.jsonl', `${JSON.stringify(line)}\n`));
  await editor.button('试运行').click();
  await editor.button('导入 1 条').click();
  await expect(editor.toasts).toContainText('已导入 1 条，等待审核');

  // The same answer to a question in other words is one more source of it.
  const citizen = await people.citizen();
  const other = '量子签注机报七七怎么弄';
  await citizen.say(other);
  await citizen.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await agent.say(line.answer);
  const dialog = await agent.closing();
  await dialog.getByRole('radio', { name: '已解决', exact: true }).check();
  await agent.page.keyboard.press('k');
  await dialog.getByRole('button', { name: '确认办结' }).click();
  await expect(dialog).toBeHidden();
  await page.getByRole('link', { name: '返回知识库' }).last().click();
  await page.getByRole('button', { name: `打开 ${QUESTION}` }).click();
  const panel = page.getByRole('region', { name: QUESTION });
  await panel.getByRole('button', { name: '撤回修改' }).click();
  const suggested = panel.getByRole('button', { name: `加入相似问法：${other}` });
  await expect(suggested).toBeVisible();
  await isAccessible(page);
  await suggested.click();
  await expect(suggested).toBeHidden();
  await page.keyboard.press('Control+s');
  await expect(editor.toasts).toContainText('草稿已保存');
  await panel.getByRole('tab', { name: '历史版本' }).click();
  await panel.getByText('第 1 版').click();
  await expect(panel.getByRole('table', { name: '第 1 版' })).toContainText(other);
});

test('an answer has a picture and a form: pasted, dropped, taken back, reviewed, and seen by the citizen', async ({
  people,
  guard,
}) => {
  // What is no picture is refused.
  guard.allow(/status of 415/);
  const editor = await people.admin('editor1');
  await editor.go('知识库');
  const { page } = editor;
  await editor.button('新建条目').click();
  const make = page.getByRole('region', { name: '新建条目' });
  await make.getByRole('combobox', { name: '责任单位' }).fill('公安');
  await page
    .getByRole('option', { name: /^上海市公安局/ })
    .first()
    .click();
  await make.getByRole('textbox', { name: '标准问题' }).fill(QUESTION);
  await make.getByRole('textbox', { name: '依据' }).fill('上海市公安局');
  const answer = make.getByRole('textbox', { name: '答复口径' });
  await answer.fill('签注窗口如下：');

  // A lie is named and leaves nothing; the words between the brackets are selected to be written over.
  const chooser = make.getByTestId('answer-file');
  await chooser.setInputFiles({ name: '坏.png', mimeType: 'image/png', buffer: Buffer.from('<html></html>') });
  await expect(make.getByRole('alert')).toContainText('坏.png 未能插入');
  await isAccessible(page);
  await make.getByRole('button', { name: '知道了' }).click();
  await paste(answer, 'image.png', 'image/png', png(900, 600, [210, 30, 40], [30, 60, 200]));
  await expect(answer).toHaveValue(/!\[图片说明\]\(fl_[0-9a-f]{32}\)$/);
  await page.keyboard.insertText('签注窗口位置');
  await expect(answer).toHaveValue(/!\[签注窗口位置\]\(fl_[0-9a-f]{32}\)$/);
  const preview = make.getByRole('complementary', { name: '市民看到的样子' });
  const picture = preview.getByRole('img', { name: '签注窗口位置' });
  await expect(picture).toBeVisible();

  // Undone by its button, and put in again.
  await editor.toasts.getByRole('button', { name: '撤销' }).last().click();
  await expect(answer).toHaveValue('签注窗口如下：');
  await chooser.setInputFiles({
    name: '窗口.png',
    mimeType: 'image/png',
    buffer: png(900, 600, [210, 30, 40], [30, 60, 200]),
  });
  await expect(answer).toHaveValue(/!\[图片说明\]/);
  await page.keyboard.insertText('签注窗口位置');
  await answer.press('End');
  await page.keyboard.insertText('\n\n请填写');
  await drag(answer, true, '申请表.pdf', 'application/pdf', pdf());
  await expect(answer).toHaveValue(/\[申请表\]\(fl_[0-9a-f]{32}\)$/);
  await expect(preview.getByRole('button', { name: /^下载 申请表/ })).toBeVisible();
  await expect(picture).toBeVisible();
  await isAccessible(page);
  await page.keyboard.press('Control+s');
  await expect(editor.toasts).toContainText('草稿已保存');
  const panel = page.getByRole('region', { name: QUESTION });
  await panel.getByRole('button', { name: '提交审核' }).click();

  // The second person sees what they publish.
  const second = await people.admin('super1');
  await second.go('知识库');
  await second.page.getByRole('tab', { name: '待审', exact: true }).click();
  await second.page.getByRole('button', { name: `打开 ${QUESTION}` }).click();
  await expect(second.page.getByRole('img', { name: '签注窗口位置' })).toBeVisible();
  await expect(second.page.getByRole('table', { name: '内容' })).toContainText('申请表.pdf');
  await second.button('审核通过并发布').click();
  await expect(second.toasts).toContainText('已发布');

  // The citizen sees its pixels, enlarges it by the keyboard, and gets the form.
  const citizen = await people.citizen();
  await citizen.write(QUESTION);
  const seen = citizen.thread.getByRole('img', { name: '签注窗口位置' });
  await expect(seen).toBeVisible();
  const [r, g, b] = await colourAt(seen, 0.25, 0.5);
  expect(r! > 150 && g! < 90 && b! < 90, `${r} ${g} ${b}`).toBe(true);
  const other = await colourAt(seen, 0.75, 0.5);
  expect(other[2]! > 150 && other[0]! < 90, String(other)).toBe(true);
  await isAccessible(citizen.page);
  await citizen.thread.getByRole('button', { name: '查看大图：签注窗口位置' }).press('Enter');
  await expect(citizen.page.getByRole('dialog', { name: '图片：签注窗口位置' })).toBeVisible();
  await isAccessible(citizen.page);
  await citizen.page.keyboard.press('Escape');
  const [file] = await Promise.all([
    citizen.page.waitForEvent('download'),
    citizen.thread.getByRole('button', { name: /^下载 申请表/ }).click(),
  ]);
  expect(file.suggestedFilename()).toBe('申请表.pdf');

  // An agent puts the answer into a reply, and both go with it.
  await citizen.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await citizen.write(QUESTION);
  await expect(agent.page.getByTestId('assist').locator('mark').first()).toBeVisible();
  await agent.reply.focus();
  await agent.page.keyboard.press('Alt+Shift+Digit1');
  await expect(agent.reply).toHaveValue(/（见图：签注窗口位置）/);
  await expect(agent.page.getByText('附图片和附件 2 个')).toBeVisible();
  await agent.page.keyboard.press('Enter');
  await expect(agent.thread.getByRole('img', { name: '窗口', exact: true })).toBeVisible();
  await expect(citizen.thread.getByRole('img', { name: '窗口', exact: true })).toBeVisible();
  await isAccessible(agent.page);
});

test('what a policy needed earlier is published late with a reason only, which stands at its task', async ({
  people,
  guard,
}, info) => {
  // The refusal that asks for the reason.
  guard.allow(/status of 400/);
  const title = '补贴新政怎么申领';
  const editor = await people.admin('editor1');
  const { page } = editor;
  await editor.go('任务');
  await page.getByRole('tab', { name: '政策登记' }).click();
  await editor.button('登记政策').click();
  const register = page.getByRole('dialog', { name: '登记政策' });
  await register.getByRole('textbox', { name: '政策名称' }).fill('补贴新政');
  await register.getByRole('textbox', { name: /每行一个问题/ }).fill(title);
  await register.getByRole('button', { name: '登记', exact: true }).click();
  await expect(page.getByRole('article', { name: '补贴新政' }).getByRole('listitem')).toHaveCount(1);
  await page.getByRole('tab', { name: '任务看板' }).click();
  await page.getByRole('button', { name: `打开任务：${title}` }).click();
  const task = page.getByRole('region', { name: title });
  await task.getByRole('link', { name: '起草条目' }).click();
  const make = page.getByRole('region', { name: '新建条目' });
  await expect(make.getByRole('textbox', { name: '标准问题' })).toHaveValue(title);
  await make.getByRole('textbox', { name: '答复口径' }).fill('请在一网通办在线申领。');
  await make.getByRole('textbox', { name: '依据' }).fill('补贴新政第三条');
  await editor.button('保存草稿').click();
  await editor.button('提交审核').click();
  await expect(editor.toasts).toContainText('已提交');

  const supervisor = await people.admin('super1');
  await supervisor.go('知识库');
  const second = supervisor.page;
  await second.getByRole('tab', { name: '待审', exact: true }).click();
  await second
    .getByRole('table', { name: '待审队列' })
    .getByRole('button', { name: `打开 ${title}` })
    .click();
  await supervisor.button('审核通过并发布').click();
  const dialog = second.getByRole('dialog', { name: '说明原因并发布' });
  await expect(dialog).toContainText('政策要求的期限已过');
  await expect(dialog.getByRole('listitem')).toHaveCount(0);
  const anyway = dialog.getByRole('button', { name: '说明原因并发布' });
  await dialog.getByRole('textbox', { name: /原因/ }).fill('晚');
  await expect(anyway).toBeDisabled();
  await isAccessible(second);
  await second.screenshot({ path: info.outputPath('late.png') });
  await dialog.getByRole('textbox', { name: /原因/ }).fill('政策当天才印发');
  await anyway.click();
  await expect(supervisor.toasts).toContainText('已发布');

  await editor.go('任务');
  await page.getByRole('tab', { name: '任务看板' }).click();
  await page.getByRole('combobox', { name: '状态' }).selectOption('done');
  await page.getByRole('button', { name: `打开任务：${title}` }).click();
  await expect(task).toContainText('逾期发布');
  await expect(task).toContainText('政策当天才印发');
});
