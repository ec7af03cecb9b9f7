/** A supervisor finds a conversation by its words and reads it, masked; each look is told. */
import { expect, isAccessible, test } from './support/fixtures';

test('a conversation is found by a word, read with its notes, and left by Escape', async ({ people }) => {
  const widget = await people.citizen();
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await widget.say('想问居住证续签，电话13800138001');
  await agent.reply.fill('请在到期前三十天内办理续签');
  await agent.reply.press('Enter');
  await expect(widget.message('请在到期前三十天内办理续签')).toBeVisible();

  const supervisor = await people.admin('super1');
  await supervisor.go('会话检索');
  const table = supervisor.page.getByRole('table');
  await supervisor.page.getByRole('searchbox', { name: '会话中的文字' }).fill('居住证续签');
  await expect(table).toContainText('电话138****8001');
  await isAccessible(supervisor.page);
  await table.getByRole('button', { name: /^打开/ }).click();
  const log = supervisor.page.getByRole('log');
  await expect(log).toContainText('请在到期前三十天内办理续签');
  await expect(log).toContainText('想问居住证续签，电话138****8001');
  await expect(log).not.toContainText('13800138001');
  await isAccessible(supervisor.page);
  await supervisor.page.keyboard.press('Escape');
  await expect(log).toBeHidden();
  await expect(table.getByRole('button', { name: /^打开/ })).toBeFocused();

  // What is masked is not found either.
  await supervisor.page.getByRole('searchbox', { name: '会话中的文字' }).fill('13800138001');
  await expect(supervisor.page.getByText('没有符合条件的会话')).toBeVisible();
  await supervisor.button('清除条件').click();
  await expect(table).toContainText('居住证办理');

  const auditor = await people.admin('auditor1');
  await auditor.go('审计');
  await expect(auditor.page.getByRole('table')).toContainText('吴督导');
});
