/**
 * 按步骤引导: a citizen answers what still matters, goes back, reloads, the server dies, and the checklist comes; whoever takes
 * over sees the answers; and a guide is written, tried out, reviewed and published.
 */
import type { Locator } from '@playwright/test';
import { expect, isAccessible, LOST_LINK, test } from './support/fixtures';
import type { Widget } from './support/widget';

/** The card of the dialogue that is asked or was found. */
const card = (widget: Widget, name: string): Locator => widget.thread.getByRole('group', { name, exact: true }).last();
const answer = (widget: Widget, name: string, choice: string) =>
  card(widget, name).getByRole('button', { name: choice, exact: true }).click();

test('from the greeting to the checklist, with a step back, a reload and a restart of the server', async ({
  people,
  server,
  guard,
}) => {
  guard.allow(...LOST_LINK);
  const widget = await people.citizen();
  await widget.thread.getByRole('button', { name: '按步骤引导：居住证办理' }).click();
  const what = card(widget, '您要办哪一项？');
  await expect(what).toContainText('第 1 步，最多 3 步');
  await isAccessible(widget.page);
  // By keyboard alone: who answered is led to the next question.
  await what.getByRole('button', { name: '首次申领居住证' }).focus();
  await widget.page.keyboard.press('Enter');
  const registered = card(widget, '居住登记满半年了吗？');
  await expect(registered).toContainText('第 2 步，最多 3 步');
  await expect(registered.getByRole('heading', { name: '居住登记满半年了吗？' })).toBeFocused();
  await expect(what.getByRole('button', { name: '首次申领居住证' })).toBeDisabled();
  await widget.page.keyboard.press('Tab');
  await widget.page.keyboard.press('Tab');
  await widget.page.keyboard.press('Enter');
  await expect(widget.message('还不满半年').last()).toBeVisible();
  // Led there, too: before that the thread still moves, and a press may meet what stood there.
  const wait = '办事清单：先等居住登记满半年';
  await expect(card(widget, wait).getByRole('heading', { name: wait })).toBeFocused();
  await answer(widget, wait, '返回上一步');
  await expect(registered.getByRole('heading', { name: '居住登记满半年了吗？' })).toBeFocused();
  await answer(widget, '居住登记满半年了吗？', '满半年了');
  await expect(card(widget, '您凭哪一项申领？')).toContainText('第 3 步，最后一步');

  // A reload in the middle.
  await widget.page.reload();
  await expect(card(widget, '您凭哪一项申领？').getByRole('button', { name: '在本市就业' })).toBeEnabled();
  // Something else in between: one press leads back.
  await widget.say('谢谢');
  const strip = widget.root.getByRole('region', { name: '按步骤引导', exact: true });
  await expect(strip).toContainText('第 3 步，最后一步');
  await strip.getByRole('button', { name: '继续引导' }).click();
  await expect(card(widget, '您凭哪一项申领？').getByRole('heading')).toBeFocused();

  // The power goes; the page stays open and goes on.
  await server.kill9();
  await expect(widget.banner).toBeVisible();
  await server.restart();
  await expect(widget.banner).toBeHidden();
  await answer(widget, '您凭哪一项申领？', '在本市有住所');
  const list = card(widget, '办事清单：首次申领：合法稳定住所');
  for (const part of ['办理条件', '所需材料', '租赁合同', '首次申领免费', '上海市公安局']) {
    await expect(list).toContainText(part);
  }
  await expect(list.getByRole('link')).toHaveAttribute('href', /^https:\/\/[a-z.]+\.gov\.cn\//);
  await isAccessible(widget.page);
  await widget.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await list.getByRole('button', { name: '复制清单' }).click();
  await expect(list.getByRole('status')).toHaveText('清单已复制');
  const copied = await widget.page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toMatch(/^办事清单：首次申领：合法稳定住所\n办理条件\n1\. /);
  // What is printed is the list alone.
  await widget.page.evaluate(() => {
    window.print = () => {};
  });
  await list.getByRole('button', { name: '打印清单' }).click();
  await widget.page.emulateMedia({ media: 'print' });
  await expect(widget.page.locator('.print-sheet')).toBeVisible();
  await expect(widget.thread).toBeHidden();
  await expect(widget.page.locator('.print-sheet').getByRole('button')).toHaveCount(0);
  await widget.page.emulateMedia({ media: 'screen' });
  await widget.page.evaluate(() => window.dispatchEvent(new Event('afterprint')));
  await expect(widget.page.locator('.print-sheet')).toHaveCount(0);
});

test('what is said is not asked, what is skipped leaves several, and elder mode has room for it', async ({
  people,
}, info) => {
  const widget = await people.citizen('李娜（个人）', { item: 'passport' });
  await widget.say('护照丢了怎么补发');
  const bubble = widget.thread
    .locator('.bubble')
    .filter({ has: widget.button('按步骤引导：普通护照签发') })
    .last();
  await bubble.getByRole('button', { name: '按步骤引导：普通护照签发' }).click();
  const age = card(widget, '申请人满 16 周岁了吗？');
  await expect(age).toContainText('已知：您要办哪一项？ 护照丢了，补发');
  await expect(age).toContainText('第 1 步，最后一步');
  await widget.page.getByRole('button', { name: /^切换到长者版/ }).click();
  await age.scrollIntoViewIfNeeded();
  await widget.page.screenshot({ path: info.outputPath('elder-question.png') });
  await age.getByRole('button', { name: '不清楚，跳过' }).click();
  const several = card(widget, '以下情形都有可能，请选择最接近的一个');
  await expect(several.getByRole('button', { name: '遗失补发：满 16 周岁' })).toBeVisible();
  await isAccessible(widget.page);
  await answer(widget, '以下情形都有可能，请选择最接近的一个', '遗失补发：未满 16 周岁');
  const list = card(widget, '办事清单：遗失补发：未满 16 周岁');
  await expect(list).toContainText('监护关系证明');
  await list.scrollIntoViewIfNeeded();
  await widget.page.screenshot({ path: info.outputPath('elder-checklist.png') });
  // What was known may have been wrong: back, and it is asked.
  await answer(widget, '办事清单：遗失补发：未满 16 周岁', '返回上一步');
  await answer(widget, '以下情形都有可能，请选择最接近的一个', '返回上一步');
  await answer(widget, '申请人满 16 周岁了吗？', '返回上一步');
  await expect(card(widget, '您要办哪一项？')).toContainText('第 1 步，最多 2 步');
});

test('whoever leaves for a person repeats nothing: the answers stand in the console', async ({ people }) => {
  const widget = await people.citizen();
  await widget.thread.getByRole('button', { name: '按步骤引导：居住证办理' }).click();
  await answer(widget, '您要办哪一项？', '首次申领居住证');
  await expect(card(widget, '居住登记满半年了吗？')).toBeVisible();
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  const answered = agent.page.getByRole('region', { name: '引导已答' });
  await expect(answered).toContainText('首次申领居住证');
  await expect(answered).toContainText('未完成');
  await expect(agent.thread).toContainText('居住登记满半年了吗？');
  // The citizen may go on beside the person, and the person sees it.
  await answer(widget, '居住登记满半年了吗？', '还没有办居住登记');
  await expect(answered).toContainText('先办理居住登记');
  await expect(agent.thread).toContainText('办事清单：先办理居住登记');
  await isAccessible(agent.page);
});

test('a guide is written beside its preview, undone, refused where it leads nowhere, reviewed and in force', async ({
  people,
  guard,
}) => {
  guard.allow(/status of 400/);
  const editor = await people.admin('editor1');
  await editor.go('知识库');
  const { page } = editor;
  await page.getByRole('tab', { name: '引导', exact: true }).click();
  await expect(page.getByRole('table', { name: '按步骤引导' })).toContainText('演示数据');
  await isAccessible(page);
  await editor.pick('打开或新建事项的引导', '居住证签注');
  const guide = page.getByRole('region', { name: '居住证签注 · 按步骤引导' });
  const part = (name: string) => guide.getByRole('group', { name, exact: true });
  await part('问题 1').getByRole('textbox', { name: '问法', exact: true }).fill('居住地变了吗？');
  await guide.getByRole('textbox', { name: '问题 1 选项 1' }).fill('没有变');
  await guide.getByRole('textbox', { name: '问题 1 选项 2' }).fill('变了');
  for (const [n, name] of [
    [1, '居住地未变'],
    [2, '居住地已变更'],
  ] as const) {
    const group = guide.locator('fieldset').filter({ hasText: `情形 ${n}` });
    await group.getByLabel('名称').fill(name);
    await group.getByLabel('在哪里办').fill('社区事务受理服务中心');
    await group.getByLabel('多久').fill('当场');
    await group.getByLabel('费用').fill('免费');
    await group.getByLabel('依据').fill('上海市公安局');
  }
  const preview = guide.getByRole('region', { name: '市民看到的样子' });
  await expect(preview).toContainText('第 1 步，最后一步');
  await preview.getByRole('button', { name: '变了', exact: true }).click();
  await expect(preview).toContainText('办事清单：居住地已变更');
  await isAccessible(page);

  // A choice that no situation fits is named at its place, and undone.
  await guide.getByRole('button', { name: '增加选项' }).click();
  await guide.getByRole('textbox', { name: '问题 1 选项 3' }).fill('不知道');
  await expect(guide.getByText(/选了它就没有符合的情形/)).toBeVisible();
  await expect(guide.getByRole('textbox', { name: '问题 1 选项 3' })).toHaveAttribute('aria-invalid', 'true');
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Control+z');
  await expect(guide.getByRole('textbox', { name: '问题 1 选项 3' })).toHaveCount(0);
  await expect(guide.getByText(/选了它就没有符合的情形/)).toHaveCount(0);
  await page.keyboard.press('Control+s');
  await expect(editor.toasts).toContainText('草稿已保存');
  await editor.button('提交审核').click();
  await expect(editor.toasts).toContainText('已提交');
  await expect(guide).toContainText('您写过这一版，须由他人审核');
  await expect(guide.getByRole('button', { name: '审核通过并发布' })).toHaveCount(0);

  // A second person reviews it; from then on it is offered.
  const second = await people.admin('super1');
  await second.go('知识库');
  await second.page.getByRole('tab', { name: '引导', exact: true }).click();
  await second.page.getByRole('table', { name: '按步骤引导' }).getByRole('button', { name: '居住证签注' }).click();
  await second.button('审核通过并发布').click();
  await expect(second.toasts).toContainText('已发布');
  const widget = await people.citizen('李娜（个人）', { item: 'residence-endorse' });
  await widget.thread.getByRole('button', { name: '按步骤引导：居住证签注' }).click();
  await answer(widget, '居住地变了吗？', '没有变');
  await expect(card(widget, '办事清单：居住地未变')).toContainText('免费');

  // In English, and without a violation.
  const english = await people.page({ viewport: { width: 420, height: 760 } });
  await english.goto(`${new URL(widget.page.url()).origin}/widget.html?item=residence-endorse&lang=en`);
  await english.getByRole('button', { name: /张伟/ }).click();
  await english.getByRole('button', { name: 'Step by step: 居住证签注' }).click();
  await expect(english.getByRole('group', { name: '居住地变了吗？', exact: true })).toContainText(
    'Step 1, the last one',
  );
  await isAccessible(english);
});
