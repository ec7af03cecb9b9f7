/** The administration page as a story uses it. */
import { expect, type Locator, type Page } from '@playwright/test';

export class Admin {
  constructor(readonly page: Page) {}

  static async open(page: Page, base: string, login = 'admin1'): Promise<Admin> {
    await page.goto(`${base}/admin`);
    await page.getByRole('textbox', { name: '工号' }).fill(login);
    await page.getByRole('textbox', { name: '密码' }).fill('bangban-demo');
    await page.getByRole('button', { name: '登录', exact: true }).click();
    const admin = new Admin(page);
    await expect(admin.nav).toBeVisible();
    return admin;
  }

  get nav(): Locator {
    return this.page.getByRole('navigation', { name: '管理', exact: true });
  }

  /** Goes to a screen by its link. */
  async go(name: string): Promise<void> {
    await this.nav.getByRole('link', { name, exact: true }).click();
    await expect(this.page.getByRole('heading', { level: 1, name })).toBeVisible();
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  field(name: string): Locator {
    return this.page.getByRole('textbox', { name, exact: true });
  }

  get toasts(): Locator {
    return this.page.getByRole('region', { name: '提示' });
  }

  /** Finds by typing and takes what is found. */
  async pick(label: string, text: string): Promise<void> {
    // A list may have a filter of the same name before the form.
    const box = this.page.getByRole('combobox', { name: label, exact: true }).last();
    await box.fill(text);
    await this.page.getByRole('option').filter({ hasText: text }).first().click();
  }

  async save(): Promise<void> {
    await this.page.getByRole('button', { name: /^保存/ }).click();
    await expect(this.toasts).toContainText('已保存');
    await this.toasts.getByRole('button', { name: '关闭提示' }).last().click();
  }

  /** Opens a line of the screen's table. `line`: what it is called there, if that is not what is searched for. */
  async open(name: string, line = name): Promise<void> {
    await this.page.getByRole('searchbox').fill(name);
    await this.page
      .getByRole('table')
      .getByRole('button', { name: new RegExp(line) })
      .first()
      .click();
    await expect(this.page.getByRole('tab', { name: '历史版本' })).toBeVisible();
  }

  /** Deletes what is open. */
  async remove(): Promise<void> {
    await this.button('删除').click();
    await this.page.getByRole('dialog').getByRole('button', { name: '删除' }).click();
    await expect(this.toasts).toContainText('已删除');
  }
}
