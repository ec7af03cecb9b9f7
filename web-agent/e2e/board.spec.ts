/** What is the board's own: who may look, the wall, definitions by key, many at risk. */
import { createHmac } from 'node:crypto';
import { Board } from './support/board';
import { expect, LOST_LINK, test, type People } from './support/fixtures';
import type { Server } from './support/server';

test('an agent is told that the board is not theirs; a supervisor who logs out is out', async ({ people, server }) => {
  const page = await people.page();
  await Board.logInOnly(page, server.url, 'agent1001');
  await expect(page.getByTestId('elsewhere')).toContainText('本页面是服务时效看板');
  await expect(page.getByRole('heading', { name: '李敏，您好' })).toBeVisible();
  await expect(page.locator('[data-testid^=figure-]')).toHaveCount(0);

  const board = await people.supervisor();
  await board.page.getByRole('button', { name: '退出登录' }).click();
  await expect(board.page.getByRole('textbox', { name: '工号' })).toBeFocused();
  await board.page.reload();
  await expect(board.page.getByRole('textbox', { name: '工号' })).toBeVisible();
});

test('every figure tells its definition to the keyboard, and Escape takes it away', async ({ people }) => {
  const { page } = await people.supervisor();
  const marks = page.getByRole('button', { name: /的口径$/ });
  await expect(marks).toHaveCount(10);
  for (const mark of await marks.all()) {
    await mark.focus();
    await page.keyboard.press('Enter');
    const note = page.getByRole('note').filter({ visible: true });
    await expect(note).toHaveText(/.{20,}/s);
    await page.keyboard.press('Escape');
    await expect(note).toHaveCount(0);
  }
});

test('the wall: large, whole, by address, left by Escape', async ({ people }) => {
  const { page } = await people.supervisor({ query: '?wall=1' });
  await expect(page.locator('html')).toHaveAttribute('data-wall', '1');
  for (const size of [
    { width: 1280, height: 720 },
    { width: 1920, height: 1080 },
    { width: 3840, height: 2160 },
  ]) {
    await page.setViewportSize(size);
    // Nothing scrolls, every team is there, and the figures grow with the screen.
    await expect(page.locator('tr[data-team]')).toHaveCount(6);
    const [overflow, figure] = await page.evaluate(() => {
      const { scrollWidth, scrollHeight } = document.documentElement;
      const value = document.querySelector('[data-testid=figure-waiting] .value')!;
      return [scrollWidth > innerWidth || scrollHeight > innerHeight, parseFloat(getComputedStyle(value).fontSize)];
    });
    expect([overflow, Math.round((figure / size.width) * 1920)]).toEqual([false, 77]);
  }
  // The numbers' definitions are written out: nobody hovers over a wall.
  await expect(page.getByText('60 秒内人工首次响应 ÷ 已有结论的人工请求').first()).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.locator('html')).not.toHaveAttribute('data-wall', '1');
  expect(new URL(page.url()).search).toBe('');
});

test.describe('with a promise of two seconds', () => {
  test.use({ settings: { SLA__WARN_SECONDS: '1', SLA__ALERT_SECONDS: '2', SLA__BREACH_SECONDS: '3' } });

  test('twenty overdue: every number equals the rows, and the wall turns to those that do not fit', async ({
    people,
    server,
    guard,
  }) => {
    guard.allow(...LOST_LINK);
    await crowd(people, server, 20);
    const board = await people.supervisor();
    await expect(board.risky).toHaveCount(20);
    await expect(board.figure('waiting')).toHaveText('20');
    await expect(board.page.getByTestId('figure-waiting')).toContainText('■ 超时 20');
    await expect(board.page.getByText('办*').first()).toBeVisible();
    await board.equalsRecount([]);

    await board.page.setViewportSize({ width: 1920, height: 1080 });
    await board.page.getByRole('button', { name: '大屏模式' }).click();
    await expect(board.page.getByText(/^第 \d \/ [34] 页$/)).toBeVisible();
    const shown = () =>
      board.risky.evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset.conversation!));
    const first = await shown();
    // The last page may have few.
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThan(10);
    // The next page has other people on it.
    await expect.poll(async () => (await shown()).filter((one) => first.includes(one)), { timeout: 9_000 }).toEqual([]);
    // Everybody who passes can read a wall.
    await expect(board.page.getByText('办*')).toHaveCount(0);
  });
});

/** Many citizens of a portal who all want a person: signed and connected without a page each. */
async function crowd(people: People, server: Server, count: number): Promise<void> {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const tokens = Array.from({ length: count }, (_, n) => {
    const claims = {
      aud: 'bangban:citizen',
      sub: `crowd-${n}`,
      name: '办事人',
      exp: Math.floor(Date.now() / 1_000) + 600,
      kind: 'person',
      level: 'L3',
    };
    const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
    return `${signed}.${createHmac('sha256', server.portalSecret).update(signed).digest('base64url')}`;
  });
  const page = await people.page();
  // A page whose policy lets it open sockets; nobody has logged in there.
  await page.goto(`${server.url}/board.html`);
  await page.evaluate(async (given) => {
    const items = ['residence-permit', 'fund-rent', 'medical-remote', 'company-setup', 'social-card'];
    await Promise.all(
      given.map(async (token, n) => {
        const socket = new WebSocket(`ws://${location.host}/ws`);
        await new Promise((resolve) => (socket.onopen = resolve));
        let ref = 0;
        const ask = (body: object) =>
          new Promise<{ conversation: string }>((resolve, reject) => {
            const mine = ++ref;
            socket.addEventListener('message', (event) => {
              const frame = JSON.parse(event.data as string) as {
                ref?: number;
                ok?: never;
                error?: { detail: string };
              };
              if (frame.ref !== mine) return;
              if (frame.error) reject(new Error(frame.error.detail));
              else resolve(frame.ok!);
            });
            socket.send(JSON.stringify({ ref: mine, body }));
          });
        await ask({ type: 'hello', token, protocol: 1 });
        const { conversation } = await ask({ type: 'open_conversation', item: items[n % items.length], channel: 'pc' });
        await ask({ type: 'request_human', conversation });
      }),
    );
  }, tokens);
}
