/** Typing Chinese, using no mouse, large type, narrow screens. */
import type { CDPSession, Locator, Page } from '@playwright/test';
import { expect, test } from './support/fixtures';
import { scrollsOnlyDown, tabTo, targetsAreAtLeast } from './support/measure';
import { Widget } from './support/widget';

/** Pinyin on its way to become characters, as an input method does it. */
async function compose(page: Page, field: Locator, pinyin: string): Promise<CDPSession> {
  const cdp = await page.context().newCDPSession(page);
  await field.focus();
  await cdp.send('Input.imeSetComposition', {
    text: pinyin,
    selectionStart: pinyin.length,
    selectionEnd: pinyin.length,
  });
  return cdp;
}

/** Enter as the browser reports it while an input method has it. */
async function enterWhileComposing(cdp: CDPSession): Promise<void> {
  for (const type of ['rawKeyDown', 'keyUp'] as const) {
    await cdp.send('Input.dispatchKeyEvent', { type, key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229 });
  }
}

/** Safari ends the composition first and only then tells of the Enter that ended it; its code stays 229. */
const lateEnter = (field: Locator) =>
  field.evaluate((element) =>
    element.dispatchEvent(
      new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', keyCode: 229, bubbles: true, cancelable: true }),
    ),
  );

test('Enter that chooses characters does not send, neither for the citizen nor for the agent', async ({ people }) => {
  const agent = await people.agent('agent1001');
  const widget = await people.citizen();
  await widget.askHuman();
  await agent.accept();
  for (const [page, field, thread] of [
    [widget.page, widget.input, widget.thread],
    [agent.page, agent.reply, agent.thread],
  ] as const) {
    const cdp = await compose(page, field, 'juzhuzheng');
    await enterWhileComposing(cdp);
    await expect(field).toHaveValue('juzhuzheng');
    await cdp.send('Input.insertText', { text: '居住证' });
    await expect(field).toHaveValue('居住证');
    await lateEnter(field);
    await expect(field).toHaveValue('居住证');
    await expect(thread.locator('.text').filter({ hasText: /^(juzhuzheng|居住证)$/ })).toHaveCount(0);
    await field.press('Shift+Enter');
    await field.press('End');
    await page.keyboard.insertText('第二行');
    await field.press('Enter');
    await expect(field).toHaveValue('');
    await expect(
      thread
        .locator('.bubble')
        .filter({ hasText: /居住证\s*第二行/ })
        .last(),
    ).toBeVisible();
  }
});

test('the whole way without a mouse: identity, question, person, talk, rating', async ({ people, server }) => {
  const agent = await people.agent('agent1001');
  const page = await people.page({ viewport: { width: 420, height: 760 } });
  await page.goto(`${server.url}/widget.html?item=residence-permit`);
  const widget = new Widget(page);
  await tabTo(page, widget.button('张伟（个人）'));
  await page.keyboard.press('Enter');
  await expect(widget.thread).toContainText('您好，我是智能客服小申');
  await tabTo(page, widget.input);
  await page.keyboard.insertText('办居住证需要什么材料');
  await page.keyboard.press('Enter');
  await expect(widget.thread.locator('.bubble.bot_answer')).toBeVisible();
  await tabTo(page, widget.human);
  await page.keyboard.press('Enter');
  await expect(widget.queue).toBeVisible();

  await agent.page.keyboard.press('Alt+a');
  await expect(async () => {
    await agent.page.keyboard.press('Alt+a');
    await expect(agent.reply).toBeFocused({ timeout: 500 });
  }).toPass();
  await agent.page.keyboard.insertText('您好，我来帮您');
  await agent.page.keyboard.press('Enter');
  await expect(widget.message('您好，我来帮您')).toBeVisible();

  await tabTo(page, widget.input);
  await page.keyboard.insertText('谢谢，已经明白了');
  await page.keyboard.press('Enter');
  await expect(agent.message('谢谢，已经明白了')).toBeVisible();

  await agent.page.keyboard.press('Alt+e');
  const dialog = agent.page.getByRole('dialog', { name: /^办结会话/ });
  await expect(dialog).toBeVisible();
  await agent.page.keyboard.press('1');
  await agent.page.keyboard.press('Enter');
  await expect(dialog).toBeHidden();

  await expect(widget.rating).toBeVisible();
  await tabTo(page, widget.rating.getByRole('radio').first());
  for (let n = 1; n < 5; n++) await page.keyboard.press('ArrowRight');
  await expect(widget.rating.getByRole('radio', { name: '非常满意', exact: true })).toBeChecked();
  await tabTo(page, widget.button('提交评价'));
  await page.keyboard.press('Enter');
  await expect(widget.root.getByRole('region', { name: '感谢您的评价' })).toBeVisible();
});

for (const { name, query, least } of [
  { name: 'as usual', query: '', least: 44 },
  { name: 'in 长者版', query: '&elder=1', least: 60 },
]) {
  test(`on a screen of 320 px, ${name}: targets of ${least} px, large enough type, nothing sideways`, async ({
    people,
    server,
  }) => {
    const page = await people.page({ viewport: { width: 320, height: 640 } });
    await page.goto(`${server.url}/widget.html?item=residence-permit${query}`);
    const widget = new Widget(page);
    const look = async () => {
      await targetsAreAtLeast(page, least);
      await scrollsOnlyDown(page);
    };
    await expect(widget.button('张伟（个人）')).toBeVisible();
    await look();
    await widget.button('张伟（个人）').click();
    await widget.say('办居住证需要什么材料');
    await expect(widget.thread.locator('.bubble.bot_answer')).toBeVisible();
    await look();
    const size = await widget
      .message('办居住证需要什么材料')
      .evaluate((bubble) => parseFloat(getComputedStyle(bubble).fontSize));
    expect(size).toBeGreaterThanOrEqual(least === 60 ? 18 : 14);
    await widget.askHuman();
    await look();
    const agent = await people.agent('agent1001');
    await agent.accept();
    await agent.say('请问有什么可以帮您');
    await expect(widget.message('请问有什么可以帮您')).toBeVisible();
    await look();
    await agent.close('已解决');
    await expect(widget.rating).toBeVisible();
    // By what a finger hits: the radio itself is hidden in its label.
    await widget.rating
      .locator('label')
      .filter({ has: page.getByRole('radio', { name: '不满意', exact: true }) })
      .click();
    await expect(widget.rating.getByRole('radio', { name: '不满意', exact: true })).toBeChecked();
    await look();
  });
}
