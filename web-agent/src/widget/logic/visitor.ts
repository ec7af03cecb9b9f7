/**
 * The anonymous identity of this device. Whoever has its token is this visitor, so it never leaves the browser's storage
 * but for our own server.
 */
import type { VisitorReply } from '../../generated/protocol';
import { ask, TokenError } from './identity';
import { remember, safeStorage } from './preferences';

const KEY = 'bangban.visitor';
/** A token that ends within this time is renewed, so that a visitor who comes now and then stays the same. */
const RENEW_MS = 6 * 86_400_000;

const HERE = 'bangban.visitor-here';

/** This tab goes on as the visitor after a reload, without being asked again. */
export const isVisitorHere = (): boolean => safeStorage('sessionStorage')?.getItem(HERE) === '1';

export function noteVisitorHere(isHere: boolean): void {
  const session = safeStorage('sessionStorage');
  if (isHere) remember(session, HERE, '1');
  else session?.removeItem(HERE);
}

interface Stored extends VisitorReply {
  /** Something was asked: there is something to take along after a log-in. */
  hasAsked?: boolean;
}

export function storedVisitor(now: number): Stored | null {
  try {
    const stored = JSON.parse(safeStorage('localStorage')?.getItem(KEY) ?? 'null') as Stored | null;
    return typeof stored?.token === 'string' && stored.expiresAt > now ? stored : null;
  } catch {
    // Not ours.
    return null;
  }
}

function keep(visitor: Stored): void {
  remember(safeStorage('localStorage'), KEY, JSON.stringify(visitor));
}

export function forgetVisitor(): void {
  safeStorage('localStorage')?.removeItem(KEY);
}

export function noteAsked(now: number): void {
  const stored = storedVisitor(now);
  if (stored && !stored.hasAsked) keep({ ...stored, hasAsked: true });
}

/** The token of the visitor that this device is, or becomes. Throws `TokenError`. */
export async function visitorToken(now: number): Promise<string> {
  const stored = storedVisitor(now);
  if (stored && stored.expiresAt - now > RENEW_MS) return stored.token;
  if (stored) {
    try {
      const renewed = (await ask('/api/citizen/anonymous', {
        method: 'POST',
        headers: { Authorization: `Bearer ${stored.token}` },
      })) as VisitorReply;
      keep({ ...stored, ...renewed });
      return renewed.token;
    } catch (error) {
      // Another secret, or logged in since: a new visitor.
      if (!(error instanceof TokenError) || error.code !== 'unauthenticated') throw error;
      forgetVisitor();
    }
  }
  const made = (await ask('/api/citizen/anonymous', { method: 'POST' })) as VisitorReply;
  keep(made);
  return made.token;
}
