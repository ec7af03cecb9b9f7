/** The panel in a portal's page, by the one script tag. */
import { expect, test } from './support/fixtures';
import { Widget } from './support/widget';

test('the launcher opens the panel, Escape closes it, and unread messages are on the badge', async ({
  people,
  server,
}) => {
  const page = await people.page({ viewport: { width: 1280, height: 800 } });
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${server.url}/demo-portal.html?item=residence-permit`);
  const launcher = page.getByRole('button', { name: /^在线帮办/ });
  await expect(launcher).toBeVisible();
  // The portal pays for the loader only, until somebody wants help.
  expect(asked).toContain('/bangban.js');
  expect(asked).not.toContain('/widget.html');

  await launcher.click();
  const panel = page.locator('bangban-help iframe');
  await expect(panel).toBeVisible();
  const widget = new Widget(page, page.frameLocator('bangban-help iframe'));
  await expect(widget.thread).toContainText('您正在咨询“居住证办理”');
  await widget.say('我要办居住证');

  await page.keyboard.press('Escape');
  await expect(panel).toBeHidden();
  await expect(launcher).toBeFocused();
  await launcher.click();
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await widget.talksTo('李敏');
  await widget.button('关闭').click();
  await expect(panel).toBeHidden();

  await agent.say('您好，我是李敏');
  await expect(launcher).toHaveAccessibleName(/^在线帮办，\d+ 条未读消息$/);
  await agent.say('您在吗');
  await launcher.click();
  await expect(widget.message('您在吗')).toBeVisible();
  await expect(agent.message('您在吗')).toContainText('已读');
  await page.keyboard.press('Escape');
  await expect(launcher).toHaveAccessibleName('在线帮办');
});
