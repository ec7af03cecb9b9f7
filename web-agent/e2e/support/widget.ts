/** The citizen's panel as a story uses it. */
import { expect, type FrameLocator, type Locator, type Page } from '@playwright/test';

export type Citizen = '张伟（个人）' | '李娜（个人）' | '上海示例科技有限公司（企业）';

export class Widget {
  /** `root`: the page itself, or the loader's frame in it. */
  constructor(
    readonly page: Page,
    readonly root: Page | FrameLocator = page,
  ) {}

  /** Opens the panel by its own address as one of the demo citizens. */
  static async open(page: Page, base: string, citizen: Citizen = '张伟（个人）', item = 'residence-permit') {
    await page.goto(`${base}/widget.html?item=${item}`);
    const widget = new Widget(page);
    await widget.button(citizen).click();
    await expect(widget.thread).toBeVisible();
    await expect(widget.input).toBeEditable();
    return widget;
  }

  get thread(): Locator {
    return this.root.getByRole('log', { name: '对话记录' });
  }

  get input(): Locator {
    return this.root.getByRole('textbox', { name: '输入消息' });
  }

  get human(): Locator {
    // Cards of the bot may offer the same; the one below the thread is always there.
    return this.button('转人工').last();
  }

  get queue(): Locator {
    return this.root.getByRole('region', { name: '人工排队' });
  }

  get banner(): Locator {
    return this.root.getByTestId('link-banner');
  }

  get rating(): Locator {
    return this.root.getByRole('region', { name: '请评价本次服务' });
  }

  button(name: string): Locator {
    return this.root.getByRole('button', { name, exact: true });
  }

  /** A message in the thread with exactly this text. */
  message(text: string): Locator {
    return this.thread.locator('.bubble').filter({ hasText: text });
  }

  /** Texts of all messages with a mark in front, in the order of the screen. */
  async said(mark: string): Promise<string[]> {
    const texts = await this.thread.locator('.bubble .text').allInnerTexts();
    return texts.filter((text) => text.startsWith(mark));
  }

  async write(text: string): Promise<void> {
    await this.input.fill(text);
    await this.button('发送').click();
  }

  /** Writes and waits until the server has it. */
  async say(text: string): Promise<void> {
    await this.write(text);
    // An answer may say the question again.
    const own = this.message(text).and(this.thread.locator('[data-delivery]')).last();
    await expect(own).toHaveAttribute('data-delivery', /delivered|read/);
  }

  async askHuman(): Promise<void> {
    await this.human.click();
    await expect(this.queue).toBeVisible();
  }

  /** Begins to talk to a person without a talk with the bot. */
  async talksTo(name: string): Promise<void> {
    await expect(this.root.getByRole('heading', { level: 1, name: `${name} · 在线帮办` })).toBeVisible();
  }
}
