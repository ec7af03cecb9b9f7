import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const ORIGIN = 'https://help.example';

let posted: { body: unknown; target: string }[];

// happy-dom has no currentScript, does not load frames and keeps listeners between tests, so the script tag is
// stated, the panel's window is a stand-in, and every listener the loader adds is removed again.
const listeners: [string, EventListenerOrEventListenerObject][] = [];
const panel = {
  postMessage: (body: unknown, target: string) => posted.push({ body, target }),
} as unknown as Window;

async function load(attributes: Record<string, string> = {}) {
  const script = document.createElement('script');
  Object.defineProperty(script, 'src', { value: `${ORIGIN}/bangban.js` });
  Object.assign(script.dataset, attributes);
  Object.defineProperty(document, 'currentScript', { value: script, configurable: true });
  vi.resetModules();
  await import('./main');
}

const root = () => document.querySelector('bangban-help')!.shadowRoot!;
const button = () => root().querySelector('button')!;
const frame = () => root().querySelector('iframe')!;

function open() {
  button().click();
}

function say(body: unknown, origin = ORIGIN, source: unknown = panel) {
  const event = new Event('message');
  Object.assign(event, { data: { bangban: body }, origin, source });
  window.dispatchEvent(event);
}

beforeEach(() => {
  posted = [];
  const add = window.addEventListener.bind(window);
  vi.spyOn(window, 'addEventListener').mockImplementation(((type: string, listener: EventListener) => {
    listeners.push([type, listener]);
    add(type, listener);
  }) as typeof window.addEventListener);
  vi.spyOn(HTMLIFrameElement.prototype, 'contentWindow', 'get').mockReturnValue(panel);
  vi.spyOn(HTMLIFrameElement.prototype, 'src', 'set').mockImplementation(function (this: HTMLIFrameElement, v) {
    this.setAttribute('data-src', v);
  });
});

afterEach(() => {
  sessionStorage.clear();
  vi.restoreAllMocks();
  for (const [type, listener] of listeners.splice(0)) window.removeEventListener(type, listener);
  document.body.innerHTML = '';
});

test('the page gets one launcher and no frame before the first click', async () => {
  await load();
  expect(button().textContent).toContain('在线帮办');
  expect(button().getAttribute('aria-expanded')).toBe('false');
  expect(frame()).toBeNull();
});

test('a second script tag does not add a second launcher', async () => {
  await load();
  await load();
  expect(document.querySelectorAll('bangban-help')).toHaveLength(1);
});

test('the frame names the item but never the token', async () => {
  await load({ item: '居住证', token: 'secret' });
  open();
  const url = frame().getAttribute('data-src')!;
  expect(url).toBe(`${ORIGIN}/widget.html?item=${encodeURIComponent('居住证')}`);
  expect(url).not.toContain('secret');
});

test('the token is handed over only after ready, and only to our origin', async () => {
  await load({ item: 'a', token: 'secret' });
  open();
  expect(posted).toEqual([]);
  say({ ready: true });
  expect(posted).toContainEqual({
    body: { bangban: { token: 'secret', item: 'a', elder: false, kept: false } },
    target: ORIGIN,
  });
  expect(posted.every((p) => p.target === ORIGIN)).toBe(true);
});

test('a message from another origin or another window is ignored', async () => {
  await load({ token: 'secret' });
  open();
  say({ ready: true, unread: 5, close: true }, 'https://evil.example');
  say({ ready: true, unread: 5, close: true }, ORIGIN, {});
  expect(JSON.stringify(posted)).not.toContain('secret');
  expect(frame().hidden).toBe(false);
  expect(root().querySelector('span')!.hidden).toBe(true);
});

test('unread messages are shown and spoken', async () => {
  await load();
  open();
  say({ close: true });
  say({ unread: 120 });
  expect(root().querySelector('span')!.textContent).toBe('99+');
  expect(button().getAttribute('aria-label')).toContain('120 条未读消息');
  say({ unread: 0 });
  expect(root().querySelector('span')!.hidden).toBe(true);
  expect(button().getAttribute('aria-label')).toBe('在线帮办');
});

test('Escape closes, keeps the frame, and gives the focus back to the launcher', async () => {
  await load();
  open();
  const opened = frame();
  window.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }));
  expect(opened.hidden).toBe(true);
  expect(button().hidden).toBe(false);
  expect(root().activeElement).toBe(button());
  open();
  expect(frame()).toBe(opened);
});

test('the elder look is taken from the tag and follows the panel', async () => {
  await load({ elder: '1' });
  open();
  expect(frame().getAttribute('data-src')).toContain('&elder=1');
  expect(frame().className).toBe('elder');
  say({ elder: false });
  expect(frame().className).toBe('');
  expect(button().className).toBe('');
});

test('the portal hears that the token has expired and hands in a new one', async () => {
  await load({ token: 'old' });
  open();
  say({ ready: true });
  posted.length = 0;
  const asked: EventTarget[] = [];
  const listener = (event: Event) => {
    asked.push(event.target!);
    (event.target as HTMLElement & { token: string }).token = 'new';
  };
  document.addEventListener('bangban-expired', listener);
  say({ expired: true });
  document.removeEventListener('bangban-expired', listener);
  expect(asked).toEqual([document.querySelector('bangban-help')]);
  expect(posted).toEqual([{ body: { bangban: { token: 'new' } }, target: ORIGIN }]);
  // A panel that is loaded anew gets the new one too.
  say({ ready: true });
  expect(posted).toContainEqual({
    body: { bangban: { token: 'new', item: null, elder: false, kept: false } },
    target: ORIGIN,
  });
});

test('a link of the portal opens the panel', async () => {
  await load();
  (document.querySelector('bangban-help') as HTMLElement & { open: () => void }).open();
  expect(frame().hidden).toBe(false);
  expect(button().getAttribute('aria-expanded')).toBe('true');
});

test('a tab behind others tells of unread messages in its title, and gives the title back', async () => {
  document.title = '居住证办理';
  const hidden = vi.spyOn(document, 'hidden', 'get');
  hidden.mockReturnValue(true);
  await load();
  open();
  say({ unread: 2 });
  expect(document.title).toBe('【2条新消息】居住证办理');
  say({ unread: 3 });
  expect(document.title).toBe('【3条新消息】居住证办理');
  hidden.mockReturnValue(false);
  document.dispatchEvent(new Event('visibilitychange'));
  expect(document.title).toBe('居住证办理');
  say({ unread: 4 });
  expect(document.title).toBe('居住证办理');
});

test('a ready panel is told when it opens and closes', async () => {
  await load();
  open();
  say({ ready: true });
  posted.length = 0;
  say({ close: true });
  open();
  expect(posted.map((p) => p.body)).toEqual([{ bangban: { open: false } }, { bangban: { open: true } }]);
});

test('the script by which a clerk sees the page comes once, when the panel asks for it', async () => {
  await load();
  open();
  say({ ready: true });
  expect(root().querySelector('script')).toBeNull();
  say({ browse: { load: true } }, 'https://evil.example');
  expect(root().querySelector('script')).toBeNull();
  say({ browse: { load: true } });
  say({ browse: { load: true } });
  const scripts = root().querySelectorAll('script');
  expect([...scripts].map((script) => script.src)).toEqual([`${ORIGIN}/bangban-browse.js`]);
});

test('a page that is seen opens the frame after a load by itself, and shows it if it was shown', async () => {
  sessionStorage.setItem('bangban', '{"window":"wn_1","page":1,"open":0}');
  await load();
  expect([frame().hidden, button().hidden]).toEqual([true, false]);
  say({ ready: true });
  expect(posted[0]!.body).toEqual({ bangban: { token: null, item: null, elder: false, kept: true } });
  document.body.innerHTML = '';
  sessionStorage.setItem('bangban', '{"window":"wn_1","page":2,"open":1}');
  await load();
  expect([frame().hidden, button().hidden]).toEqual([false, true]);
});
