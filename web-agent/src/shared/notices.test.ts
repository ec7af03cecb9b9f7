import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Command, NoticeView } from '../generated/protocol';
import type { Subscription } from './link';
import { createNotices } from './notices';

const notice = (id: string, more: Partial<NoticeView> = {}): NoticeView => ({
  id,
  version: 1,
  text: id,
  textEn: '',
  level: 'info',
  from: 0,
  to: null,
  ...more,
});

let listened: Subscription | undefined;
let asked: Command[];
let inForce: NoticeView[];
const link = {
  subscribe: (topic: string, subscription: Subscription) => {
    expect(topic).toBe('notices');
    listened = subscription;
    return () => (listened = undefined);
  },
  request: (command: Command) => {
    asked.push(command);
    return Promise.resolve({ type: 'notices' as const, notices: inForce });
  },
};
const snapshot = async () => {
  listened!.snapshot({ type: 'notices' }, 0);
  await vi.advanceTimersByTimeAsync(0);
};

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  inForce = [notice('a'), notice('b', { level: 'outage' })];
});
afterEach(() => vi.useRealTimers());

test('the notices of the item are asked for when one listens, and again within seconds when told', async () => {
  const notices = createNotices(
    () => 'permit',
    () => 0.5,
  );
  notices.follow(link);
  await snapshot();
  expect(asked).toEqual([{ type: 'list_notices', item: 'permit' }]);
  expect(notices.shown.value.map(({ id }) => id)).toEqual(['a', 'b']);
  inForce = [];
  listened!.event({ type: 'notices_changed' }, undefined);
  await vi.advanceTimersByTimeAsync(749);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(2);
  expect(notices.shown.value).toEqual([]);
});

test('what was put away stays away until its words are others; an outage cannot be', async () => {
  const notices = createNotices();
  notices.follow(link);
  await snapshot();
  for (const one of inForce) notices.dismiss(one);
  expect(notices.shown.value.map(({ id }) => id)).toEqual(['b']);
  inForce = [notice('a', { version: 2, text: '新的' })];
  await snapshot();
  expect(notices.shown.value.map(({ text }) => text)).toEqual(['新的']);
});

test('who has stopped shows nothing and hears nothing', async () => {
  const notices = createNotices();
  notices.follow(link);
  listened!.snapshot({ type: 'notices' }, 0);
  notices.stop();
  await vi.advanceTimersByTimeAsync(0);
  expect(listened).toBeUndefined();
  expect(notices.shown.value).toEqual([]);
});
