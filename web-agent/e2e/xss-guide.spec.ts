/** Every text of a guided dialogue holds the corpus: nothing of it runs before editors, citizens and agents. */
import type { GuideContent, GuideView } from '../src/generated/protocol';
import { expect } from './support/fixtures';
import { Rest } from './support/rest';
import { chunks, test } from './support/xss';

/** One line each, without the vectors that live from a control character. */
const lines = (max: number) => chunks(max).filter((text) => !/[\u0000-\u001f]/.test(text));

test('a guided dialogue full of markup is words on every page', async ({ people, server, trap }) => {
  const long = lines(190);
  const text = (n: number) => long[n % long.length]!;
  const situation = (code: string, n: number) => ({
    code,
    name: lines(100)[n]!,
    of: '',
    fits: [{ question: 'q', choices: [code] }],
    conditions: long,
    materials: long.map((name, at) => ({ name, note: text(at + 1) })),
    where: text(n),
    duration: text(n + 1),
    cost: text(n + 2),
    link: 'https://www.shanghai.gov.cn/',
    source: text(n + 3),
  });
  const choice = (code: string, n: number) => ({ code, label: lines(100)[n]!, words: [], districts: [] });
  const content: GuideContent = {
    questions: [{ code: 'q', text: text(0), help: text(1), about: 'other', choices: [choice('a', 2), choice('b', 3)] }],
    situations: [situation('a', 4), situation('b', 5)],
  };
  const editor = await Rest.logIn(server, 'editor1');
  const path = '/api/knowledge/guides/passport';
  const { line } = await editor.ask<GuideView>('GET', path);
  const saved = await editor.ask<GuideView>('PUT', `${path}/draft`, { version: line.version, content });
  const order = (view: GuideView, step: string) => ({ version: view.line.version, step });
  const submitted = await editor.ask<GuideView>('POST', `${path}/steps`, order(saved, 'submit'));
  await (await Rest.logIn(server, 'super1')).ask('POST', `${path}/steps`, order(submitted, 'publish'));

  const widget = await people.citizen('张伟（个人）', { item: 'passport' });
  await widget.thread.getByRole('button', { name: '按步骤引导：普通护照签发' }).click();
  await expect(widget.thread).toContainText(text(0));
  await trap.check(widget.page);
  await widget.thread.getByRole('button', { name: choice('a', 2).label, exact: true }).click();
  await expect(widget.thread.getByRole('button', { name: '打印清单' })).toBeVisible();
  await trap.check(widget.page);
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await expect(agent.page.getByRole('region', { name: '引导已答' })).toContainText('xss(');
  await expect(agent.thread).toContainText('xss(');
  await trap.check(agent.page);

  const admin = await people.admin('editor1');
  await admin.page.goto(`${server.url}/admin#/knowledge/+guides/passport`);
  await admin.button('修改').click();
  await expect(admin.page.getByRole('textbox', { name: '问法' })).toHaveValue(text(0));
  await expect(admin.page.getByRole('region', { name: '市民看到的样子' })).toContainText(text(0));
  await trap.check(admin.page);
});
