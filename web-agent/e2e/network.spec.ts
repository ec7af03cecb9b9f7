/** Bad networks between a browser and the server: cut, stalled one way, slow. */
import { rows } from './support/recount';
import { expect, isAccessible, LOST_LINK, test } from './support/fixtures';
import type { Console } from './support/console';
import { Widget } from './support/widget';

test.beforeEach(({ guard }) => guard.allow(...LOST_LINK));

/** What each side sees of both, without the words behind the mark. */
const marks = async (page: Widget | Console) =>
  (await page.thread.locator('.bubble .text').allInnerTexts())
    .filter((text) => /^[AB]\d/.test(text))
    .map((text) => text.slice(0, 2));

test('the line is cut while both write: banner, outbox, and everything once when it is back', async ({
  people,
  network,
}) => {
  const agent = await people.agent('agent1001');
  const widget = await people.citizen('张伟（个人）', { base: network.url });
  await widget.askHuman();
  await agent.accept();
  await agent.say('A1 您好');
  await widget.say('B1 您好');

  network.cut();
  await expect(widget.banner).toContainText('网络已断开');
  await widget.write('B2 断线时写的');
  await widget.write('B3 也是');
  await agent.say('A2 您还在吗');
  await expect(widget.message('B2')).toHaveAttribute('data-delivery', 'sending');
  await expect(widget.message('A2')).toBeHidden();

  // The page is loaded again before the line is back: what was not sent is still there, and is sent once.
  network.cut('sockets');
  await widget.page.reload();
  network.pass();
  await expect(widget.message('A2')).toBeVisible();
  await expect(widget.message('B3')).toHaveAttribute('data-delivery', /delivered|read/);
  await expect(agent.message('B3 也是')).toBeVisible();
  expect(await marks(widget)).toEqual(['A1', 'B1', 'A2', 'B2', 'B3']);
  expect(await marks(agent)).toEqual(['A1', 'B1', 'A2', 'B2', 'B3']);
});

test('messages written before the page was closed are sent by the next page, once', async ({
  people,
  network,
  server,
}) => {
  const context = await people.context({ viewport: { width: 420, height: 760 } });
  const first = await context.newPage();
  const widget = await Widget.open(first, network.url);
  await widget.say('B1 您好');
  // The server gets what comes, and its answers do not come back.
  network.stall('down');
  await widget.write('B2 已收到但没有回执');
  await expect
    .poll(() => rows(server, "SELECT 1 FROM entry WHERE body LIKE '%B2 已收到%'").length, { timeout: 5_000 })
    .toBe(1);
  network.cut();
  await widget.write('B3 没有发出');
  await expect(widget.message('B3')).toHaveAttribute('data-delivery', 'sending');
  await first.close();

  network.pass();
  const again = await Widget.open(await context.newPage(), network.url);
  await expect(again.message('B3 没有发出')).toHaveAttribute('data-delivery', /delivered|read/);
  expect(await marks(again)).toEqual(['B1', 'B2', 'B3']);
  expect(rows(server, "SELECT count(*) AS n FROM entry WHERE author = 'citizen' AND body LIKE '%B2%'")).toEqual([
    { n: 1 },
  ]);
});

test('what is written while the panel is still opening over a slow line is kept', async ({ people, network }) => {
  network.delayMs = 400;
  const page = await people.page({ viewport: { width: 420, height: 760 } });
  const widget = await Widget.open(page, network.url);
  await widget.input.fill('B1 先写好的');
  await widget.input.press('Enter');
  // The greeting comes with the conversation.
  await expect(widget.thread).toContainText('您好，我是智能客服小申');
  await expect(widget.input).toHaveValue('B1 先写好的');
  await widget.button('发送').click();
  await expect(widget.message('B1 先写好的')).toHaveAttribute('data-delivery', /delivered|read/);
});

test('stalled one way, then the other, then slow: nobody loses or doubles a word', async ({ people, network }) => {
  const agent = await people.agent('agent1001', { base: network.url });
  const widget = await people.citizen('张伟（个人）', { base: network.url });
  await widget.askHuman();
  await agent.accept();
  await agent.say('A1 您好');

  network.stall('up');
  await widget.write('B1 上行停了');
  await agent.write('A2 上行停了');
  await expect(widget.message('B1')).toHaveAttribute('data-delivery', 'sending');
  network.pass();
  await expect(agent.message('B1 上行停了')).toBeVisible();
  await expect(widget.message('A2 上行停了')).toBeVisible();

  network.stall('down');
  await widget.write('B2 下行停了');
  await agent.write('A3 下行停了');
  network.breakAll();
  network.pass();
  await expect(agent.message('B2 下行停了')).toBeVisible();
  await expect(widget.message('A3 下行停了')).toBeVisible();

  network.delayMs = 300;
  await Promise.all([widget.write('B3 很慢'), agent.write('A4 很慢')]);
  await expect(agent.message('B3 很慢')).toBeVisible();
  await expect(widget.message('A4 很慢')).toBeVisible();
  await expect(widget.message('B3 很慢')).toHaveAttribute('data-delivery', /delivered|read/);

  const seen = await marks(widget);
  expect([...seen].sort()).toEqual(['A1', 'A2', 'A3', 'A4', 'B1', 'B2', 'B3']);
  expect(await marks(agent)).toEqual(seen);
});

test('a link that is silent without being cut is noticed by console and board', async ({ people, network }) => {
  const board = await people.supervisor({ base: network.url });
  const agent = await people.agent('agent1001', { base: network.url });
  await expect(board.freshness).toContainText('实时连接');
  network.stall('up', 'down');
  // Three ticks of five seconds without a sound.
  await expect(agent.banner).toBeVisible({ timeout: 25_000 });
  await expect(board.freshness).toContainText('数据已过时', { timeout: 25_000 });
  await expect(board.banner).toContainText('请勿据此调度');
  // Grey is not too pale to read, on the desk and on the wall.
  await isAccessible(board.page);
  await board.page.getByRole('button', { name: '大屏模式' }).click();
  await isAccessible(board.page);
  network.breakAll();
  network.pass();
  await expect(board.freshness).toContainText('实时连接');
  await expect(agent.banner).toBeHidden();
  await board.equalsRecount(['agent1001']);
});
