/** Whatever is written into any field, nothing of it runs, on any page. What is administered: xss-admin.spec.ts. */
import { createHmac } from 'node:crypto';
import type { Page } from '@playwright/test';
import { expect } from './support/fixtures';
import { rows } from './support/recount';
import { Rest } from './support/rest';
import type { Server } from './support/server';
import { chunks, Line, test, vectors } from './support/xss';

const many = '1000000';
test.use({ settings: { LIMITS__CITIZEN_BURST: many, LIMITS__STAFF_BURST: many, SLA__WARN_SECONDS: '1' } });

/** Chromium repeats what was typed into an address when it is not a page of ours. */
const ABSENT = /status of 404/;

async function post(server: Server, path: string, body: object): Promise<{ token: string }> {
  const reply = await fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify(body) });
  expect(reply.status).toBe(200);
  return (await reply.json()) as { token: string };
}
const citizenToken = async (server: Server) =>
  (await post(server, '/api/demo/token', { citizen: 'demo-citizen-1' })).token;
const staffToken = async (server: Server, login: string) => (await Rest.logIn(server, login)).token;

/** A citizen's token with this name, as a portal would sign it. */
function signed(server: Server, sub: string, name: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { aud: 'bangban:citizen', sub, name, exp: Math.floor(Date.now() / 1_000) + 600, kind: 'person' };
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', server.portalSecret).update(text).digest('base64url')}`;
}

/** A page whose policy lets it open sockets, with nobody logged in. */
async function outside(page: Page, server: Server): Promise<Page> {
  await page.goto(`${server.url}/board.html`);
  return page;
}

/** Every one of these texts stands in the thread, as it was written. */
async function shows(page: Page, texts: readonly string[]): Promise<void> {
  const wanted = texts.map((text) => text.trim());
  await expect
    .poll(async () => {
      const shown = await page.locator('.bubble .text').allTextContents();
      const there = new Set(shown.map((text) => text.trim()));
      return wanted.filter((text) => !there.has(text));
    })
    .toEqual([]);
}

test('the corpus is as large as it should be, and the trap springs', async ({ people, server, trap, guard }) => {
  expect(vectors.length).toBeGreaterThanOrEqual(60);
  expect(new Set(vectors).size).toBe(vectors.length);
  guard.allow(/./);
  const page = await outside(await people.page(), server);
  await trap.check(page);
  await page.evaluate(() => document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=xss(1)>'));
  await expect(async () => expect(trap.check(page)).rejects.toThrow(/onerror/)).toPass();
  await page.evaluate(() => document.querySelector('img')!.remove());
  // The policy stopped it, which is a failure too: it should not have been an element.
  await expect(trap.check(page)).rejects.toThrow(/the policy had to stop/);
});

test('messages, replies, notes, drafts and searches', async ({ people, server, trap }) => {
  const agent = await people.agent('agent1001');
  const widget = await people.citizen();
  await widget.askHuman();
  await agent.accept();
  await agent.say('A0');
  const [{ id: conversation }] = rows(server, 'SELECT id FROM conversation') as [{ id: string }];
  const page = await outside(await people.page(), server);
  const citizen = await Line.open(page, await citizenToken(server));
  const staff = await Line.open(page, await staffToken(server, 'agent1001'));
  const said = (type: string, who: string) =>
    vectors.map((text, n) => ({ type, conversation, clientId: `${who}${n}`, text }));
  await citizen.ask(...said('send', 'c'));
  await staff.ask(...said('send', 'a'), ...said('note', 'n'));
  await shows(widget.page, vectors);
  await shows(agent.page, vectors);
  await trap.check(widget.page);
  await trap.check(agent.page);
  // As history too.
  await widget.page.reload();
  await expect(widget.input).toBeEditable();
  await expect(widget.thread.locator('.bubble').first()).toBeVisible();
  await trap.check(widget.page);

  // Through the pages' own fields.
  for (const text of chunks(1_900)) {
    await widget.write(text);
    await agent.reply.fill(text);
    await expect(agent.page.getByTestId('draft-state')).toContainText('草稿已保存');
  }
  await agent.page.reload();
  await expect(agent.reply).toHaveValue(/xss/);
  await agent.reply.fill('');
  const search = agent.page.getByRole('button', { name: '查答复' });
  await search.click();
  const query = agent.page.getByRole('combobox', { name: '搜索答复口径' });
  for (const text of chunks(200)) {
    await query.fill(text);
    await expect(agent.page.getByText('正在搜索…')).toBeHidden();
  }
  await trap.check(agent.page);
  await trap.check(widget.page);
});

test('names of files', async ({ people, server, trap }) => {
  const agent = await people.agent('agent1001');
  const widget = await people.citizen();
  await widget.askHuman();
  await agent.accept();
  await agent.say('A0');
  const [{ id: conversation }] = rows(server, 'SELECT id FROM conversation') as [{ id: string }];
  const token = await citizenToken(server);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const ask = (method: string, path: string, headers: Record<string, string>, body?: string) =>
    fetch(`${server.url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Tus-Resumable': '1.0.0', ...headers },
      ...(body === undefined ? {} : { body }),
    });
  const sent: { type: string; conversation: string; clientId: string; file: string }[] = [];
  for (const [n, vector] of vectors.entries()) {
    if (sent.length === 50) break; // What one citizen may upload within an hour is 60.
    const said = { conversation, kind: 'file', name: `${vector}.txt` };
    const pairs = Object.entries(said).map(([key, text]) => `${key} ${base64(text)}`);
    const begun = await ask('POST', '/api/files', { 'Upload-Length': '5', 'Upload-Metadata': pairs.join(',') });
    if (begun.status === 400) continue; // A name that is none, e.g. too long.
    expect(begun.status, vector).toBe(201);
    const path = begun.headers.get('location')!;
    const type = 'application/offset+octet-stream';
    expect((await ask('PATCH', path, { 'Upload-Offset': '0', 'Content-Type': type }, 'hello')).status).toBe(204);
    const finished = await ask('POST', `${path}/finish`, {});
    expect(finished.status, vector).toBe(200);
    const { file } = (await finished.json()) as { file: string };
    sent.push({ type: 'send_file', conversation, clientId: `f${n}`, file });
  }
  expect(sent.length).toBeGreaterThan(40);
  const citizen = await Line.open(await outside(await people.page(), server), token);
  await citizen.ask(...sent);
  for (const page of [widget.page, agent.page]) {
    await expect(page.locator('.bubble').filter({ hasText: '.txt' })).toHaveCount(sent.length);
    await trap.check(page);
  }
});

test('names of citizens and of staff', async ({ people, server, trap }) => {
  // A capacity that takes some of them, and a name that is as bad as those of the citizens.
  const worst = '<img src=x onerror=xss(900)><svg onload=xss(901)>';
  const admin = await Rest.logIn(server);
  await admin.changeAccount('agent1001', { name: worst });
  await admin.changeAccount('super1', { name: worst });
  const page = await outside(await people.page(), server);
  const names = chunks(100);
  for (const [n, name] of names.entries()) {
    const line = await Line.open(page, signed(server, `name-${n}`, name));
    const [opened] = await line.ask({ type: 'open_conversation', item: 'residence-permit', channel: 'pc' });
    await line.ask({ type: 'request_human', conversation: opened!.conversation });
  }
  const board = await people.supervisor();
  await expect(board.figure('waiting')).toHaveText(String(names.length));
  await expect(board.risky.first()).toBeVisible();
  await trap.check(board.page);
  const agent = await people.agent('agent1001');
  await expect(agent.offer).toBeVisible();
  await trap.check(agent.page);
  // One after the other, as long as there is room.
  await agent.accept();
  await expect(agent.rows).toHaveCount(3);
  await agent.say('A0 您好');
  await trap.check(agent.page);
  // Who is served by that agent sees their name, and so do their colleagues.
  const colleague = await people.agent('agent1002');
  await colleague.accept();
  await colleague.page.getByRole('button', { name: /^转接/ }).click();
  const dialog = colleague.page.getByRole('dialog', { name: /^转接会话/ });
  await expect(dialog).toContainText('onerror=xss(900)');
  await trap.check(colleague.page);
  await trap.check(board.page);
});

test('the name of the agent before the citizen, ratings and transfers', async ({ people, server, trap }) => {
  const agent = await people.agent('agent1001');
  const widget = await people.citizen();
  await widget.askHuman();
  await agent.accept();
  await agent.say('A0');
  const [{ id: conversation }] = rows(server, 'SELECT id FROM conversation') as [{ id: string }];
  await (await Rest.logIn(server)).changeAccount('agent1002', { name: '<img src=x onerror=xss(902)>' });
  const other = await people.agent('agent1002');
  await agent.transfer('onerror=xss\\(902\\)', chunks(1_900)[0]!);
  await expect(other.offer).toContainText('xss(');
  await trap.check(agent.page);
  await trap.check(other.page);
  await other.accept();
  await trap.check(other.page);
  await other.say('B0');
  await expect(widget.root.getByRole('heading', { level: 1 })).toContainText('onerror=xss(902)');
  await trap.check(widget.page);
  await other.close('已解决');
  const citizen = await Line.open(await outside(await people.page(), server), await citizenToken(server));
  for (const comment of chunks(480)) await citizen.ask({ type: 'rate', conversation, stars: 1, comment });
  await expect(widget.root.getByRole('region', { name: '感谢您的评价' })).toBeVisible();
  await trap.check(widget.page);
  await widget.page.reload();
  await expect(widget.thread.locator('.bubble').first()).toBeVisible();
  await trap.check(widget.page);
});

test('the address of a page, and a path that is none', async ({ people, server, trap, guard }) => {
  guard.allow(ABSENT);
  const page = await people.page();
  for (const text of chunks(600)) {
    const said = encodeURIComponent(text);
    for (const path of ['widget.html', 'console.html', 'board.html', 'demo-portal.html', 'api/docs']) {
      await page.goto(`${server.url}/${path}?item=${said}&lang=${said}&hall=${said}&ticket=${said}#${said}`);
      await expect(page.locator('body')).not.toBeEmpty();
      await trap.check(page);
    }
    await page.goto(`${server.url}/${said}`);
    await expect(page.getByText('页面不存在')).toBeVisible();
    await trap.check(page);
  }
});

/** Opening hours that do not contain this moment, whenever the story runs. */
const closedNow = () => {
  const hour = (new Date().getUTCHours() + 8) % 24;
  return hour < 12 ? '["13:00-20:00"]' : '["06:00-10:00"]';
};

test.describe('out of hours', () => {
  test.use({ settings: { SERVICE__HOURS: 'calendar', SERVICE__PERIODS: closedNow() } });

  test('a message that is left', async ({ people, trap }) => {
    const board = await people.supervisor();
    const widget = await people.citizen();
    await widget.human.click();
    const form = widget.root.getByRole('dialog', { name: '给工作人员留言' });
    await form.getByRole('textbox', { name: '您的问题' }).fill(chunks(990)[0]!);
    await form.getByRole('textbox', { name: '联系电话' }).fill('13800138001');
    await form.getByRole('radio').first().check({ force: true });
    await form.getByRole('button', { name: '提交留言' }).click();
    await expect(widget.root.getByRole('dialog', { name: '留言已收到' })).toBeVisible();
    await trap.check(widget.page);
    await widget.page.reload();
    await expect(widget.root.getByRole('region', { name: '预约回复' })).toBeVisible();
    await trap.check(widget.page);
    await expect(board.figure('callBacks')).toHaveText('1');
    await trap.check(board.page);
  });
});
