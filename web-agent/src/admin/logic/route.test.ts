import { expect, test } from 'vitest';
import { parseRoute, routeText } from './route';

test('an address leads back to where it was made', () => {
  for (const rest of [[], ['residence-permit'], ['team:a/b', '历史']]) {
    expect(parseRoute(routeText('items', ...rest))).toEqual({ screen: 'items', rest });
  }
});

test('what is no screen is none', () => {
  for (const hash of ['', '#', '#/', '#/nowhere/1', '#/%E0%A4%A']) expect(parseRoute(hash).screen, hash).toBeNull();
});
