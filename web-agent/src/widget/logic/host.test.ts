import { expect, test, vi } from 'vitest';
import { connectHost, type FromLoader } from './host';

function framed() {
  const listeners: ((event: MessageEvent) => void)[] = [];
  const parent = { postMessage: vi.fn() };
  const page = {
    parent,
    addEventListener: (_: string, listener: (event: MessageEvent) => void) => listeners.push(listener),
  } as unknown as Window;
  const heard: FromLoader[] = [];
  const host = connectHost((message) => heard.push(message), page);
  const say = (data: unknown, origin = 'https://portal.example', source: unknown = parent) =>
    listeners.forEach((listener) => listener({ data, origin, source } as MessageEvent));
  return { host, parent, heard, say };
}

test('a page of its own is not embedded and says nothing', () => {
  const page = { addEventListener: vi.fn(), postMessage: vi.fn() } as unknown as Window & { parent: Window };
  Object.assign(page, { parent: page });
  const host = connectHost(() => {}, page);
  host.say({ close: true });
  expect(host.isEmbedded).toBe(false);
  expect(page.postMessage).not.toHaveBeenCalled();
});

test('in a frame it says ready first, which tells nothing, and listens to its parent', () => {
  const { parent, heard, say } = framed();
  expect(parent.postMessage.mock.calls).toEqual([[{ bangban: { ready: true } }, '*']]);
  say({ bangban: { token: 't', item: 'a', elder: false } });
  expect(heard).toEqual([{ token: 't', item: 'a', elder: false }]);
});

test('other windows, other origins and other messages are not heard', () => {
  const { heard, say } = framed();
  say({ bangban: { token: 'x' } }, 'https://portal.example', {});
  say('hello');
  say(null);
  say({ bangban: 'text' });
  say({ bangban: { token: 'good' } });
  say({ bangban: { token: 'bad' } }, 'https://evil.example');
  expect(heard).toEqual([{ token: 'good' }]);
});

test('what it says goes to the origin that spoke, and to nobody before', () => {
  const { host, parent, say } = framed();
  host.say({ unread: 1 });
  expect(parent.postMessage).toHaveBeenCalledTimes(1);
  say({ bangban: { token: null } });
  host.say({ unread: 2 });
  expect(parent.postMessage).toHaveBeenLastCalledWith({ bangban: { unread: 2 } }, 'https://portal.example');
});
