/** What supervisors and agents write to each other holds the corpus: nothing of it runs, on any page that shows it. */
import { expect } from './support/fixtures';
import { rows } from './support/recount';
import { Rest } from './support/rest';
import { chunks, Line, test, vectors } from './support/xss';

const many = '1000000';
test.use({ settings: { LIMITS__CITIZEN_BURST: many, LIMITS__STAFF_BURST: many } });

const id = (conversations: unknown[]) => (conversations as { id: string }[])[0]!.id;

test('whispers, flags, what is noted at alerts, and reasons of interventions', async ({ people, server, trap }) => {
  const widget = await people.citizen();
  const agent = await people.agent('agent1001');
  await widget.askHuman();
  await agent.accept();
  await agent.say('A0');
  const conversation = id(rows(server, 'SELECT id FROM conversation'));
  const board = await people.supervisor();
  await board.page.goto(`${server.url}/board.html?conversation=${conversation}`);
  const panel = board.page.getByTestId('supervise');
  await expect(panel).toBeVisible();
  const page = await people.page();
  await page.goto(`${server.url}/board.html`);
  const supervisor = await Line.open(page, (await Rest.logIn(server, 'super1')).token);
  const staff = await Line.open(page, (await Rest.logIn(server, 'agent1001')).token);

  // Whispers: in the agent's thread, as a message over the page, and in the panel of the supervisor.
  await supervisor.ask(...vectors.map((text, n) => ({ type: 'note', conversation, clientId: `w${n}`, text })));
  await expect(agent.thread).toContainText(vectors.at(-1)!.trim().slice(-12));
  await expect(panel.getByTestId('monitor-thread')).toContainText('xss(');
  await trap.check(agent.page);
  await trap.check(board.page);

  // Flags, one after the other: on the rail, in the thread, beside the conversation; and what is noted at the alert.
  await board.page.goto(`${server.url}/board.html`);
  for (const [n, text] of chunks(490).entries()) {
    await staff.ask({ type: 'raise_flag', conversation, reason: 'other', text });
    await expect(board.page.getByTestId('alert-rail').locator('[data-kind=flag]')).toContainText('xss(');
    const alert = (
      rows(server, "SELECT id FROM alert WHERE cleared_at IS NULL AND kind = 'flag'") as { id: string }[]
    )[0]!;
    await supervisor.ask({ type: 'acknowledge_alert', alert: alert.id, note: text });
    await expect(board.page.getByTestId('alert-rail').locator('[data-kind=flag]')).toContainText('已确认');
    if (n === 0) await trap.check(agent.page);
    await trap.check(board.page);
    await supervisor.ask({ type: 'lower_flag', conversation });
  }
  await trap.check(agent.page);

  // Reasons that the agent reads.
  const other = await people.agent('agent1002');
  const [mine, theirs] = ['agent1001', 'agent1002'].map((login) =>
    id(rows(server, `SELECT id FROM agent WHERE login = '${login}'`)),
  );
  for (const [n, reason] of chunks(490).entries()) {
    await supervisor.ask(
      { type: 'set_agent_status', agent: theirs, status: n % 2 ? 'online' : 'break', reason },
      { type: 'assign', conversation, agent: n % 2 ? mine : theirs, reason },
    );
    await expect(other.page.locator('.el-message').filter({ hasText: 'xss(' }).last()).toBeVisible();
  }
  await trap.check(other.page);
  await trap.check(agent.page);

  // The history of alerts, and the audit log, which keeps the reasons.
  await board.page.getByTestId('alert-rail').getByRole('button', { name: '告警记录' }).click();
  await expect(board.page.getByRole('dialog')).toContainText('xss(');
  await trap.check(board.page);
  const admin = await people.admin();
  await admin.go('审计');
  await expect(admin.page.getByRole('table')).toContainText('agent.status');
  await trap.check(admin.page);
  await trap.check(widget.page);
});

test('summaries of what is handed over', async ({ people, trap }) => {
  const widget = await people.citizen();
  const agent = await people.agent('agent1001');
  await widget.askHuman();
  await agent.accept();
  await agent.say('A0');
  const other = await people.agent('agent1002');
  for (const [n, summary] of chunks(3_900).entries()) {
    const [from, to] = n % 2 ? [other, agent] : [agent, other];
    await from.page.getByRole('button', { name: /^账号/ }).click();
    await from.page.getByRole('button', { name: '交接会话…' }).click();
    const dialog = from.page.getByRole('dialog', { name: '交接会话' });
    await dialog.getByRole('combobox', { name: '交给' }).selectOption({ label: n % 2 ? '李敏' : '王强' });
    await dialog.getByRole('textbox', { name: /的交接摘要$/ }).fill(summary);
    await trap.check(from.page);
    await dialog.getByRole('button', { name: '交接 1 个会话' }).click();
    await expect(dialog).toBeHidden();
    await expect(to.offer).toContainText('xss(');
    await trap.check(to.page);
    await to.accept();
    await expect(to.page.getByTestId('handed-over')).toContainText('xss(');
    await trap.check(to.page);
    await to.say(`B${n}`);
  }
  await trap.check(widget.page);
});

test('comments, appeals and decisions of quality inspection', async ({ people, server, trap }) => {
  const text = chunks(490)[0]!;
  const widget = await people.citizen();
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await agent.say('A0');
  await agent.close('已解决');
  const admin = await Rest.logIn(server);
  await admin.changeAccount('leader1', { grants: [{ role: 'supervisor', unit: null, items: [] }] });
  const supervisor = await people.admin('super1');
  await supervisor.go('质检');
  await supervisor.button('抽取会话').click();
  await supervisor.page.getByRole('dialog').getByRole('button', { name: '抽取', exact: true }).click();
  const open = { name: /^打开/ };
  await supervisor.page.getByRole('table', { name: '质检任务' }).getByRole('button', open).click();
  const give = supervisor.page.getByRole('spinbutton', { name: /得分$/ });
  await expect(give).toHaveCount(8);
  for (const [at, points] of [10, 10, 10, 10, 15, 15, 10, 10].entries()) await give.nth(at).fill(String(points));
  for (const comment of await supervisor.page.getByRole('textbox', { name: /评语/ }).all()) await comment.fill(text);
  await supervisor.page.getByRole('textbox', { name: '总体评价' }).fill(text);
  await supervisor.button('提交结果').click();
  await expect(supervisor.toasts).toContainText('质检结果已提交');
  await trap.check(supervisor.page);

  const own = await people.page({ viewport: { width: 1280, height: 800 } });
  await own.goto(`${server.url}/figures`);
  await own.getByRole('textbox', { name: '工号' }).fill('agent1001');
  await own.getByRole('textbox', { name: '密码' }).fill('bangban-demo');
  await own.getByRole('button', { name: '登录', exact: true }).click();
  await own.getByRole('link', { name: '质检结果' }).click();
  await own.getByRole('button', open).click();
  await expect(own.getByText('xss(').first()).toBeVisible();
  await trap.check(own);
  await own.getByRole('textbox', { name: /^申诉理由/ }).fill(text);
  await own.getByRole('button', { name: '提交申诉' }).click();
  await expect(own.getByRole('button', { name: '提交申诉' })).toBeHidden();
  await trap.check(own);

  const other = await people.admin('leader1');
  await other.go('质检');
  await other.page.getByRole('combobox', { name: '状态' }).selectOption('appealed');
  await other.page.getByRole('table', { name: '质检任务' }).getByRole('button', open).click();
  await other.page.getByRole('textbox', { name: /^复核意见/ }).fill(text);
  await other.button('提交复核').click();
  await expect(other.toasts).toContainText('复核结果已提交');
  await trap.check(other.page);
  await own.reload();
  await expect(own.getByTestId('total')).toContainText('复核');
  await trap.check(own);
});

test('an outage that is published from the board', async ({ people, trap }) => {
  const widget = await people.citizen();
  const agent = await people.agent('agent1001');
  await widget.askHuman();
  await agent.accept();
  const board = await people.supervisor();
  for (const text of chunks(490)) {
    await board.team('residence').getByRole('button').click();
    await board.page.getByRole('dialog').getByRole('button', { name: /张\*/ }).first().click();
    const panel = board.page.getByTestId('supervise');
    await panel.getByRole('button', { name: '事项故障通知' }).click();
    await panel.getByRole('textbox', { name: '事项故障通知' }).fill(text);
    await panel.getByRole('button', { name: '发布' }).click();
    await expect(panel.getByRole('status').filter({ hasText: '已发布' })).toBeVisible();
    await trap.check(board.page);
    await board.page.goto(board.page.url().replace(/\?.*/, ''));
  }
  for (const page of [widget.page, agent.page]) {
    await expect(page.getByTestId('notices').locator('.notice')).toHaveCount(chunks(490).length);
    await trap.check(page);
  }
});
