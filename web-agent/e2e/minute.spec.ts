/** The whole minute, as issue 2 tells it: from a question to a rating, and the board true after every step. */
import { expect, test } from './support/fixtures';

test('a citizen asks, gets an answer and then a person within the minute, and rates', async ({ people }) => {
  const board = await people.supervisor();
  await board.equalsRecount([]);

  const widget = await people.citizen();
  await widget.say('办居住证需要什么材料');
  const answer = widget.thread.locator('.bubble.bot_answer').first();
  await expect(answer).toContainText('居住证');
  await expect(answer).toContainText(/来源|发布|上海市公安局/);
  await board.equalsRecount([]);

  await widget.say('我的房东不肯配合，怎么办');
  await widget.askHuman();
  await expect(widget.queue.getByRole('status')).toHaveText('您排在第 1 位');
  await expect(board.figure('waiting')).toHaveText('1');
  await board.equalsRecount([]);

  const agent = await people.agent('agent1001');
  await expect(agent.offer).toContainText('张*');
  await expect(agent.offer).toContainText('居住证办理');
  await expect(agent.offer).toContainText('我的房东不肯配合，怎么办');
  await expect(agent.offer.getByTestId('offer-seconds')).toContainText(/^1[0-5] 秒内有效$/);
  await expect(widget.queue.getByRole('status')).toHaveText('已找到帮办人员，正在接入');
  await board.equalsRecount(['agent1001']);

  await agent.accept();
  await widget.talksTo('李敏');
  await expect(board.figure('serving')).toHaveText('1');
  await board.equalsRecount(['agent1001']);

  await agent.say('您好，我是李敏，房东的事我来帮您。');
  await expect(widget.message('您好，我是李敏')).toBeVisible();
  await expect(board.figure('hourRate')).toHaveText('100%');
  await board.equalsRecount(['agent1001']);

  await widget.say('太好了，谢谢');
  await expect(agent.message('太好了，谢谢')).toBeVisible();
  await expect(widget.message('太好了，谢谢')).toHaveAttribute('data-delivery', 'read');
  await board.equalsRecount(['agent1001']);

  await agent.close('已解决');
  await expect(widget.rating).toBeVisible();
  await expect(board.figure('serving')).toHaveText('0');
  await board.equalsRecount(['agent1001']);

  await widget.rating.getByRole('radio', { name: '非常满意', exact: true }).check({ force: true });
  await widget.rating.getByRole('button', { name: '提交评价' }).click();
  await expect(widget.root.getByRole('region', { name: '感谢您的评价' })).toContainText('非常满意');
  await board.equalsRecount(['agent1001']);
});
