/** Administration: what is changed here holds at once, nothing of two people is lost, and everything is told. */
import { readFileSync } from 'node:fs';
import type { Admin } from './support/admin';
import { expect, isAccessible, test } from './support/fixtures';

/** What somebody else has done is refused by the server, and the browser says so. */
const REFUSED = [/status of 4\d\d/];

test('a notice reaches an open panel and the console within seconds, and goes as quickly', async ({ people }) => {
  const widget = await people.citizen();
  const agent = await people.agent('agent1001');
  const admin = await people.admin();
  await admin.go('公告');
  await admin.button('新建公告').click();
  await admin.page.getByRole('radio', { name: /^故障/ }).check();
  await admin.field('内容').fill('居住证系统升级，今天 18:00 前暂停办理。');
  await admin.pick('涉及事项', '居住证办理');
  await admin.save();

  const shown = widget.root.getByTestId('notices');
  await expect(shown).toContainText('居住证系统升级');
  await expect(shown).toContainText('故障');
  await expect(shown.getByRole('button')).toHaveCount(0);
  await isAccessible(widget.page);
  await expect(agent.page.getByTestId('notices')).toContainText('居住证系统升级');
  // Somebody who asks about something else is not told.
  const other = await people.citizen('李娜（个人）', { item: 'passport' });
  await expect(other.root.getByTestId('notices')).not.toContainText('居住证系统升级');

  await admin.page.getByRole('radio', { name: /^提醒/ }).check();
  await admin.save();
  await shown.getByRole('button', { name: /^知道了/ }).click();
  await expect(shown).not.toContainText('居住证系统升级');
  await expect(agent.page.getByTestId('notices')).toContainText('提醒');
  await admin.remove();
  await expect(agent.page.getByTestId('notices')).not.toContainText('居住证系统升级');
  // And back: the undo puts the last version in force again, and the list shows it.
  await expect(admin.page.getByRole('table')).not.toContainText('居住证系统升级');
  await admin.toasts.getByRole('button', { name: '撤销' }).click();
  await expect(admin.page.getByRole('table')).toContainText('居住证系统升级');
  await expect(agent.page.getByTestId('notices')).toContainText('居住证系统升级');
});

test('a canned answer is found by its code and changed before it is sent', async ({ people }) => {
  const admin = await people.admin();
  await admin.go('常用语');
  await admin.button('新建常用语').click();
  await admin.field('短代码').fill('bz');
  await admin.field('标题').fill('补正材料');
  await admin.field('内容').fill('我是{me}，请补充身份证复印件。');
  await admin.pick('技能组', '居住与户籍');
  await admin.save();

  const widget = await people.citizen();
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await agent.reply.pressSequentially('/');
  const search = agent.page.getByRole('combobox', { name: '搜索答复口径' });
  await search.pressSequentially('bz');
  await expect(agent.page.getByRole('option').first()).toContainText('补正材料');
  await agent.page.keyboard.press('Enter');
  await expect(agent.reply).toHaveValue('我是李敏，请补充身份证复印件。');
  await expect(widget.thread).not.toContainText('请补充身份证复印件');
  await agent.reply.press('End');
  await agent.reply.pressSequentially('谢谢');
  await agent.reply.press('Enter');
  await expect(widget.message('我是李敏，请补充身份证复印件。谢谢')).toBeVisible();
});

test('a blocked visitor is told until when, the bot goes on, and lifting works at once', async ({ people }) => {
  const widget = await people.citizen();
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await agent.page.getByRole('button', { name: '限制访客…' }).click();
  const dialog = agent.page.getByRole('dialog', { name: /^限制访客/ });
  await dialog.getByRole('button', { name: '提交' }).click();
  await expect(dialog.getByRole('alert')).toContainText('请填写原因');
  await dialog.getByRole('textbox', { name: '原因' }).fill('多次辱骂帮办员');
  await isAccessible(agent.page);
  await dialog.getByRole('button', { name: '提交' }).click();
  // An agent may only propose it.
  await expect(agent.page.getByText('已提交督导审批，批准前不生效')).toBeVisible();
  await agent.close('已解决');
  await widget.human.click();
  await expect(widget.queue).toBeVisible();
  await widget.button('取消排队').click();

  const supervisor = await people.admin('super1');
  await supervisor.go('黑名单');
  await expect(supervisor.page.getByRole('table')).toContainText('待批准');
  await supervisor.open('多次辱骂帮办员', '待批准');
  await supervisor.page.getByRole('checkbox', { name: /仅为帮办员的建议/ }).uncheck();
  await supervisor.save();
  await expect(supervisor.page.getByRole('table')).toContainText('限制中');

  await widget.human.click();
  await expect(widget.root.getByText(/暂不能使用人工帮办/).first()).toBeVisible();
  await expect(widget.queue).toBeHidden();
  await widget.write('转人工');
  await expect(widget.thread).toContainText(/您在 .+ 前暂不能使用人工帮办/);
  await widget.say('办居住证需要什么材料');
  await expect(widget.thread.locator('.bubble.bot_answer')).toBeVisible();

  await supervisor.remove();
  await widget.askHuman();
});

/** Two administrators with the same item before them. */
async function bothOpen(one: Admin, other: Admin) {
  for (const admin of [one, other]) {
    await admin.go('事项');
    await admin.open('居住证签注');
  }
}

test('two administrators save: the second one sees both sides and chooses', async ({ people, guard }) => {
  guard.allow(...REFUSED);
  const [one, other] = [await people.admin(), await people.admin()];
  await bothOpen(one, other);
  await one.field('英文名称').fill('Residence permit endorsement');
  await one.save();
  await other.field('事项名称').fill('居住证签注（续签）');
  await other.field('英文名称').fill('Endorsement');
  await other.page.getByRole('button', { name: /^保存/ }).click();
  const dialog = other.page.getByRole('dialog', { name: '他人已先保存' });
  await expect(dialog).toContainText('卢建平');
  await expect(dialog).toContainText('Residence permit endorsement');
  await isAccessible(other.page);
  await dialog
    .getByRole('row', { name: /英文名称/ })
    .getByRole('radio')
    .first()
    .check();
  await dialog.getByRole('button', { name: '按选择保存' }).click();
  await expect(dialog).toBeHidden();
  await expect(other.field('事项名称')).toHaveValue('居住证签注（续签）');
  await expect(other.field('英文名称')).toHaveValue('Residence permit endorsement');
  // The history tells both, and the first state can come back.
  await other.page.getByRole('tab', { name: '历史版本' }).click();
  const history = other.page.getByRole('list', { name: '历史版本' });
  await expect(history.getByRole('listitem')).toHaveCount(3);
  await history.getByRole('listitem').last().getByRole('button', { name: '恢复此版本' }).click();
  await other.page.getByRole('tab', { name: '内容' }).click();
  await expect(other.field('事项名称')).toHaveValue('居住证签注');
  // Unsaved changes are not lost by a step aside.
  await other.field('事项名称').fill('没保存');
  await other.nav.getByRole('link', { name: '公告' }).click();
  const leaving = other.page.getByRole('dialog', { name: '有未保存的更改' });
  await leaving.getByRole('button', { name: '继续编辑' }).click();
  await expect(other.field('事项名称')).toHaveValue('没保存');
  await other.nav.getByRole('link', { name: '公告' }).click();
  await leaving.getByRole('button', { name: '离开并放弃' }).click();
  await expect(other.page.getByRole('heading', { level: 1, name: '公告' })).toBeVisible();
});

test('a problem that the server finds stands at its field', async ({ people, guard }) => {
  guard.allow(...REFUSED);
  const admin = await people.admin();
  await admin.go('SLA 策略');
  await admin.button('新建SLA 策略').click();
  await admin.field('名称').fill('快速');
  await admin.page.getByRole('spinbutton', { name: '告警督导' }).fill('20');
  await admin.page.getByRole('button', { name: /^保存/ }).click();
  const alert = admin.page.getByRole('spinbutton', { name: '告警督导' });
  await expect(alert).toHaveAttribute('aria-invalid', 'true');
  await expect(alert).toBeFocused();
  await expect(alert).toHaveAccessibleDescription(/须大于提醒时间/);
  await isAccessible(admin.page);
});

test('an import with three bad rows names them, changes nothing, and then takes the others', async ({ people }) => {
  const admin = await people.admin();
  await admin.go('事项');
  await admin.page.getByRole('link', { name: '导入' }).click();
  const [download] = await Promise.all([
    admin.page.waitForEvent('download'),
    admin.page.getByRole('button', { name: '下载现有事项作模板' }).click(),
  ]);
  const lines = readFileSync(await download.path(), 'utf8')
    .replace(/^\ufeff/, '')
    .trimEnd()
    .split(/\r?\n/);
  const made = lines.slice(1, 8).map((line, at) => line.replace(/^[^,]+/, `story-${at}`));
  for (const at of [1, 3, 5]) made[at] = made[at]!.replace(/^[^,]+/, `Not A Code ${at}`);
  const file = { name: 'items.csv', mimeType: 'text/csv', buffer: Buffer.from([lines[0], ...made].join('\r\n')) };
  await admin.page.locator('input[type=file]').setInputFiles(file);
  await admin.button('试运行').click();
  await expect(admin.page.getByTestId('import-problems').getByRole('row')).toHaveCount(4);
  await isAccessible(admin.page);
  await expect(admin.page.getByRole('button', { name: /^导入 \d+ 条/ })).toBeDisabled();
  await admin.page.getByRole('checkbox', { name: /跳过 3 个有误的行/ }).check();
  await admin.page.getByRole('button', { name: '导入 4 条' }).click();
  await expect(admin.toasts).toContainText('已导入 4 条事项');
  await admin.page.getByRole('link', { name: '返回事项' }).last().click();
  await admin.page.getByRole('searchbox').fill('story-');
  await expect(admin.page.getByRole('table').getByRole('button')).toHaveCount(4);
});

test('a unit, a team, a member of staff and an item: the next citizen is offered to them, without a restart', async ({
  people,
  server,
}) => {
  const admin = await people.admin();
  await admin.go('组织');
  await admin.page
    .getByRole('treeitem', { name: /^徐汇区/ })
    .or(admin.page.getByRole('treeitem').filter({ hasText: '徐汇区' }))
    .first()
    .click();
  await admin.button('新建下级单位').click();
  await admin.field('单位代码').fill('xuhui-story');
  await admin.field('名称').fill('徐汇区政务服务试点办');
  await admin.save();
  await admin.button('新建技能组').click();
  await admin.field('技能组代码').fill('story');
  await admin.field('名称').fill('试点帮办');
  await admin.save();

  await admin.go('人员');
  await admin.button('新建人员').click();
  await admin.field('工号').fill('agent9001');
  await admin.field('姓名').fill('石晓光');
  await admin.button('添加授权').click();
  await admin.pick('技能组', '试点帮办');
  await admin.page.getByRole('button', { name: /^保存/ }).click();
  const password = await admin.page.getByTestId('one-time-password').innerText();
  expect(password.length).toBeGreaterThanOrEqual(12);
  await admin.button('我已记下').click();

  await admin.go('事项');
  await admin.button('新建事项').click();
  await admin.field('事项代码').fill('story-item');
  await admin.field('事项名称').fill('试点事项办理');
  await admin.pick('主管部门', '上海市公安局');
  await admin.pick('服务技能组', '试点帮办');
  await admin.save();

  const page = await people.page({ viewport: { width: 1440, height: 900 } });
  await page.goto(`${server.url}/console`);
  await page.getByRole('textbox', { name: '工号' }).fill('agent9001');
  await page.getByRole('textbox', { name: '密码' }).fill(password);
  await page.getByRole('button', { name: '登录', exact: true }).click();
  await page.getByRole('textbox', { name: '新密码' }).fill('Blau-39-Fenster');
  await page.locator('form [type=submit]').click();
  await expect(page.getByRole('radiogroup', { name: '我的状态' })).toBeVisible();
  await page
    .getByRole('radiogroup', { name: '我的状态' })
    .getByRole('radio', { name: '空闲可接' })
    .check({ force: true });

  const widget = await people.citizen('张伟（个人）', { item: 'story-item' });
  await widget.askHuman();
  await expect(page.getByRole('region', { name: '接入请求' })).toContainText('试点事项办理');
});

test('the audit log shows before and after, and is whole', async ({ people }) => {
  const admin = await people.admin();
  await admin.go('队列');
  await admin.open('医疗与民生');
  await admin.field('名称').fill('医保帮办（试）');
  await admin.field('变更说明').fill('机构调整');
  await admin.save();
  await admin.go('审计');
  const line = admin.page.getByRole('row').filter({ hasText: '机构调整' });
  await line.getByRole('button').click();
  const diff = admin.page.getByRole('table', { name: '更改内容' });
  await expect(diff.locator('del')).toHaveText('医疗与民生');
  await expect(diff.locator('ins')).toHaveText('医保帮办（试）');
  await isAccessible(admin.page);
  await admin.button('校验完整性').click();
  await expect(admin.page.getByTestId('chain')).toContainText('✓ 完整');
});

test('grants decide what is there: an auditor changes nothing, an editor has the items', async ({ people }) => {
  const auditor = await people.admin('auditor1');
  await expect(auditor.nav.getByRole('link', { name: '审计' })).toBeVisible();
  await expect(auditor.nav.getByRole('link', { name: '个人信息' })).toHaveCount(0);
  await auditor.go('事项');
  await expect(auditor.button('新建事项')).toHaveCount(0);
  await auditor.open('居住证办理');
  await expect(auditor.page.getByText('您没有修改权限，仅供查看')).toBeVisible();
  await expect(auditor.field('事项名称')).toBeDisabled();
  const editor = await people.admin('editor1');
  await editor.go('事项');
  await expect(editor.button('新建事项')).toBeVisible();
  await expect(editor.nav.getByRole('link', { name: '审计' })).toHaveCount(0);
});

test('every screen is accessible, in both languages', async ({ people, server }) => {
  const admin = await people.admin();
  const screens = await admin.nav.getByRole('link').allInnerTexts();
  expect(screens).toHaveLength(20);
  const addresses: string[] = [];
  const title = admin.page.getByRole('heading', { level: 1 });
  for (const name of screens) {
    await admin.nav.getByRole('link', { name, exact: true }).click();
    // Screens of several pages begin with the first one; who administers inspects nothing, and so begins with the cards.
    const first: Record<string, string> = { 质检: '评分卡', 任务: '任务看板', 消息通知: '消息通知记录' };
    await expect(title).toHaveText(first[name] ?? name);
    await isAccessible(admin.page);
    addresses.push(new URL(admin.page.url()).hash);
    const make = admin.page.getByRole('button', { name: /^新建/ }).first();
    if (!(await make.isVisible())) continue;
    await make.click();
    await expect(admin.page.getByRole('button', { name: /^保存/ })).toBeVisible();
    await isAccessible(admin.page);
  }
  for (const [n, address] of [...addresses, '#/units/unit:xuhui'].entries()) {
    // Another address each time, so that the page is loaded again.
    await admin.page.goto(`${server.url}/admin?lang=en&n=${n}${address}`);
    await expect(title).toHaveText(/^[A-Z]/);
    await isAccessible(admin.page);
    const make = admin.page.getByRole('button', { name: /^New / }).first();
    if (!(await make.isVisible())) continue;
    await make.click();
    await expect(admin.page.getByRole('button', { name: /^Save/ })).toBeVisible();
    await isAccessible(admin.page);
  }
  await expect(admin.page.getByRole('treeitem', { selected: true })).toBeVisible();
});

test('the tree of units by keyboard', async ({ people }) => {
  const admin = await people.admin();
  await admin.go('组织');
  const tree = admin.page.getByRole('tree', { name: '组织' });
  await tree.getByRole('treeitem').first().focus();
  await admin.page.keyboard.press('ArrowDown');
  await admin.page.keyboard.press('ArrowRight');
  await admin.page.keyboard.press('ArrowRight');
  const focused = tree.locator('[role=treeitem]:focus');
  await expect(focused).toHaveAttribute('aria-level', '3');
  await admin.page.keyboard.press('ArrowLeft');
  await expect(focused).toHaveAttribute('aria-level', '2');
  await admin.page.keyboard.press('Enter');
  await expect(admin.page.getByRole('tab', { name: '历史版本' })).toBeVisible();
});
