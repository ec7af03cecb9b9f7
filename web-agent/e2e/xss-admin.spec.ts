/**
 * Every text field of what is administered holds the corpus; every screen that shows it again, and every surface that
 * citizens and other staff see it on, is looked at: nothing runs.
 */
import type { Page } from '@playwright/test';
import { expect } from './support/fixtures';
import { rows } from './support/recount';
import { Rest } from './support/rest';
import type { Server } from './support/server';
import { chunks, test, vectors, type Trap } from './support/xss';

test.use({ settings: { LIMITS__STAFF_BURST: '1000000', LIMITS__CITIZEN_BURST: '1000000' } });

/** As few texts as possible for a field of one line, without the vectors that live from a control character. */
const lines = (max: number) => chunks(max).filter((text) => !/[\u0000-\u001f]/.test(text));
const names = lines(100);
const staffNames = lines(50);
/** Codes of what the corpus names. */
const x = (n: number) => `x${n}`;

/** Everything that has a text, with the corpus in it; the n-th team has the n-th name, and so on. */
async function fill(server: Server): Promise<void> {
  const admin = await Rest.logIn(server);
  const reasons = chunks(490);
  const because = (n: number) => ({ reason: reasons[n % reasons.length]! });
  const now = Date.now();
  for (const [n, name] of names.entries()) {
    await admin.put('unit', x(n), { name, kind: 'department', parent: 'sh' }, because(n));
    await admin.put('team', x(n), { name, nameEn: name, unit: x(n) }, because(n));
    const numbers = [{ label: name, number: '02112345678' }];
    const situations = [{ code: 'a', name }];
    const item = { name, nameEn: name, aliases: [name], situations, numbers, department: x(n), team: x(n) };
    await admin.put('item', x(n), { ...item, audience: 'both', highFrequency: true }, because(n));
    const seconds = { warnSeconds: 30, alertSeconds: 45, breachSeconds: 60, offerSeconds: 15 };
    await admin.put('sla_policy', x(n), { name, team: x(n), ...seconds }, because(n));
    await admin.put('canned_answer', x(n), { title: name, text: chunks(3_900).at(0)!, teams: [x(0)] }, because(n));
  }
  for (const [n, text] of chunks(490).entries()) {
    const notice = { text, textEn: text, level: n % 2 ? 'outage' : 'warning', teams: [x(0)], from: now - 60_000 };
    await admin.put('notice', x(n), notice, because(n));
    // Nobody's number, so that nobody is blocked or held.
    const nobody = (n + 1).toString(16).padStart(32, '0');
    const blocked = { citizen: `ct_${nobody}`, reason: text, name: names[n]!, isProposed: n % 2 === 1 };
    await admin.put('blocked_visitor', x(n), blocked, because(n));
    await admin.put('legal_hold', x(n), { subject: `cv_${nobody}`, reason: text }, because(n));
  }
  await admin.put('retention', 'threads', { days: 3_650, note: chunks(490)[0]! }, because(0));
  for (const [n, name] of staffNames.entries()) {
    const grants = [{ role: 'agent', unit: null, items: [] }];
    const teams = [{ team: x(0), level: 3 }];
    const body = { login: `xss-${n}`, name, unit: x(0), grants, teams, skills: [name], languages: [name] };
    await admin.ask('POST', '/api/admin/staff', { body: { ...body, capacity: 1, isActive: true }, ...because(n) });
  }
  const [{ id: agent }] = rows<{ id: string }>(server, "SELECT id FROM agent WHERE login = 'xss-0'");
  for (const [n, note] of lines(200).entries()) {
    const hours = { weekdays: [1, 2, 3, 4, 5, 6, 7], from: `0${n % 9}:00`, to: '23:00', validFrom: '2026-01-01' };
    await admin.put('shift', x(n), { agent, team: x(0), note, ...hours }, because(n));
  }
}

/** The screen at this address, with a text of the corpus on it. */
async function see(page: Page, trap: Trap, server: Server, address: string, query = ''): Promise<void> {
  await page.goto(`${server.url}/admin${query}#/${address}`);
  // Among all the others they would be on a later page.
  if (['staff', 'items', 'canned'].includes(address)) await page.getByRole('searchbox').fill('xss');
  await expect(page.locator('main')).toContainText(/xss\(/);
  await trap.check(page);
}

test('on every screen of administration', async ({ people, server, trap, guard }) => {
  test.setTimeout(300_000);
  // A conflict and a table that cannot be imported are refusals, and the browser says so.
  guard.allow(/status of 4(00|09)/);
  await fill(server);
  const rest = await Rest.logIn(server);
  const admin = await people.admin();
  const { page } = admin;
  for (const query of ['', '?lang=en']) {
    for (const address of ['units', 'staff', 'items', 'queues', 'policies', 'notices', 'canned', 'blocked', 'audit']) {
      await see(page, trap, server, address, query);
    }
    await see(page, trap, server, `roster/${x(0)}`, query);
    await see(page, trap, server, 'items/+coverage', query);
    await see(page, trap, server, 'retention/+times', query);
    await see(page, trap, server, 'retention/+holds', query);
    // Forms with everything in them, and what they choose from.
    for (const address of [
      'units/unit:',
      'units/team:',
      'items/',
      'queues/',
      'policies/',
      'notices/',
      'canned/',
      'blocked/',
    ]) {
      await see(page, trap, server, `${address}${x(1)}`, query);
    }
  }
  await page.goto(`${server.url}/admin#/roster/${x(0)}/2026-11-23/${x(0)}`);
  await expect(page.getByRole('textbox', { name: '备注' })).toHaveValue(/xss\(/);
  await trap.check(page);

  // What is asked before something goes, what two people disagree about, and what was before.
  await page.goto(`${server.url}/admin#/items/${x(2)}`);
  await admin.button('删除').click();
  await expect(page.getByRole('dialog')).toContainText('xss(');
  await trap.check(page);
  await page.getByRole('dialog').getByRole('button', { name: '取消' }).click();
  const [code, there] = [x(2), await rest.ask<{ body: object }>('GET', `/api/admin/records/item/${x(2)}`)];
  await rest.put('item', code, { ...there.body, name: names[3] }, { version: 1, reason: names[4]! });
  await admin.field('事项名称').fill(names[5]!);
  await page.getByRole('button', { name: /^保存/ }).click();
  const conflict = page.getByRole('dialog', { name: '他人已先保存' });
  await expect(conflict).toContainText('xss(');
  await trap.check(page);
  await conflict.getByRole('button', { name: '按选择保存' }).click();
  await expect(conflict).toBeHidden();
  await page.getByRole('tab', { name: '历史版本' }).click();
  await expect(page.getByRole('list', { name: '历史版本' })).toContainText('xss(');
  await trap.check(page);

  // An account, what has become of it, and one more of whom nobody knows yet.
  await admin.go('人员');
  await page.getByRole('searchbox').fill('xss-1');
  await page.getByRole('table').getByRole('button', { name: /xss/ }).first().click();
  await expect(page.getByRole('tab', { name: '历史版本' })).toBeVisible();
  await trap.check(page);
  await page.getByRole('tab', { name: '历史版本' }).click();
  await expect(page.getByRole('list', { name: '历史版本' })).toBeVisible();
  await trap.check(page);

  await admin.go('审计');
  const opens = page.getByRole('table').locator('tbody').getByRole('button');
  for (let n = 0; n < 20; n++) {
    await opens.nth(n).click();
    await trap.check(page);
  }

  // A table whose every row is refused with what stands in it.
  await admin.go('事项');
  await page.getByRole('link', { name: '导入' }).click();
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const bad = names.map((name, n) => [x(n), name, name, 'person', name].map(quoted).join(','));
  const table = ['code,name,department,audience,team', ...bad, ...names.map(quoted)].join('\r\n');
  const file = { name: `${names[0]!.replaceAll('/', '')}.csv`, mimeType: 'text/csv', buffer: Buffer.from(table) };
  await page.locator('input[type=file]').setInputFiles(file);
  await admin.button('试运行').click();
  await expect(page.getByTestId('import-problems').getByRole('row')).not.toHaveCount(0);
  await trap.check(page);
});

test('before citizens, agents and supervisors', async ({ people, server, trap }) => {
  test.setTimeout(240_000);
  await fill(server);
  const rest = await Rest.logIn(server);
  await rest.changeAccount('agent1001', { teams: [{ team: x(0), level: 3 }] });
  const board = await people.supervisor();
  await expect(board.team(x(0))).toContainText('xss(');
  await trap.check(board.page);
  const widget = await people.citizen('张伟（个人）', { item: x(0) });
  await expect(widget.root.getByTestId('notices')).toContainText('xss(');
  await trap.check(widget.page);
  await widget.askHuman();
  await trap.check(widget.page);
  const agent = await people.agent('agent1001');
  await expect(agent.offer).toContainText('xss(');
  await expect(agent.page.getByTestId('notices')).toContainText('xss(');
  await trap.check(agent.page);
  await agent.accept();
  await expect(agent.page.getByRole('complementary', { name: '市民与答复口径' })).toContainText('xss(');
  await trap.check(agent.page);
  await agent.reply.pressSequentially('/');
  await agent.page.getByRole('combobox', { name: '搜索答复口径' }).pressSequentially(x(0));
  await expect(agent.page.getByRole('option').first()).toContainText('xss(');
  await trap.check(agent.page);
  await agent.page.keyboard.press('Enter');
  await expect(agent.reply).toHaveValue(/xss\(/);
  await trap.check(agent.page);
  await agent.page.getByRole('button', { name: /^转接/ }).click();
  await expect(agent.page.getByRole('dialog', { name: /^转接会话/ })).toContainText('xss(');
  await trap.check(agent.page);
  // In English, as far as there are English words.
  for (const path of ['console.html', 'board.html']) {
    const { page } = path === 'console.html' ? agent : board;
    await page.goto(`${server.url}/${path}?lang=en`);
    await expect(page.locator('body')).toContainText('xss(');
    await trap.check(page);
  }
  await widget.page.goto(`${server.url}/widget.html?item=${x(0)}&lang=en`);
  await expect(widget.page.getByTestId('notices')).toContainText('xss(');
  await trap.check(widget.page);
});

test('in the knowledge base, its review points and its tasks', async ({ people, server, trap }) => {
  test.setTimeout(240_000);
  const editor = await Rest.logIn(server, 'editor1');
  const supervisor = await Rest.logIn(server, 'super1');
  const [question] = lines(200);
  const [reason] = chunks(490);
  // Links and pictures of others are refused when an answer is saved: knowledge.rs.
  const isTaken = (vector: string) => !/[\u0000-\u001f]|:\/\/|\]\(|!\[|\]:/.test(vector);
  const file = await editor.ask<{ file: string }>(
    'POST',
    `/api/knowledge/files?${new URLSearchParams({ kind: 'file', name: `${names[0]!.replace(/[/\\]/g, ' ').slice(0, 100)}.txt` })}`,
    {},
  );
  const label = lines(60)[0]!.replace(/[[\]]/g, ' ');
  const answer = `[${label}](${file.file})\n${vectors.filter(isTaken).join('\n').slice(0, 3_700)}`;
  const source = lines(200)[1] ?? question!;
  const texts = { question, similar: lines(200).slice(1, 40), answer, spoken: lines(150)[0], source, clause: names[0] };
  const content = { ...texts, items: ['residence-permit'], audience: 'person' };
  type View = { line: { id: string; version: number } };
  const made = await editor.ask<View>('POST', '/api/knowledge/entries', { unit: 'police', content });
  const { id } = made.line;
  const steps = `/api/knowledge/entries/${id}/steps`;
  const submit = (version: number) => editor.ask<View>('POST', steps, { version, step: 'submit' });
  const waiting = await submit(made.line.version);
  const back = await supervisor.ask<View>('POST', steps, { version: waiting.line.version, step: 'reject', reason });
  const again = await submit(back.line.version);
  await supervisor.ask('POST', steps, { version: again.line.version, step: 'publish' });
  for (const [n, rule] of chunks(990).entries()) {
    const point = { item: 'residence-permit', subject: 'material', name: source, rule, source };
    await editor.ask('POST', '/api/knowledge/points', { version: 0, place: n, point });
  }
  await editor.ask('POST', '/api/policies', {
    unit: 'sh',
    title: question,
    document: names[0],
    effectiveOn: '2020-01-01',
    questions: lines(200).map((one) => ({ question: one, item: 'residence-permit' })),
  });
  type Tasks = { tasks: { id: string; version: number; unit: string }[] };
  const { tasks } = await editor.ask<Tasks>('GET', '/api/tasks');
  const [first, second] = tasks;
  await editor.ask('POST', `/api/tasks/${first!.id}/reassign`, { version: first!.version, unit: 'police', reason });
  await editor.ask('POST', `/api/tasks/${second!.id}/step`, { version: second!.version, to: 'dropped', reason });
  await editor.ask('POST', '/api/tasks/corrections', { entry: 'kb-residence-permit-lost', text: question });

  const screen = await people.admin('editor1');
  const { page } = screen;
  for (const query of ['', '?lang=en']) {
    for (const address of [
      'knowledge',
      `knowledge/+entries/${id}`,
      'knowledge/+points/residence-permit',
      'tasks',
      `tasks/+board/${first!.id}`,
      `tasks/+board/${second!.id}`,
      'tasks/+register',
      'tasks/+mine',
    ]) {
      await see(page, trap, server, address, query);
    }
  }
  await page.goto(`${server.url}/admin#/knowledge/+entries/${id}`);
  await page.getByRole('tab', { name: '历史版本' }).click();
  await page.locator('summary').first().click();
  await expect(page.locator('main')).toContainText('xss(');
  await trap.check(page);
  // Before the citizen and the agent.
  const widget = await people.citizen();
  await widget.write(question!.slice(0, 60));
  // As it was written, and as 小申 offers it.
  await expect(widget.thread.locator('.bubble').filter({ hasText: 'xss(' })).toHaveCount(2);
  await trap.check(widget.page);
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await agent.reply.pressSequentially('/');
  await agent.page.getByRole('combobox', { name: '搜索答复口径' }).pressSequentially('xss');
  await trap.check(agent.page);
});
