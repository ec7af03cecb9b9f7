/** The agent's console as a story uses it. */
import { expect, type Locator, type Page } from '@playwright/test';

export class Console {
  private constructor(
    readonly page: Page,
    /** Staff number. */
    readonly login: string,
  ) {}

  /** Logs in and is ready for offers. */
  static async open(page: Page, base: string, login: string, status: '空闲可接' | '小休' | '离线' = '空闲可接') {
    await page.goto(`${base}/console.html`);
    await page.getByRole('textbox', { name: '工号' }).fill(login);
    await page.getByRole('textbox', { name: '密码' }).fill('bangban-demo');
    await page.getByRole('button', { name: '登录', exact: true }).click();
    const console = new Console(page, login);
    await console.choose(status);
    return console;
  }

  get offer(): Locator {
    return this.page.getByRole('region', { name: '接入请求' });
  }

  get list(): Locator {
    return this.page.getByRole('navigation', { name: '在办会话' });
  }

  get rows(): Locator {
    return this.list.getByRole('button');
  }

  get thread(): Locator {
    return this.page.getByRole('log', { name: '会话内容' });
  }

  get reply(): Locator {
    return this.page.getByRole('textbox', { name: '回复内容' });
  }

  get banner(): Locator {
    return this.page.getByTestId('link-banner');
  }

  get notice(): Locator {
    return this.page.getByTestId('notice');
  }

  status(name: '空闲可接' | '小休' | '离线'): Locator {
    return this.page.getByRole('radiogroup', { name: '我的状态' }).getByRole('radio', { name });
  }

  async choose(name: '空闲可接' | '小休' | '离线'): Promise<void> {
    await expect(this.status(name)).toBeEnabled();
    await this.status(name).check({ force: true });
    await expect(this.status(name)).toBeChecked();
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  async accept(): Promise<void> {
    // Alt+A is the agent's own way; the card does not take presses in its first moment.
    await expect(this.offer).toBeVisible();
    const accept = this.offer.getByRole('button', { name: '接受' });
    await expect(async () => {
      if (await this.offer.isVisible()) await accept.click({ timeout: 1_000 });
      await expect(this.offer).toBeHidden({ timeout: 1_000 });
    }).toPass();
    await expect(this.reply).toBeEditable();
  }

  async decline(): Promise<void> {
    await expect(this.offer).toBeVisible();
    const decline = this.offer.getByRole('button', { name: '拒绝' });
    await expect(async () => {
      if (await this.offer.isVisible()) await decline.click({ timeout: 1_000 });
      await expect(this.offer).toBeHidden({ timeout: 1_000 });
    }).toPass();
  }

  message(text: string): Locator {
    return this.thread.locator('.bubble').filter({ hasText: text });
  }

  /** Texts of all messages with a mark in front, in the order of the screen. */
  async said(mark: string): Promise<string[]> {
    const texts = await this.thread.locator('.bubble .text').allInnerTexts();
    return texts.filter((text) => text.startsWith(mark));
  }

  async write(text: string): Promise<void> {
    await this.reply.fill(text);
    await this.button('发送').click();
  }

  /** Replies and waits until the server has it. */
  async say(text: string): Promise<void> {
    await this.write(text);
    await expect(this.message(text)).toContainText(/已读|未读/);
  }

  /** Opens the closing dialog. */
  async closing(): Promise<Locator> {
    await this.page.getByRole('button', { name: /^办结/ }).click();
    return this.page.getByRole('dialog', { name: /^办结会话/ });
  }

  async close(outcome: string): Promise<void> {
    const dialog = await this.closing();
    await dialog.getByRole('radio', { name: outcome }).check();
    await dialog.getByRole('button', { name: '确认办结' }).click();
    await expect(dialog).toBeHidden();
  }

  /** Asks a colleague or a team to take the open conversation over. */
  async transfer(to: string, note: string): Promise<void> {
    await this.page.getByRole('button', { name: /^转接/ }).click();
    const dialog = this.page.getByRole('dialog', { name: /^转接会话/ });
    await dialog.getByRole('radio', { name: new RegExp(to) }).check();
    await dialog.getByRole('textbox', { name: '转接说明' }).fill(note);
    await dialog.getByRole('button', { name: '发起转接' }).click();
    await expect(dialog).toBeHidden();
  }
}
