/**
 * The page around us: the loader of a portal (see src/loader/main.ts for the messages), or nobody when the panel is a
 * page of its own. Messages are taken only from the parent window; what we say goes only to the origin that spoke to us.
 */

import type { FromPage, PageDoor, ToPage } from '../../shared/browse/messages';

export interface FromLoader {
  token?: string | null;
  item?: string | null;
  elder?: boolean;
  open?: boolean;
  /** The page was seen by a clerk before it was loaded anew. */
  kept?: boolean;
  browse?: FromPage;
}

export interface ToLoader {
  unread?: number;
  close?: true;
  elder?: boolean;
  /** The token's time is over: a new one, please. */
  expired?: true;
  /** The visitor wants to log in. */
  signIn?: true;
  browse?: ToPage;
}

export interface Host {
  /** Is there a page around us? */
  readonly isEmbedded: boolean;
  say(message: ToLoader): void;
}

/** Listens to the loader and tells it that we are ready. `heard` gets every message. */
export function connectHost(heard: (message: FromLoader) => void, page: Window = window): Host {
  const isEmbedded = page.parent !== page;
  let origin: string | null = null;
  if (isEmbedded) {
    page.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (event.source !== page.parent) return;
      const message = (event.data as { bangban?: FromLoader } | null)?.bangban;
      if (!message || typeof message !== 'object') return;
      // The first one who hands in a token is the portal; nobody else may follow.
      origin ??= event.origin;
      if (event.origin === origin) heard(message);
    });
    // Holds nothing that a stranger might not know.
    page.parent.postMessage({ bangban: { ready: true } }, '*');
  }
  return {
    isEmbedded,
    say(message) {
      if (isEmbedded && origin !== null) page.parent.postMessage({ bangban: message }, origin);
    },
  };
}

/** A page that says that it was seen, and that nobody goes on with, is told so after this time. */
const FORGET_MS = 60_000;

/**
 * The page around us as `shared/browse` sees it: a door that also keeps what the page said before anybody listened.
 * `hear` takes what the loader says.
 */
export function createPageDoor(host: Host): PageDoor & { hear(message: FromLoader): void } {
  const listeners = new Set<(message: FromPage) => void>();
  let early: FromPage | null = null;
  let forget = 0;
  return {
    isEmbedded: host.isEmbedded,
    say(browse) {
      window.clearTimeout(forget);
      host.say({ browse });
    },
    listen(heard) {
      listeners.add(heard);
      if (early) heard(early);
      early = null;
      return () => listeners.delete(heard);
    },
    hear({ kept, browse }) {
      if (kept) {
        host.say({ browse: { load: true } });
        forget = window.setTimeout(() => host.say({ browse: { stop: true } }), FORGET_MS);
      }
      if (!browse) return;
      if (browse.ready && listeners.size === 0) early = browse;
      for (const heard of listeners) heard(browse);
    },
  };
}
