/** Tokens of staff under a clock that the test moves. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LoginReply } from '../generated/protocol';
import { follow, forgetLogin, logIn, resumeLogin, storedLogin, type Following } from './staff';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;

const reply = (token: string, at: number): LoginReply => ({
  token,
  expiresAt: at + 15 * MINUTE,
  me: { type: 'staff', id: 'ag_1', name: '李敏', role: 'agent', grants: [{ role: 'agent', unit: null, items: [] }] },
});

/** What the server says to a path; its clock is five minutes ahead of ours. */
const AHEAD = 5 * MINUTE;
let answers: Record<string, () => [number, unknown]>;
let asked: string[];
let following: Following | undefined;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  sessionStorage.clear();
  localStorage.clear();
  asked = [];
  answers = {
    '/api/staff/login': () => [200, reply('first', Date.now() + AHEAD)],
    '/api/staff/session/renew': () => [200, reply(`at ${(Date.now() - NOW) / MINUTE}`, Date.now() + AHEAD)],
  };
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    const [status, body] = answers[path]!();
    const date = new Date(Date.now() + AHEAD).toUTCString();
    return new Response(JSON.stringify(body), { status, headers: { Date: date } });
  });
});

afterEach(() => {
  following?.stop();
  following = undefined;
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function loggedIn(): Promise<LoginReply> {
  const step = await logIn('agent1001', 'bangban-demo');
  if (step.kind !== 'done') throw new Error('more is needed');
  return step.reply;
}

test('a token is renewed when a fifth of its time is left, by our clock, and after sleep', async () => {
  const heard: string[] = [];
  following = follow(await loggedIn(), { renewed: (next) => heard.push(next.token), ended: () => heard.push('ended') });
  await vi.advanceTimersByTimeAsync(12 * MINUTE - 1);
  expect(heard).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect([heard, following.token()]).toEqual([['at 12'], 'at 12']);
  // The machine slept: no timer ran, and then the window is looked at again.
  vi.setSystemTime(NOW + 100 * MINUTE);
  window.dispatchEvent(new Event('focus'));
  await vi.advanceTimersByTimeAsync(0);
  expect(heard).toEqual(['at 12', 'at 100']);
});

test('a server that is away is asked again; one that says that the session is over ends it, once', async () => {
  const heard: string[] = [];
  following = follow(await loggedIn(), { renewed: (next) => heard.push(next.token), ended: () => heard.push('ended') });
  answers['/api/staff/session/renew'] = () => {
    throw new TypeError('away');
  };
  expect(await following.renewNow()).toBe('lost');
  const refused = { error: { code: 'unauthenticated', detail: '', retryable: false } };
  answers['/api/staff/session/renew'] = () => [401, refused];
  await vi.advanceTimersByTimeAsync(5_000);
  expect(heard).toEqual(['ended']);
  expect(await following.renewNow()).toBe('ended');
  expect(heard).toEqual(['ended']);
});

test('questions at once are one question', async () => {
  following = follow(await loggedIn(), { renewed: () => {}, ended: () => {} });
  asked = [];
  await Promise.all([following.renewNow(), following.renewNow(), following.renewNow()]);
  expect(asked).toEqual(['/api/staff/session/renew']);
});

test('a reload goes on with the token, a new tab with the cookie, and a browser that nobody used does not ask', async () => {
  expect([await resumeLogin(), asked]).toEqual([null, []]);
  await loggedIn();
  expect(storedLogin(Date.now() + 15 * MINUTE - 1)?.token).toBe('first');
  expect(storedLogin(Date.now() + 15 * MINUTE)).toBeNull();
  expect((await resumeLogin())?.token).toBe('first');
  // Another tab has no token of its own.
  forgetLogin();
  expect((await resumeLogin())?.token).toBe('at 0');
});
