/** Log-in by the organisation's own identity provider, against a real one (npm `oidc-provider`), in a browser. */
import type { Page } from '@playwright/test';
import { expect, isAccessible, test as base } from './support/fixtures';
import { Issuer } from './support/issuer';
import { freeAddress } from './support/ports';
import { rows } from './support/recount';
import { Rest } from './support/rest';
import { Server } from './support/server';

const test = base.extend<{ issuer: Issuer; address: string }>({
  address: async ({}, use) => use(await freeAddress()),
  issuer: async ({ address }, use) => {
    const issuer = await Issuer.start(`http://${address}`);
    await use(issuer);
    await issuer.stop();
  },
  server: async ({ address, issuer }, use, info) => {
    const server = await Server.start({ SERVICE__HOURS: 'always', HTTP__LISTEN: address, ...issuer.settings });
    await use(server);
    if (info.status !== info.expectedStatus) await info.attach('server', { body: server.output });
    await server.stop();
  },
});

/** To the provider's form, and back as this person. */
async function logIn(page: Page, server: Server, who: string, path = 'console.html'): Promise<void> {
  await page.goto(`${server.url}/${path}`);
  await page.getByRole('link', { name: '统一身份认证' }).click();
  await page.getByRole('textbox', { name: '账号' }).fill(who);
  await page.getByRole('button', { name: '登录' }).click();
}

const password = (page: Page) => page.getByRole('textbox', { name: '密码' });

/** Without a session there is none to renew, and the browser says so. */
const REFUSED = /status of 401/;

test('a member of staff logs in over there, works here, and is out after the log-out', async ({
  people,
  server,
  guard,
}) => {
  guard.allow(REFUSED);
  const page = await people.page({ viewport: { width: 1440, height: 900 } });
  await page.goto(`${server.url}/console.html`);
  await expect(page.getByRole('link', { name: '统一身份认证' })).toBeVisible();
  await isAccessible(page);
  await logIn(page, server, 'agent1001');
  await expect(page.getByTestId('me')).toBeVisible();
  // Nothing of the way there is left in the address.
  expect(new URL(page.url()).href).toBe(`${server.url}/console.html`);
  expect(rows(server, 'SELECT way FROM staff_session WHERE ended_at IS NULL')).toEqual([{ way: 'oidc' }]);

  await page.getByRole('button', { name: /^账号：/ }).click();
  await page.getByRole('button', { name: '退出登录' }).click();
  await expect(password(page)).toBeVisible();
  await page.reload();
  await expect(password(page)).toBeVisible();
  expect(rows(server, 'SELECT way FROM staff_session WHERE ended_at IS NULL')).toEqual([]);
  // The provider still knows them, so it asks nothing; and they come back to the page that they left.
  await page.goto(`${server.url}/admin.html`);
  await page.getByRole('link', { name: '统一身份认证' }).click();
  await expect(page).toHaveURL(/\/admin\.html/);
  await expect(password(page)).toBeHidden();
});

test('who has no account here, or a closed one, is told so and is not in', async ({ people, server, guard }) => {
  guard.allow(REFUSED);
  await (await Rest.logIn(server)).changeAccount('agent1001', { isActive: false });
  for (const who of ['nobody9', 'agent1001']) {
    const page = await people.page({ viewport: { width: 1440, height: 900 } });
    await logIn(page, server, who);
    await expect(page.getByRole('alert')).toContainText('该工号尚未在本系统开通');
    await expect(password(page)).toBeVisible();
    await isAccessible(page);
    const cookies = await page.context().cookies(`${server.url}/api/staff/session`);
    expect(cookies.map(({ name }) => name)).not.toContain('bangban_staff');
  }
  expect(rows(server, "SELECT way FROM staff_session WHERE way = 'oidc'")).toEqual([]);
});

test('an answer that is not of this attempt logs nobody in', async ({ people, server, issuer, guard }) => {
  guard.allow(REFUSED);
  for (const change of [
    (answer: URL) => answer.searchParams.set('state', 'another'),
    (answer: URL) => answer.searchParams.delete('state'),
    (answer: URL) => answer.searchParams.set('code', 'another'),
    (answer: URL) => answer.searchParams.set('iss', 'http://127.0.0.1:9'),
  ]) {
    issuer.alter = change;
    const page = await people.page({ viewport: { width: 1440, height: 900 } });
    await logIn(page, server, 'agent1001');
    await expect(page.getByRole('alert')).toContainText('统一登录未完成');
    await expect(password(page)).toBeVisible();
  }
  // The answer to somebody else: their browser is sent elsewhere, and the answer is brought to a browser that never began.
  let stolen = '';
  issuer.alter = (answer) => {
    stolen = answer.href;
    answer.pathname = '/healthz';
  };
  await logIn(await people.page(), server, 'agent1001');
  await expect.poll(() => stolen).toContain('code=');
  const victim = await people.page({ viewport: { width: 1440, height: 900 } });
  await victim.goto(stolen);
  await expect(victim.getByRole('alert')).toContainText('统一登录未完成');
  expect(rows(server, "SELECT way FROM staff_session WHERE way = 'oidc'")).toEqual([]);
});
