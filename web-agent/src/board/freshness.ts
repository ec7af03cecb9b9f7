/** May the numbers on the screen still be believed? */
import type { LinkState } from '../shared/link';

/** Without a link for so long, the numbers are grey. */
export const STALE_MS = 10_000;

/**
 * `live`: the link is open. The server sends only on change, but its ticks prove the link, so a quiet board is a true
 * one. `late`: no link for `ms`, and the numbers are still believed; `stale`: no more.
 */
export type Freshness = { kind: 'live' } | { kind: 'late'; ms: number } | { kind: 'stale'; ms: number };

/** `now`: local time. */
export function freshness(state: LinkState, now: number): Freshness {
  switch (state.kind) {
    case 'open':
      return { kind: 'live' };
    case 'connecting':
    case 'lost': {
      const ms = Math.max(0, now - (state.since ?? now));
      return { kind: ms > STALE_MS ? 'stale' : 'late', ms };
    }
    case 'stopped':
      // Nothing will come any more, so there is nothing to wait for.
      return { kind: 'stale', ms: 0 };
  }
}
