/** The server dies without warning in the middle of it all. Pages stay open and go on when it is back. */
import { rows } from './support/recount';
import { expect, LOST_LINK, test } from './support/fixtures';

test('kill -9 while both write: nothing lost, nothing twice, and the clock of who waits goes on', async ({
  people,
  server,
  guard,
}) => {
  guard.allow(...LOST_LINK);
  const board = await people.supervisor();
  const agent = await people.agent('agent1001');
  const widget = await people.citizen();
  await widget.askHuman();
  await agent.accept();
  await agent.say('A0 您好');
  await widget.say('B0 您好');

  // Somebody else waits for a team without anybody at work.
  const waiting = await people.citizen('李娜（个人）', { item: 'fund-rent' });
  await waiting.askHuman();
  await board.equalsRecount(['agent1001']);
  const clock = () =>
    rows(server, 'SELECT conversation, no, asked_at, due_at, answered_at, left_at FROM ledger ORDER BY asked_at');
  const before = clock();
  expect(before).toHaveLength(2);

  // Some of these are acknowledged, some only on their way, when the power goes.
  for (let n = 1; n <= 4; n++) await Promise.all([agent.write(`A${n} 消息`), widget.write(`B${n} 消息`)]);
  await server.kill9();
  await expect(widget.banner).toBeVisible();
  await expect(agent.banner).toBeVisible();
  await expect(board.banner).toBeVisible();
  await Promise.all([agent.write('A5 断线时写的'), widget.write('B5 断线时写的')]);
  await expect(widget.message('B5 断线时写的')).toHaveAttribute('data-delivery', 'sending');

  await server.restart();
  await expect(widget.banner).toBeHidden();
  await expect(agent.banner).toBeHidden();
  await expect(board.banner).toBeHidden();
  await expect(widget.message('A5 断线时写的')).toBeVisible();
  await expect(agent.message('B5 断线时写的')).toBeVisible();
  await expect(widget.message('B5 断线时写的')).toHaveAttribute('data-delivery', /delivered|read/);

  const written = (who: string) => Array.from({ length: 6 }, (_, n) => expect.stringMatching(`^${who}${n} `));
  for (const page of [widget, agent]) {
    expect(await page.said('A')).toEqual(written('A'));
    expect(await page.said('B')).toEqual(written('B'));
  }
  // Both see one order, which is that of the rows.
  const stored = rows<{ text: string }>(
    server,
    `SELECT json_extract(body, '$.body.text') AS text FROM entry
      WHERE lane = 0 AND json_extract(body, '$.body.type') = 'text' ORDER BY conversation, seq`,
  ).map((row) => row.text);
  const all = async (page: typeof widget | typeof agent) =>
    (await page.thread.locator('.bubble .text').allInnerTexts()).filter((text) => /^[AB]\d/.test(text));
  expect(await all(widget)).toEqual(stored);
  expect(await all(agent)).toEqual(stored);

  expect(clock()).toEqual(before);
  await expect(waiting.queue.getByRole('status').first()).toHaveText('您排在第 1 位');
  await board.equalsRecount(['agent1001']);
});

test('killed between offer and acceptance: the person is offered again and keeps the clock', async ({
  people,
  server,
  guard,
}) => {
  guard.allow(...LOST_LINK);
  const widget = await people.citizen();
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await expect(agent.offer).toBeVisible();
  const due = () => rows<{ due_at: number }>(server, 'SELECT due_at FROM ledger');
  const before = due();

  await server.kill9();
  await expect(agent.banner).toBeVisible();
  await server.restart();
  await expect(agent.banner).toBeHidden();
  await agent.accept();
  await agent.say('您好，久等了');
  await expect(widget.message('您好，久等了')).toBeVisible();
  expect(due()).toEqual(before);
  expect(rows(server, 'SELECT count(*) AS n FROM ledger')).toEqual([{ n: 1 }]);
});
