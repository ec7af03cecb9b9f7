/** Has the person left the kiosk? Pure; the page supplies touches and time. */

export interface IdleLimits {
  /** Without a touch for so long it is asked. */
  idleMs: number;
  /** So long the answer is waited for. */
  answerMs: number;
}

export type Idle =
  | { kind: 'active' }
  /** `left`: whole seconds until everything is wiped, at least 1. */
  | { kind: 'asking'; left: number }
  | { kind: 'gone' };

export function idle(now: number, touchedAt: number, { idleMs, answerMs }: IdleLimits): Idle {
  const since = now - touchedAt;
  if (since < idleMs) return { kind: 'active' };
  const leftMs = idleMs + answerMs - since;
  return leftMs > 0 ? { kind: 'asking', left: Math.ceil(leftMs / 1000) } : { kind: 'gone' };
}
