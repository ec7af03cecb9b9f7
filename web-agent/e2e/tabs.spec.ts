/** One citizen, two tabs. */
import { expect, LOST_LINK, test } from './support/fixtures';
import { Widget } from './support/widget';

test('two tabs of one citizen agree: on what is said, on the queue, on what was written without a network', async ({
  people,
  network,
  guard,
}) => {
  guard.allow(...LOST_LINK);
  const context = await people.context({ viewport: { width: 420, height: 760 } });
  const one = await Widget.open(await context.newPage(), network.url);
  await one.say('B1 第一页写的');
  const other = await Widget.open(await context.newPage(), network.url);
  await expect(other.message('B1 第一页写的')).toBeVisible();

  await other.say('B2 第二页写的');
  await expect(one.message('B2 第二页写的')).toBeVisible();
  await one.askHuman();
  await expect(other.queue.getByRole('status').first()).toHaveText('您排在第 1 位');

  const agent = await people.agent('agent1001');
  await agent.accept();
  await agent.say('A1 您好');
  for (const tab of [one, other]) {
    await tab.talksTo('李敏');
    await expect(tab.message('A1 您好')).toBeVisible();
  }

  network.cut();
  await expect(one.banner).toBeVisible();
  await expect(other.banner).toBeVisible();
  await one.write('B3 断线时第一页');
  await other.write('B4 断线时第二页');
  network.pass();
  for (const tab of [one, other]) {
    await expect(tab.message('B3 断线时第一页')).toHaveAttribute('data-delivery', /delivered|read/);
    await expect(tab.message('B4 断线时第二页')).toHaveAttribute('data-delivery', /delivered|read/);
  }
  await expect(agent.message('B4 断线时第二页')).toBeVisible();
  const seen = await one.said('B');
  expect([...seen].sort().map((text) => text.slice(0, 2))).toEqual(['B1', 'B2', 'B3', 'B4']);
  expect(await other.said('B')).toEqual(seen);
  expect(await agent.said('B')).toEqual(seen);

  await agent.close('已解决');
  await expect(one.rating).toBeVisible();
  await one.rating.getByRole('radio', { name: '满意', exact: true }).check({ force: true });
  await one.rating.getByRole('button', { name: '提交评价' }).click();
  await expect(other.root.getByRole('region', { name: '感谢您的评价' })).toContainText('满意');
});
