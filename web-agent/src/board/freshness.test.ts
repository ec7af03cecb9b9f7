import { expect, it } from 'vitest';
import { freshness, STALE_MS } from './freshness';

it('an open link is live however long the server had nothing to say', () => {
  expect(freshness({ kind: 'open' }, 1e12)).toEqual({ kind: 'live' });
});

it('a lost link is late for ten seconds and stale after them, attempts or not', () => {
  for (const kind of ['lost', 'connecting'] as const) {
    expect(freshness({ kind, since: 1_000 }, 1_000 + STALE_MS)).toEqual({ kind: 'late', ms: 10_000 });
    expect(freshness({ kind, since: 1_000 }, 1_001 + STALE_MS)).toEqual({ kind: 'stale', ms: 10_001 });
  }
});

it('the first attempt is not late yet; a stopped link is stale at once', () => {
  expect(freshness({ kind: 'connecting' }, 5)).toEqual({ kind: 'late', ms: 0 });
  expect(freshness({ kind: 'stopped', reason: 'protocol' }, 5).kind).toBe('stale');
});
