/**
 * Log-in of staff. The page holds a token that is good for minutes; the cookie with which the next one is fetched cannot
 * be read by any script and is shared by all tabs of the browser. Tabs renew one after the other and tell each other, so
 * that none of them uses up a cookie that another one needs.
 */
import type {
  ErrorCode,
  LoginChallenge,
  LoginNeed,
  LoginOptions,
  LoginReply,
  Enrolled,
  TotpOffer,
  WireError,
} from '../generated/protocol';

const KEY = 'bangban.staff';
/** Set while a cookie may be there, so that a page that nobody has logged in on does not ask. */
const MARK = 'bangban.staff.cookie';

/** Why a log-in did not succeed; `lost`: the server was not reached. `retryAfter`: seconds to wait, if it said so. */
export class LoginError extends Error {
  constructor(
    readonly code: ErrorCode | 'lost',
    readonly retryAfter?: number,
    readonly field?: string,
    readonly detail = '',
  ) {
    super(code);
    this.name = 'LoginError';
  }
}

/** A token with the time by our clock at which it ends. */
interface Stored extends LoginReply {
  endsAt?: number;
}

/** The log-in of this tab, if it is still valid at `now`. */
export function storedLogin(now: number, storage: Storage = sessionStorage): LoginReply | null {
  try {
    const text = storage.getItem(KEY);
    const login = text ? (JSON.parse(text) as Stored) : null;
    return login && (login.endsAt ?? login.expiresAt) > now ? login : null;
  } catch {
    return null;
  }
}

/** Forgets the log-in of this tab. The cookie stays until `logOut`. */
export function forgetLogin(storage: Storage = sessionStorage): void {
  storage.removeItem(KEY);
}

/** Keeps it for a reload of this tab. */
function keep(reply: LoginReply, serverNow: number, storage: Storage = sessionStorage): void {
  const endsAt = Date.now() + (reply.expiresAt - serverNow);
  storage.setItem(KEY, JSON.stringify({ ...reply, endsAt } satisfies Stored));
  mark(true);
}

function mark(is: boolean): void {
  try {
    if (is) localStorage.setItem(MARK, '1');
    else localStorage.removeItem(MARK);
  } catch {
    // Without it a new tab asks for the password.
  }
}

function isMarked(): boolean {
  try {
    return localStorage.getItem(MARK) === '1';
  } catch {
    return false;
  }
}

/** The server's clock when it answered; ours, if it did not say. */
const answeredAt = (response: Response): number => Date.parse(response.headers.get('Date') ?? '') || Date.now();

async function ask(path: string, body?: unknown, method = 'POST'): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      ...(body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    });
  } catch {
    throw new LoginError('lost');
  }
  if (response.ok) return response;
  const said = (await response.json().catch(() => null)) as { error?: WireError } | null;
  const wait = Number(response.headers.get('Retry-After'));
  const { code = 'internal', field, detail } = said?.error ?? {};
  throw new LoginError(code, wait > 0 ? wait : undefined, field, detail);
}

/** Logged in, or what is still needed. */
export type Step = { kind: 'done'; reply: LoginReply } | { kind: 'more'; challenge: string; needs: LoginNeed };

async function step(path: string, body: unknown): Promise<Step> {
  const response = await ask(path, body);
  if (response.status === 202) return { kind: 'more', ...((await response.json()) as LoginChallenge) };
  const reply = (await response.json()) as LoginReply;
  keep(reply, answeredAt(response));
  return { kind: 'done', reply };
}

/** Each throws `LoginError`. */
export const logIn = (login: string, password: string) => step('/api/staff/login', { login, password });
export const showCode = (challenge: string, code: string) => step('/api/staff/login/code', { challenge, code });
export const choosePassword = (challenge: string, password: string) =>
  step('/api/staff/login/password', { challenge, password });

export async function beginEnrolment(challenge: string): Promise<TotpOffer> {
  return (await (await ask('/api/staff/login/enrol', { challenge })).json()) as TotpOffer;
}

export async function confirmEnrolment(challenge: string, pending: string, code: string): Promise<Enrolled> {
  const response = await ask('/api/staff/login/enrol/confirm', { challenge, pending, code });
  const enrolled = (await response.json()) as Enrolled;
  keep(enrolled.login, answeredAt(response));
  return enrolled;
}

export async function loginOptions(): Promise<LoginOptions> {
  return (await (await ask('/api/staff/login/options', undefined, 'GET')).json()) as LoginOptions;
}

/** Where the organisation's own log-in begins, for a page. */
export const oidcStart = (page: string) => `/api/staff/oidc/start?to=${page}`;

/** What the organisation's own log-in has ended with, said once: `done`, `refused`, `unknown`, `unreachable`. */
export function oidcOutcome(): string {
  const found = /^#oidc=(\w+)$/.exec(location.hash);
  if (!found) return '';
  history.replaceState(history.state, '', location.pathname + location.search);
  if (found[1] === 'done') mark(true);
  return found[1] ?? '';
}

/** A new token by the cookie. `null`: there is no session any more. Throws `LoginError` `lost` and the like. */
async function renew(): Promise<LoginReply | null> {
  try {
    const response = await ask('/api/staff/session/renew');
    const reply = (await response.json()) as LoginReply;
    keep(reply, answeredAt(response));
    return reply;
  } catch (error) {
    if (error instanceof LoginError && error.code === 'unauthenticated') {
      forgetLogin();
      mark(false);
      return null;
    }
    throw error;
  }
}

/** The log-in of this tab, or of this browser. */
export async function resumeLogin(): Promise<LoginReply | null> {
  const stored = storedLogin(Date.now());
  if (stored || !isMarked()) return stored;
  return inTurn(async () => storedLogin(Date.now()) ?? (await renew().catch(() => null)));
}

/** Ends the session of this browser, in all its tabs. */
export async function logOut(): Promise<void> {
  forgetLogin();
  mark(false);
  channel?.postMessage({ ended: true });
  // Whoever cannot reach the server is logged out here anyway; the session there ends by itself.
  await ask('/api/staff/session/end').catch(() => {});
}

/** One tab after the other, where the browser can (it can wherever the page came safely). */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? navigator.locks.request('bangban.staff', work) : work();
}

type Word = { renewed: LoginReply; serverNow: number } | { ended: true };
const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('bangban.staff');

export interface Following {
  /** The newest token. */
  token: () => string;
  /** Now, because the server says that the token is over. */
  renewNow: () => Promise<'renewed' | 'ended' | 'lost'>;
  stop: () => void;
}

/** A token is renewed when a fifth of its time is left. */
const LEFT = 0.2;
const RETRY_MS = 5_000;

/** Keeps a log-in fresh as long as the page lives, also after sleep, together with the other tabs. */
export function follow(
  first: LoginReply,
  hears: { renewed: (reply: LoginReply) => void; ended: () => void },
): Following {
  let reply = first;
  let endsAt = 0;
  let dueAt = 0;
  let timer: number | undefined;
  let isOver = false;
  let running: Promise<'renewed' | 'ended' | 'lost'> | undefined;

  function take(next: LoginReply, ends: number) {
    reply = next;
    endsAt = ends;
    dueAt = Date.now() + (endsAt - Date.now()) * (1 - LEFT);
    plan();
  }

  function plan() {
    window.clearTimeout(timer);
    if (!isOver) timer = window.setTimeout(() => void check(), Math.max(0, dueAt - Date.now()));
  }

  function end() {
    if (isOver) return;
    stop();
    hears.ended();
  }

  function renewNow() {
    const before = reply;
    running ??= inTurn(async () => {
      // While we waited for our turn, another tab may have told us its token.
      if (isOver) return 'ended' as const;
      if (reply !== before && Date.now() < dueAt) return 'renewed' as const;
      try {
        const next = await renew();
        if (!next) {
          channel?.postMessage({ ended: true } satisfies Word);
          end();
          return 'ended' as const;
        }
        const ends = endOf(next);
        take(next, ends);
        channel?.postMessage({ renewed: next, serverNow: next.expiresAt - (ends - Date.now()) } satisfies Word);
        hears.renewed(next);
        return 'renewed' as const;
      } catch {
        dueAt = Date.now() + RETRY_MS;
        plan();
        return 'lost' as const;
      }
    }).finally(() => (running = undefined));
    return running;
  }

  async function check() {
    if (isOver) return;
    if (Date.now() >= dueAt) await renewNow();
    else plan();
  }

  const told = (event: MessageEvent<Word>) => {
    const word = event.data;
    if ('ended' in word) {
      forgetLogin();
      end();
    } else if (word.renewed.me.type === 'staff' && reply.me.type === 'staff' && word.renewed.me.id === reply.me.id) {
      keep(word.renewed, word.serverNow);
      take(word.renewed, endOf(word.renewed));
      hears.renewed(word.renewed);
    }
  };
  // Timers stand still while a machine sleeps and are slow in hidden tabs.
  const awake = () => void check();

  function stop() {
    isOver = true;
    window.clearTimeout(timer);
    channel?.removeEventListener('message', told);
    window.removeEventListener('online', awake);
    window.removeEventListener('focus', awake);
    document.removeEventListener('visibilitychange', awake);
  }

  channel?.addEventListener('message', told);
  window.addEventListener('online', awake);
  window.addEventListener('focus', awake);
  document.addEventListener('visibilitychange', awake);
  take(first, endOf(first));
  return { token: () => reply.token, renewNow, stop };
}

/** By our clock, as it was kept; by the server's, if it was not. */
function endOf(reply: LoginReply): number {
  try {
    const stored = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Stored | null;
    if (stored?.token === reply.token && stored.endsAt) return stored.endsAt;
  } catch {
    // As below.
  }
  return reply.expiresAt;
}
