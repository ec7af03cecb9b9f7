import { expect, test } from 'vitest';
import { idle } from './idle';
import { MemoryStorage, hallOf, isTicket } from './shared-device';

const limits = { idleMs: 60_000, answerMs: 15_000 };

test('after 60 s it is asked, 15 s later everything is gone', () => {
  const table: [number, ReturnType<typeof idle>][] = [
    [0, { kind: 'active' }],
    [59_999, { kind: 'active' }],
    [60_000, { kind: 'asking', left: 15 }],
    [60_001, { kind: 'asking', left: 15 }],
    [61_000, { kind: 'asking', left: 14 }],
    [74_999, { kind: 'asking', left: 1 }],
    [75_000, { kind: 'gone' }],
    [9_000_000, { kind: 'gone' }],
  ];
  for (const [later, expected] of table) expect(idle(1_000 + later, 1_000, limits), `${later}`).toEqual(expected);
});

test('a hall is named by its channel, and by nothing else', () => {
  const of = (query: string) => hallOf(new URLSearchParams(query));
  expect(of('channel=kiosk&hall=pudong-1')).toEqual({ channel: 'kiosk', hall: 'pudong-1' });
  expect(of('channel=counter&hall=x&ticket=A1')).toEqual({ channel: 'counter', hall: 'x' });
  expect(of('channel=kiosk')).toEqual({ channel: 'kiosk', hall: '' });
  for (const none of ['', 'hall=pudong-1', 'channel=hall&hall=x', 'channel=pc']) expect(of(none), none).toBeNull();
});

test('ticket numbers are letters, digits and dashes', () => {
  for (const good of ['', 'A12', ' a-12 ', '1234567890123456']) expect(isTicket(good), good).toBe(true);
  for (const bad of ['A 12', '甲12', '12345678901234567', 'A/1']) expect(isTicket(bad), bad).toBe(false);
});

test('the memory is a storage, and empty when it is cleared', () => {
  const storage: Storage = new MemoryStorage();
  storage.setItem('a', '1');
  storage.setItem('b', '2');
  storage.removeItem('a');
  expect([storage.length, storage.key(0), storage.key(1), storage.getItem('b'), storage.getItem('a')]).toEqual([
    1,
    'b',
    null,
    '2',
    null,
  ]);
  storage.clear();
  expect(storage.length).toBe(0);
});
