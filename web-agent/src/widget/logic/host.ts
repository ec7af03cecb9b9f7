/**
 * The page around us: the loader of a portal (see src/loader/main.ts for the messages), or nobody when the panel is a
 * page of its own. Messages are taken only from the parent window; what we say goes only to the origin that spoke to us.
 */

export interface FromLoader {
  token?: string | null;
  item?: string | null;
  elder?: boolean;
  open?: boolean;
}

export interface ToLoader {
  unread?: number;
  close?: true;
  elder?: boolean;
  /** The token's time is over: a new one, please. */
  expired?: true;
  /** The visitor wants to log in. */
  signIn?: true;
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
