/**
 * The way of a conversation to a second device: there, the code in the address or typed; here, what the picture says and
 * what has become of the code. The code stands behind `#`, which browsers send to no server and write into no log.
 */
import type { ContinuationView, ConversationId, Redeemed, Timestamp } from '../../generated/protocol';
import { ask } from './identity';
import { remember, safeStorage } from './preferences';

const KEY = 'bangban.second-device';
const MARK = '#continue=';

/** What the picture says. */
export const continueUrl = (origin: string, code: string): string => `${origin}/widget.html${MARK}${code}`;

/** The code in a page's address; `null`: none. */
export const codeOf = (hash: string): string | null =>
  hash.startsWith(MARK) && hash.length > MARK.length ? decodeURIComponent(hash.slice(MARK.length)) : null;

/** Takes the code out of the page's address, so that neither a reload nor the history shows or uses it again. */
export function takeCode(): string | null {
  let code: string | null = null;
  try {
    code = codeOf(location.hash);
  } catch {
    // Not an encoding: not ours.
  }
  if (code !== null) history.replaceState(null, '', location.pathname + location.search);
  return code;
}

/** Lets this device in. Throws `TokenError`. */
export async function redeem(code: string): Promise<Redeemed> {
  const redeemed = (await ask('/api/citizen/continue', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ code }),
  })) as Redeemed;
  // This tab and its reloads, and not longer.
  remember(safeStorage('sessionStorage'), KEY, JSON.stringify(redeemed));
  return redeemed;
}

/** What this tab was let in with. */
export function storedRedeemed(now: number): Redeemed | null {
  try {
    const stored = JSON.parse(safeStorage('sessionStorage')?.getItem(KEY) ?? 'null') as Redeemed | null;
    return typeof stored?.token === 'string' && stored.expiresAt > now ? stored : null;
  } catch {
    return null;
  }
}

export function forgetRedeemed(): void {
  safeStorage('sessionStorage')?.removeItem(KEY);
}

/** One code, as the page that made it shows it. */
export interface Way {
  id: string;
  conversation: ConversationId;
  code: string;
  short: string;
  expiresAt: Timestamp;
  redeemedAt: Timestamp | null;
  revokedAt: Timestamp | null;
}

export type WayState =
  /** `left`: whole seconds that the code can be used. */
  | { kind: 'open'; left: number }
  /** Nobody used it in time. */
  | { kind: 'expired' }
  | { kind: 'used' }
  /** Taken back, before or after its use. */
  | { kind: 'ended' };

export function wayState(way: Way, now: Timestamp): WayState {
  if (way.revokedAt !== null) return { kind: 'ended' };
  if (way.redeemedAt !== null) return { kind: 'used' };
  const left = Math.ceil((way.expiresAt - now) / 1000);
  return left > 0 ? { kind: 'open', left } : { kind: 'expired' };
}

/** What the server says of it; what was heard once does not become unheard. */
export function withView(way: Way, view: ContinuationView): Way {
  if (view.id !== way.id) return way;
  return {
    ...way,
    redeemedAt: way.redeemedAt ?? view.redeemedAt,
    revokedAt: way.revokedAt ?? view.revokedAt,
  };
}
