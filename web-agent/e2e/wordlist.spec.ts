/** The office's word list: a reply that holds a listed word does not go out, and its writer has lost nothing. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, isAccessible, test } from './support/fixtures';

const list = join(mkdtempSync(join(tmpdir(), 'bangban-words-')), 'words.txt');
writeFileSync(list, '# 不得承诺\n保证办成\n');
test.use({ settings: { SERVICE__WORD_LIST: list } });

test('a reply with a listed word comes back to the composer, changed it goes out, and notes are free', async ({
  people,
  server,
}) => {
  const agent = await people.agent('agent1001');
  const widget = await people.citizen();
  await widget.say('C1 能保证办成吗');
  await widget.askHuman();
  await agent.accept();

  const told = agent.page.getByRole('alert').filter({ hasText: '保证办成' });
  await agent.write('A1 我保 证 办-成这件事');
  await expect(told).toHaveText(/未发送：含有不允许发送的词语“保证办成”/);
  await expect(agent.reply).toHaveValue('A1 我保 证 办-成这件事');
  await expect(agent.thread.locator('.bubble').filter({ hasText: 'A1' })).toHaveCount(0);
  await isAccessible(agent.page);
  // It is a draft like any other: it survives a reload.
  await expect(agent.page.getByTestId('draft-state')).toContainText('草稿已保存');
  await agent.page.reload();
  await expect(agent.reply).toHaveValue('A1 我保 证 办-成这件事');

  await agent.say('A2 我尽力帮您办理');
  await expect(told).toBeHidden();
  await expect(widget.message('A2')).toBeVisible();
  await expect(widget.message('A1')).toHaveCount(0);

  await agent.page.keyboard.press('Alt+p');
  await agent.page.getByRole('textbox', { name: '备注内容' }).fill('N1 市民要求保证办成');
  await agent.button('保存备注').click();
  await expect(agent.message('N1')).toBeVisible();
  expect(server.output).not.toContain('保证');
});
