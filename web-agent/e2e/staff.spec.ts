/** Accounts of staff as people meet them: log-in in steps, renewal, several tabs, devices, pages for every role. */
import { createHmac } from 'node:crypto';
import type { Page } from '@playwright/test';
import { Console } from './support/console';
import { expect, isAccessible, test } from './support/fixtures';

/** RFC 6238, as an authenticator does it. */
function totp(secret: string, at = Date.now()): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replace(/\s/g, '')]
    .map((sign) => alphabet.indexOf(sign).toString(2).padStart(5, '0'))
    .join('');
  const key = Buffer.from(bits.match(/.{8}/g)!.map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const tag = createHmac('sha1', key).update(step).digest();
  const offset = tag[19]! & 15;
  return String((tag.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function fill(page: Page, base: string, login: string, password = 'bangban-demo', path = 'console.html') {
  await page.goto(`${base}/${path}`);
  await page.getByRole('textbox', { name: '工号' }).fill(login);
  await page.getByRole('textbox', { name: '密码' }).fill(password);
  await page.getByRole('button', { name: '登录', exact: true }).click();
}

const account = (page: Page) => page.getByRole('dialog', { name: '账号与安全' });

async function openAccount(page: Page) {
  await page.getByRole('button', { name: /^账号：/ }).click();
  await page.getByRole('button', { name: '账号与安全' }).click();
  await expect(account(page)).toBeVisible();
}

/** The refused log-ins that a story brings about are told in the browser's console. */
const REFUSED = [/status of (400|401|403)/];

test('every role finds its pages, and its own account', async ({ people, server }) => {
  for (const [login, ways] of [
    ['editor1', ['管理后台']],
    ['leader1', ['服务时效看板', '服务指标']],
    ['auditor1', ['服务时效看板', '服务指标', '管理后台']],
    ['admin1', ['服务时效看板', '服务指标', '管理后台']],
  ] as const) {
    const page = await people.page({ viewport: { width: 1440, height: 900 } });
    await fill(page, server.url, login);
    const elsewhere = page.getByTestId('elsewhere');
    await expect(elsewhere).toBeVisible();
    expect(await elsewhere.getByRole('link').allInnerTexts()).toEqual([...ways]);
    await isAccessible(page);
    if (login === 'editor1') {
      await elsewhere.getByRole('button', { name: '账号与安全' }).click();
      await expect(account(page).getByRole('tab', { name: '修改密码' })).toBeVisible();
      await isAccessible(page);
      await page.keyboard.press('Escape');
      await expect(account(page)).toBeHidden();
      await elsewhere.getByRole('button', { name: '退出登录' }).click();
      await expect(page.getByRole('textbox', { name: '工号' })).toBeVisible();
    }
  }
  const leader = await people.page({ viewport: { width: 1440, height: 900 } });
  await fill(leader, server.url, 'leader1', 'bangban-demo', 'board.html');
  await expect(leader.getByTestId('figure-waiting')).toBeVisible();
});

test('a second factor from its QR code to the log-in with a code and with a recovery code', async ({
  people,
  server,
  guard,
}) => {
  guard.allow(...REFUSED);
  const agent = await people.agent('agent1001');
  await openAccount(agent.page);
  const dialog = account(agent.page);
  await dialog.getByRole('tab', { name: '动态验证码' }).click();
  await dialog.getByRole('textbox', { name: '输入当前密码以继续' }).fill('bangban-demo');
  await dialog.getByRole('button', { name: '绑定身份验证器' }).click();
  await expect(dialog.getByRole('img', { name: '身份验证器二维码' })).toBeVisible();
  await isAccessible(agent.page);
  const secret = await dialog.getByTestId('totp-secret').innerText();
  // The code before the present one, so that the present one is left for the log-in.
  await dialog.getByRole('textbox', { name: '验证器显示的 6 位数字' }).fill(totp(secret, Date.now() - 30_000));
  await dialog.getByRole('button', { name: '确认绑定' }).click();
  const recovery = dialog.getByTestId('recovery').getByRole('listitem');
  await expect(recovery).toHaveCount(10);
  const codes = await recovery.allInnerTexts();
  await isAccessible(agent.page);

  const page = await people.page({ viewport: { width: 1440, height: 900 } });
  await fill(page, server.url, 'agent1001');
  const code = page.getByRole('textbox', { name: '动态验证码' });
  await expect(code).toBeFocused();
  await isAccessible(page);
  await code.fill('000000');
  await page.getByRole('button', { name: '继续' }).click();
  await expect(page.getByRole('alert')).toContainText('验证码不正确');
  await code.fill(totp(secret));
  await page.getByRole('button', { name: '继续' }).click();
  await expect(page.getByTestId('me')).toBeVisible();

  const other = await people.page({ viewport: { width: 1440, height: 900 } });
  await fill(other, server.url, 'agent1001');
  await other.getByRole('textbox', { name: '动态验证码' }).fill(codes[0]!);
  await other.getByRole('button', { name: '继续' }).click();
  await expect(other.getByTestId('me')).toBeVisible();
});

test('devices are listed; one that is ended is out at once; a new password ends the others', async ({
  people,
  guard,
}) => {
  guard.allow(...REFUSED);
  const [here, there] = [await people.agent('agent1001'), await people.agent('agent1001')];
  await openAccount(here.page);
  const dialog = account(here.page);
  await dialog.getByRole('tab', { name: '登录设备' }).click();
  await expect(dialog.locator('[data-session]')).toHaveCount(2);
  await isAccessible(here.page);
  await dialog.getByRole('button', { name: /^退出此设备/ }).click();
  await expect(dialog.locator('[data-session]')).toHaveCount(1);
  await expect(there.page.getByRole('status')).toContainText('登录已失效');

  const third = await people.agent('agent1001');
  await dialog.getByRole('tab', { name: '修改密码' }).click();
  await dialog.getByRole('textbox', { name: '当前密码' }).fill('bangban-demo');
  await dialog.getByRole('textbox', { name: '新密码' }).fill('passwordpassword');
  await dialog.getByRole('button', { name: '修改密码' }).click();
  await expect(dialog.getByRole('alert')).toContainText('太常见');
  await dialog.getByRole('textbox', { name: '新密码' }).fill('今天下午三点去公园散步吧');
  await dialog.getByRole('button', { name: '修改密码' }).click();
  await expect(dialog.getByRole('status')).toContainText('密码已修改');
  await expect(third.page.getByRole('status')).toContainText('登录已失效');
  await expect(here.page.getByTestId('me')).toBeVisible();
});

test.describe('with tokens of a minute', () => {
  test.use({ settings: { AUTH__STAFF_TOKEN_MINUTES: '1' } });

  test('tabs renew together and work on; log-out ends all of them', async ({ people, server, guard }) => {
    // Whoever has logged out and opens the page again is told so.
    guard.allow(/status of 401/);
    const context = await people.context({ viewport: { width: 1440, height: 900 } });
    const first = await Console.open(await context.newPage(), server.url, 'agent1001');
    // The second tab is logged in by the cookie.
    const second = await context.newPage();
    await second.goto(`${server.url}/console.html`);
    await expect(second.getByTestId('me')).toBeVisible();
    const token = () =>
      first.page.evaluate(() => (JSON.parse(sessionStorage['bangban.staff']) as { token: string }).token);
    const before = await token();
    await expect.poll(token, { timeout: 90_000, intervals: [1_000] }).not.toBe(before);
    // Past the end of the first token.
    await first.page.waitForTimeout(20_000);
    await first.choose('小休');
    await expect(second.getByRole('radio', { name: '小休' })).toBeChecked();
    await second.getByRole('button', { name: /^账号：/ }).click();
    await second.getByRole('button', { name: '退出登录' }).click();
    await expect(first.page.getByRole('textbox', { name: '工号' })).toBeVisible();
    await expect(second.getByRole('textbox', { name: '工号' })).toBeVisible();
    await first.page.reload();
    await expect(first.page.getByRole('textbox', { name: '工号' })).toBeVisible();
  });
});
