import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { forgetVisitor, noteAsked, storedVisitor, visitorToken } from './visitor';

const DAY = 86_400_000;
let replies: Response[];
let asked: { token: string | null }[];

beforeEach(() => {
  localStorage.clear();
  replies = [];
  asked = [];
  vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
    asked.push({ token: new Headers(init.headers).get('Authorization') });
    return Promise.resolve(replies.shift() ?? new Response('{}', { status: 500 }));
  });
});
afterEach(() => vi.unstubAllGlobals());

const made = (token: string, expiresAt: number) => new Response(JSON.stringify({ token, expiresAt }));
const refused = (status: number, code: string) => new Response(JSON.stringify({ error: { code } }), { status });

test('a device is one visitor, renewed while it comes back', async () => {
  replies = [made('one', 7 * DAY), made('two', 9 * DAY)];
  expect(await visitorToken(0)).toBe('one');
  expect(await visitorToken(DAY / 2)).toBe('one');
  noteAsked(DAY);
  expect(await visitorToken(2 * DAY)).toBe('two');
  expect(asked).toEqual([{ token: null }, { token: 'Bearer one' }]);
  expect(storedVisitor(2 * DAY)).toMatchObject({ token: 'two', hasAsked: true });
  expect(storedVisitor(9 * DAY), 'over').toBeNull();
});

test('a visitor whom the server does not know any more becomes a new one; another refusal is told', async () => {
  replies = [made('one', 7 * DAY), refused(401, 'unauthenticated'), made('new', 10 * DAY)];
  await visitorToken(0);
  noteAsked(0);
  expect(await visitorToken(3 * DAY)).toBe('new');
  expect(storedVisitor(3 * DAY)?.hasAsked, 'nothing of the old one').toBeUndefined();
  replies = [refused(429, 'rate_limited')];
  forgetVisitor();
  await expect(visitorToken(0)).rejects.toMatchObject({ code: 'rate_limited' });
});

test('what is no visitor in the storage is none', () => {
  for (const wrong of ['', 'x', '{}', '{"token":5,"expiresAt":9}', '[]']) {
    localStorage.setItem('bangban.visitor', wrong);
    expect(storedVisitor(0), wrong).toBeNull();
  }
});
