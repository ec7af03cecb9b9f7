/** Log-in of staff. The token lives in this tab's session storage: closing the tab logs out. */
import type { ErrorCode, LoginReply, WireError } from '../generated/protocol';

const KEY = 'bangban.staff';

/** Why a log-in did not succeed; `lost`: the server was not reached. `retryAfter`: seconds to wait, if it said so. */
export class LoginError extends Error {
  constructor(
    readonly code: ErrorCode | 'lost',
    readonly retryAfter?: number,
  ) {
    super(code);
    this.name = 'LoginError';
  }
}

/** The log-in of this tab, if it is still valid at `now`. */
export function storedLogin(now: number, storage: Storage = sessionStorage): LoginReply | null {
  try {
    const text = storage.getItem(KEY);
    const login = text ? (JSON.parse(text) as LoginReply) : null;
    return login && login.expiresAt > now ? login : null;
  } catch {
    return null;
  }
}

export function forgetLogin(storage: Storage = sessionStorage): void {
  storage.removeItem(KEY);
}

/** Logs in and remembers it for this tab. Throws `LoginError`. */
export async function logIn(login: string, password: string, storage: Storage = sessionStorage): Promise<LoginReply> {
  let response: Response;
  try {
    response = await fetch('/api/staff/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ login, password }),
    });
  } catch {
    throw new LoginError('lost');
  }
  if (!response.ok) {
    const body = (await response.json().catch(() => null)) as { error?: WireError } | null;
    const wait = Number(response.headers.get('Retry-After'));
    throw new LoginError(body?.error?.code ?? 'internal', wait > 0 ? wait : undefined);
  }
  const reply = (await response.json()) as LoginReply;
  storage.setItem(KEY, JSON.stringify(reply));
  return reply;
}
