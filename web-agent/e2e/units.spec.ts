/** The board from the city to a unit, to its team, to an agent and their conversation, and back. */
import { expect, isAccessible, test } from './support/fixtures';
import { Rest } from './support/rest';

test('from the city down to a conversation and back, by the keyboard, with sums that follow', async ({
  people,
  server,
}) => {
  const admin = await Rest.logIn(server);
  await admin.put('unit', 'police-hall', { name: '公安受理大厅', kind: 'office', parent: 'police' });
  await admin.put('team', 'police-hall-team', { name: '大厅组', unit: 'police-hall' });
  const citizen = await people.citizen();
  const agent = await people.agent('agent1001');
  const board = await people.supervisor();
  const { page } = board;
  const crumbs = page.getByRole('navigation', { name: '位置' });
  const unit = (code: string) => page.locator(`tr[data-unit=${code}]`);
  await expect(crumbs).toHaveText('上海市');
  await page.getByRole('button', { name: '按单位' }).click();
  await expect(unit('police')).toBeVisible();
  await expect(board.team('residence')).toHaveCount(0);
  // What belongs to the city itself stands beside its units.
  await expect(board.team('general')).toBeVisible();
  await isAccessible(page);
  await page.screenshot({ path: 'test-results/board-units.png' });

  // A sum follows as fast as everything else.
  await citizen.askHuman();
  await expect(unit('police').locator('[data-figure=waiting]')).toHaveText('1');
  await expect(board.figure('waiting')).toHaveText('1');
  await agent.accept();
  await expect(unit('police').locator('[data-figure=serving]')).toHaveText('1');

  await unit('police').getByRole('button').focus();
  await page.keyboard.press('Enter');
  await expect(crumbs).toContainText('公安');
  await expect(unit('police-hall')).toBeVisible();
  await expect(board.team('residence').locator('[data-figure=serving]')).toHaveText('1');
  await expect(board.figure('serving')).toHaveText('1');
  await isAccessible(page);

  // The address leads a colleague to the same place.
  const colleague = await people.supervisor({ query: new URL(page.url()).search });
  await expect(colleague.page.locator('tr[data-unit=police-hall]')).toBeVisible();

  await board.team('residence').getByRole('button').click();
  const team = page.getByRole('dialog', { name: /居住与户籍/ });
  await expect(team).toContainText('李敏');
  await team.getByRole('button', { name: /张\*/ }).first().click();
  await expect(page.getByTestId('supervise')).toBeVisible();
  await page.goBack();
  await expect(team).toBeVisible();
  await page.goBack();
  await expect(team).toBeHidden();
  await crumbs.getByRole('button', { name: '上海市' }).click();
  await expect(unit('police')).toBeVisible();
  await expect(crumbs).toHaveText('上海市');
});

test('whoever watches one unit begins there, and is led to no other', async ({ people, server }) => {
  const admin = await Rest.logIn(server);
  await admin.put('unit', 'police-hall', { name: '公安受理大厅', kind: 'office', parent: 'police' });
  await admin.put('team', 'police-hall-team', { name: '大厅组', unit: 'police-hall' });
  await admin.changeAccount('super1', { grants: [{ role: 'supervisor', unit: 'police', items: [] }] });
  const board = await people.supervisor({ query: '?unit=hrss&by=unit' });
  const { page } = board;
  await expect(page.getByRole('alert').filter({ hasText: '没有这个单位，或不在您的查看范围内' })).toBeVisible();
  const crumbs = page.getByRole('navigation', { name: '位置' });
  // Nothing above one's own unit.
  await expect(crumbs).toHaveText('上海市公安局');
  await page.locator('tr[data-unit=police-hall]').getByRole('button').click();
  await expect(crumbs).toContainText('公安受理大厅');
  // Still theirs to act on.
  await board.team('police-hall-team').getByRole('button').click();
  await expect(page.getByRole('dialog', { name: /大厅组/ })).toBeVisible();
});
