/**
 * The script that a portal page carries:
 *
 *   <script src="https://HOST/bangban.js" data-item="CODE" data-district="CODE" data-token="..." data-elder="auto" defer></script>
 *
 * It draws one launcher button in an open shadow root (testable, visible to accessibility checkers) and, on the
 * first click, an iframe on our own origin. The portal's scripts cannot read the conversation; ours never read
 * the portal. Deliberately absent: any library, any request before the click, any cookie.
 *
 * What the portal's own scripts may do with the element, `document.querySelector('bangban-help')`:
 *   element.open()                      opens the panel, for a link of the portal's own
 *   element.token = '...'               hands in a new token
 *   the event `bangban-expired` on it   (it bubbles) asks for one: the token's time is over
 *   the event `bangban-sign-in` on it   (it bubbles): the visitor wants to log in
 *
 * Messages, all `{ bangban: {...} }`, all checked for origin and source:
 *   panel  → loader  { ready: true } | { unread: n } | { close: true } | { elder: boolean } | { expired: true } | { signIn: true }
 *   loader → panel   { token, item, elder, kept } once per `ready`, only to our exact origin; { token } when the portal
 *                    hands in a new one; { open: boolean } on each change
 *   { browse } in both directions is about the page being seen by a clerk (src/browse/main.ts): the first one from the
 *   panel fetches that script, which comes only after the citizen has agreed
 *
 * A page that is loaded anew while a clerk sees it opens the frame by itself: `sessionStorage.bangban` of the tab.
 *
 * The token travels by message because a URL ends up in logs and histories. Size limit: 2 KB gzip (`make test`).
 */
export {};

interface FromPanel {
  ready?: boolean;
  unread?: number;
  close?: boolean;
  elder?: boolean;
  expired?: boolean;
  signIn?: boolean;
  browse?: object;
}

(() => {
  const me = document.currentScript as HTMLScriptElement | null;
  const name = 'bangban-help';
  if (!me || document.querySelector(name)) return;

  const { dataset } = me;
  const base = new URL('.', me.src);
  const host = document.createElement(name) as HTMLElement & { token: string; open: () => void };
  const root = host.attachShadow({ mode: 'open' });
  const label = '在线帮办';
  let elder =
    dataset.elder === '1' ||
    (dataset.elder === 'auto' && parseFloat(getComputedStyle(document.documentElement).fontSize) >= 18);

  const css = `:host{all:initial}[hidden]{display:none!important}
button{position:fixed;right:16px;bottom:16px;bottom:max(16px,env(safe-area-inset-bottom));z-index:2147483000;box-sizing:border-box;min-width:64px;min-height:56px;padding:8px 20px;border:2px solid #fff;border-radius:32px;background:#1259b8;color:#fff;font:600 18px/1.3 "PingFang SC","Microsoft YaHei","HarmonyOS Sans SC","Noto Sans CJK SC",sans-serif;box-shadow:0 4px 16px rgba(11,68,147,.35);cursor:pointer}
button:hover{background:#0b4493}
button:focus-visible{outline:3px solid #0b4493;outline-offset:2px;box-shadow:0 0 0 8px #ffd27a}
button.elder{min-height:64px;font-size:24px}
span{position:absolute;top:-8px;right:-4px;min-width:24px;box-sizing:border-box;padding:0 6px;border:2px solid #fff;border-radius:14px;background:#c8161d;font-size:14px;line-height:22px;text-align:center}
iframe{position:fixed;right:16px;bottom:16px;z-index:2147483001;width:400px;max-width:calc(100vw - 32px);height:680px;max-height:calc(100vh - 32px);border:0;border-radius:12px;background:#fff;box-shadow:0 8px 40px rgba(0,0,0,.28)}
iframe.elder{width:520px}
@media (max-width:520px){iframe,iframe.elder{right:0;bottom:0;width:100vw;max-width:none;height:100vh;height:100dvh;max-height:none;border-radius:0}}
@media (forced-colors:active){iframe{border:2px solid}}
@media print{button,iframe{display:none}}`;
  try {
    // A constructed sheet needs no 'unsafe-inline' in the portal's style-src; older browsers take the element.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
  } catch {
    root.appendChild(document.createElement('style')).textContent = css;
  }

  const button = document.createElement('button');
  const badge = document.createElement('span');
  let frame: HTMLIFrameElement | undefined;
  let browser: HTMLScriptElement | undefined;
  let ready = false;
  let kept = '';
  try {
    kept = sessionStorage.bangban || '';
  } catch {
    // A portal in a frame of its own may have none.
  }

  const post = (body: object) => {
    if (ready) frame!.contentWindow!.postMessage({ bangban: body }, base.origin);
  };

  const dress = () => {
    button.className = elder ? 'elder' : '';
    if (frame) frame.className = button.className;
  };

  // In a tab behind others only the title can be seen. `title` keeps the portal's own meanwhile.
  let unread = 0;
  let title = '';
  const entitle = () => {
    if (document.hidden && unread > 0) {
      title = title || document.title;
      document.title = `【${unread}条新消息】${title}`;
    } else if (title) {
      document.title = title;
      title = '';
    }
  };

  const setUnread = (n: number) => {
    unread = n;
    entitle();
    badge.hidden = !(n > 0);
    badge.textContent = n > 99 ? '99+' : `${n}`;
    button.setAttribute('aria-label', n > 0 ? `${label}，${n} 条未读消息` : label);
  };

  const build = () => {
    if (!frame) {
      frame = document.createElement('iframe');
      frame.hidden = true;
      frame.title = label;
      frame.allow = 'microphone; camera; display-capture; autoplay';
      frame.referrerPolicy = 'origin';
      frame.src = `${base.href}widget.html?item=${encodeURIComponent(dataset.item || '')}${dataset.district ? `&district=${encodeURIComponent(dataset.district)}` : ''}${elder ? '&elder=1' : ''}${dataset.lang ? `&lang=${dataset.lang}` : ''}`;
      dress();
      root.appendChild(frame);
    }
  };

  const show = (open: boolean) => {
    if (open) build();
    if (!frame || open === button.hidden) return;
    frame.hidden = !open;
    button.hidden = open;
    button.setAttribute('aria-expanded', `${open}`);
    post({ open });
    (open ? frame : button).focus();
  };

  button.type = 'button';
  button.setAttribute('aria-haspopup', 'dialog');
  button.setAttribute('aria-expanded', 'false');
  button.append(label, badge);
  button.onclick = () => show(true);
  setUnread(0);
  dress();

  host.open = () => show(true);
  Object.defineProperty(host, 'token', {
    set(token: string) {
      dataset.token = token;
      post({ token });
    },
  });

  document.addEventListener('visibilitychange', entitle);
  addEventListener('keydown', (e) => {
    if (e.key === 'Escape' && !e.defaultPrevented) show(false);
  });

  addEventListener('message', (e) => {
    if (!frame || e.origin !== base.origin || e.source !== frame.contentWindow) return;
    const said: FromPanel | undefined = e.data && e.data.bangban;
    if (!said) return;
    if (said.ready) {
      ready = true;
      post({ token: dataset.token || null, item: dataset.item || null, elder, kept: !!kept });
      post({ open: button.hidden });
    }
    if (typeof said.unread === 'number') setUnread(said.unread);
    if (typeof said.elder === 'boolean') {
      elder = said.elder;
      dress();
    }
    if (said.expired) host.dispatchEvent(new Event('bangban-expired', { bubbles: true }));
    if (said.signIn) host.dispatchEvent(new Event('bangban-sign-in', { bubbles: true }));
    if (said.close) show(false);
    if (said.browse && !browser) {
      browser = document.createElement('script');
      browser.src = `${base.href}bangban-browse.js`;
      root.append(browser);
    }
  });

  root.append(button);
  document.body.append(host);
  if (kept) {
    build();
    if (kept.includes('"open":1')) show(true);
  }
})();
