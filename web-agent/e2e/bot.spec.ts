/**
 * 小申: a citizen is asked back and chooses; wants none of it twice and is handed to a person who reads what was tried; finds a
 * question while typing, by keyboard; follows on what was answered; and the thresholds and words that an editor keeps.
 */
import type { Locator } from '@playwright/test';
import { expect, isAccessible, test } from './support/fixtures';
import type { Widget } from './support/widget';

/** Asked back with, and no entry that is answered outright. */
const VAGUE = ['证件遗失怎么补办', '证件到期怎么换'] as const;

const options = (widget: Widget): Locator => widget.thread.getByRole('list', { name: '您想问的是哪一个？' }).last();

test('who is asked back chooses one and is answered', async ({ people }, info) => {
  const widget = await people.citizen('张伟（个人）', { item: '' });
  await expect(widget.thread).toContainText('常见问题（演示数据）');
  await widget.say(VAGUE[0]);
  const first = options(widget).getByRole('button').first();
  const question = await first.innerText();
  await isAccessible(widget.page);
  await widget.page.screenshot({ path: info.outputPath('clarify.png') });
  await first.click();
  await expect(widget.thread.locator('.bubble.bot_answer').last()).toContainText(question);
  await expect(options(widget).getByRole('button', { name: '以上都不是' })).toHaveCount(0);
});

test('who wants none of it twice is with a person at once, who reads what was tried', async ({ people }, info) => {
  const widget = await people.citizen('张伟（个人）', { item: '' });
  await widget.say('身份证丢了怎么补领？');
  await expect(widget.thread.locator('.bubble.bot_answer')).toBeVisible();
  await widget.say(VAGUE[0]);
  await options(widget).getByRole('button', { name: '以上都不是' }).click();
  await expect(widget.thread).toContainText('请换个说法再问一次');
  await widget.say(VAGUE[1]);
  await options(widget).getByRole('button', { name: '以上都不是' }).click();
  await expect(widget.thread).toContainText('我没能弄清您的问题');
  await expect(widget.queue).toBeVisible();
  await isAccessible(widget.page);
  const agent = await people.agent('agent1001');
  await agent.accept();
  const packet = agent.page.getByRole('region', { name: '小申交接' });
  for (const part of ['两次追问仍未弄清', '追问未果 2 次', VAGUE[1], '身份证丢了怎么补领？', '把握']) {
    await expect(packet).toContainText(part);
  }
  await packet.scrollIntoViewIfNeeded();
  await agent.page.screenshot({ path: info.outputPath('packet.png') });
  await isAccessible(agent.page);
});

test('a question is found while one types, and taken by keyboard alone', async ({ people }, info) => {
  const widget = await people.citizen('李娜（个人）', { item: '' });
  const { page } = widget;
  await widget.page.getByRole('button', { name: /^切换到长者版/ }).click();
  await widget.input.focus();
  await page.keyboard.type('居住证丢');
  const list = widget.root.getByRole('listbox', { name: '您可能想问' });
  await expect(list).toBeVisible();
  await expect(widget.root.getByRole('status').filter({ hasText: '个相近的问题' })).toHaveCount(1);
  await isAccessible(page);
  await page.screenshot({ path: info.outputPath('elder-suggestions.png') });
  // Away, and back with the next letter.
  await page.keyboard.press('Escape');
  await expect(list).toBeHidden();
  await expect(widget.input).toHaveValue('居住证丢');
  await page.keyboard.type('失');
  const wanted = list.getByRole('option', { name: '居住证丢失了怎么补办？' });
  await expect(wanted).toBeVisible();
  const place = (await list.getByRole('option').allInnerTexts()).indexOf('居住证丢失了怎么补办？');
  for (let at = 0; at <= place; at += 1) await page.keyboard.press('ArrowDown');
  await expect(wanted).toHaveAttribute('aria-selected', 'true');
  await expect(widget.input).toHaveAttribute('aria-activedescendant', (await wanted.getAttribute('id'))!);
  await expect(widget.input).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(widget.thread.locator('.bubble.bot_answer')).toContainText('居住证丢失了怎么补办？');
  await expect(widget.input).toHaveValue('');
  await expect(list).toBeHidden();
});

test('what follows on an answer is about it', async ({ people }) => {
  const widget = await people.citizen('张伟（个人）', { item: '' });
  await widget.say('驾驶证到期怎么换证？');
  await expect(widget.thread.locator('.bubble.bot_answer')).toHaveCount(1);
  await widget.say('那丢了呢');
  await expect(widget.thread.locator('.bubble').last()).toContainText('驾驶证丢失、损坏怎么补领？');
  // Small talk is no question, and nobody is handed over for it.
  await widget.say('谢谢');
  await expect(widget.thread).toContainText('不客气');
  await widget.say('着火了');
  await expect(widget.thread.getByRole('link', { name: /拨打\s*119/ })).toHaveAttribute('href', 'tel:119');
  await expect(widget.queue).toBeVisible();
});

test('a likely answer is checked by a person, who changes it, sends it by keyboard, or puts it aside', async ({
  people,
}, info) => {
  const editor = await people.admin('editor1');
  await editor.go('知识库');
  await editor.page.getByRole('tab', { name: '小申', exact: true }).click();
  await editor.page.getByRole('button', { name: '设置新阈值' }).click();
  // Whatever is not asked word for word, as far as anything is near.
  await editor.page.getByRole('spinbutton', { name: /^直接答复/ }).fill('0.9999');
  await editor.page.getByRole('spinbutton', { name: /^请人核对/ }).fill('0.05');
  await editor.page.getByRole('spinbutton', { name: /^追问/ }).fill('0.05');
  await editor.page.getByLabel('数据依据').fill('一周标注');
  await editor.page.getByLabel('原因').fill('请人核对');
  await editor.page.getByRole('button', { name: '保存阈值' }).click();
  const rows = editor.page.getByRole('table', { name: '阈值' }).getByRole('row');
  await expect(rows.nth(1).getByRole('cell').nth(2)).toHaveText('0.05');
  await expect(rows.nth(2).getByRole('cell').nth(2)).toHaveText('不启用');

  const agent = await people.agent('agent1001');
  const card = agent.page.getByRole('region', { name: '小申建议的答复，请核对' });
  const widget = await people.citizen('张伟（个人）', { item: '' });
  await widget.say(VAGUE[0]);
  await expect(widget.thread).toContainText('正在请工作人员核对');
  await expect(widget.queue).toBeVisible();
  await isAccessible(widget.page);
  await widget.page.screenshot({ path: info.outputPath('being-checked.png') });
  await agent.accept();
  await expect(agent.page.getByRole('region', { name: '小申交接' })).toContainText('找到可能的答案，请人核对');
  await expect(card).toContainText('把握');
  await isAccessible(agent.page);
  await agent.page.screenshot({ path: info.outputPath('proposed.png') });
  // Nothing of it has been said yet.
  const answer = await card.locator('.answer p').first().innerText();
  await expect(widget.thread).not.toContainText(answer.slice(0, 20));
  await card.getByRole('button', { name: '修改后发送' }).click();
  await expect(card).toBeHidden();
  await expect(agent.reply).toBeFocused();
  await expect(agent.reply).toHaveValue(answer);
  await agent.say('请带上身份证到就近的窗口补办。');
  await expect(widget.thread).toContainText('请带上身份证到就近的窗口补办。');
  await agent.close('已解决');

  const other = await people.citizen('李娜（个人）', { item: '' });
  await other.say(VAGUE[0]);
  await agent.accept();
  await expect(card).toBeVisible();
  await agent.page.keyboard.press('Alt+S');
  await expect(card.getByRole('button', { name: '核对并发送' })).toBeFocused();
  await agent.page.keyboard.press('Enter');
  await expect(card).toBeHidden();
  await expect(agent.reply).toBeFocused();
  await expect(agent.thread.locator('.bubble.mine').last()).toContainText('官方口径');
  await expect(other.thread).toContainText(answer.slice(0, 20));
  await agent.close('已解决');

  // Who comes back with another question is with a person again.
  await widget.say(VAGUE[1]);
  await agent.accept();
  await card.getByRole('button', { name: '不合适' }).click();
  await expect(card).toBeHidden();
  await expect(agent.thread).toContainText('小申建议的答复不合适，未发送');
  await expect(widget.thread).not.toContainText('不合适');
  await agent.page.reload();
  await expect(agent.thread).toContainText('小申建议的答复不合适，未发送');
  await expect(card).toBeHidden();
});

test('thresholds and words are kept by an editor, in both languages, and hold at once', async ({
  people,
  guard,
}, info) => {
  guard.allow(/status of 400/);
  const editor = await people.admin('editor1');
  await editor.go('知识库');
  const { page } = editor;
  await page.getByRole('tab', { name: '小申', exact: true }).click();
  const table = page.getByRole('table', { name: '阈值' });
  await expect(table.getByRole('row')).toHaveCount(2);
  await isAccessible(page);
  await page.screenshot({ path: info.outputPath('bot-page.png') });
  await page.getByRole('button', { name: '设置新阈值' }).click();
  const answers = page.getByRole('spinbutton', { name: /^直接答复/ });
  await answers.fill('0.1');
  await page.getByRole('spinbutton', { name: /^追问/ }).fill('0.4');
  await page.getByLabel('数据依据').fill('一周标注');
  await page.getByLabel('原因').fill('更谨慎');
  await page.getByRole('button', { name: '保存阈值' }).click();
  await expect(answers).toHaveAttribute('aria-invalid', 'true');
  await answers.fill('0.95');
  await page.getByRole('button', { name: '保存阈值' }).click();
  await expect(table.getByRole('row').nth(1)).toContainText('0.95');
  await page.getByRole('button', { name: '回到此版：第 0 版' }).click();
  await page.getByLabel('原因').fill('恢复');
  await page.getByRole('button', { name: '回到此版', exact: true }).first().click();
  await expect(table.getByRole('row').nth(1)).toContainText('回到第 0 版 · 恢复');

  const words = page.getByRole('table', { name: '词表' });
  await page.getByRole('textbox', { name: /^词语/ }).fill('小蓝卡');
  await page.getByRole('textbox', { name: /^读作/ }).fill('居住证');
  await page.getByRole('button', { name: '保存词语' }).click();
  await expect(words.getByRole('row', { name: /小蓝卡/ })).toContainText('自行添加');
  const widget = await people.citizen('张伟（个人）', { item: '' });
  await widget.say('小蓝卡怎么办理，需要什么材料？');
  await expect(widget.thread.locator('.bubble').last()).toContainText('居住证怎么办理，需要什么材料？');
  await page.getByRole('searchbox', { name: '查找词语' }).fill('小蓝卡');
  await expect(words.getByRole('row')).toHaveCount(2);
  await page.getByRole('button', { name: '停用 小蓝卡' }).click();
  await expect(words.getByRole('row')).toHaveCount(1);
  await page.goto(page.url().replace('?', '?lang=en&'));
  await isAccessible(page);
});
