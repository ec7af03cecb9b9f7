/** The page that describes the REST interface. */
import { expect, isAccessible, test } from './support/fixtures';

test('every route is there with what it takes and answers, without a network, with the keyboard', async ({
  people,
  server,
}) => {
  const description = (await (await fetch(`${server.url}/api/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  const ids = Object.values(description.paths).flatMap((item) => Object.values(item).map((one) => one.operationId));
  const page = await people.page({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${server.url}/api/docs`);
  await expect(page.locator('[data-operation]')).toHaveCount(ids.length);
  await isAccessible(page);

  await page.getByRole('searchbox', { name: '按路径或说明查找' }).fill('staff/login');
  const found = page.locator('[data-operation]');
  await expect(found).toHaveCount(Object.keys(description.paths).filter((path) => path.includes('staff/login')).length);
  const login = found.first();
  await login.locator('summary').focus();
  await page.keyboard.press('Enter');
  await expect(login).toContainText('Wrong staff number or password');
  await expect(login.getByRole('link', { name: 'LoginReply' })).toBeVisible();
  await isAccessible(page);
  await page.getByRole('searchbox').fill('没有这样的接口');
  await expect(page.getByText('没有匹配的接口')).toBeVisible();
  await page.getByRole('searchbox').fill('');
  await expect(page.locator('#type-WireError')).toContainText('retryable');

  await page.getByRole('button', { name: 'English' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('API description');
  await isAccessible(page);
});

test('a description that does not come is told, and asked for again', async ({ people, server, guard }) => {
  guard.allow(/net::ERR_FAILED/);
  const page = await people.page();
  await page.route('**/api/openapi.json', (route) => route.abort());
  await page.goto(`${server.url}/api/docs`);
  await expect(page.getByRole('alert')).toContainText('接口描述读取失败');
  await isAccessible(page);
  await page.unroute('**/api/openapi.json');
  await page.getByRole('button', { name: '重试' }).click();
  await expect(page.locator('[data-operation]').first()).toBeVisible();
});
