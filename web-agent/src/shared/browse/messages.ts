/** What the portal's page and the panel in its frame tell each other while the page is seen: `{ bangban: { browse } }`. */
import type { FormContext, ProposalView, WindowId } from '../../generated/protocol';

/** What the page remembers over its own loads: which window sees it, and how often it was loaded meanwhile. */
export interface Kept {
  window: WindowId;
  page: number;
}

/** The script in the page → the panel. */
export interface FromPage {
  /** The script is there. `kept`: this page was seen before it was loaded anew. */
  ready?: { kept: Kept | null };
  /** A piece of the page (`pieces.ts`), and which load of the page it is of. */
  frames?: string;
  page?: number;
  /** Where in the form one is. */
  form?: FormContext;
  /** One does not want to be seen any more. */
  stop?: true;
  answer?: { proposal: number; accepts: boolean };
}

/** The panel → the script in the page. */
export interface ToPage {
  /** To the loader, which fetches the script; a script that is there already says `ready` again. */
  load?: true;
  /** Show yourself, and all of yourself first. */
  start?: { window: WindowId; language: 'zh' | 'en'; elder: boolean };
  stop?: true;
  /** Say nothing until you are asked to show yourself anew. */
  pause?: true;
  /** Show all of yourself anew. `strict`: only labels, headings and buttons are read from now on. */
  anew?: { strict: boolean };
  highlight?: { field: string; note: string | null };
  /** All that stand. */
  proposals?: readonly ProposalView[];
}

/** The page around the panel, as far as it can be seen. */
export interface PageDoor {
  /** Is there one? */
  readonly isEmbedded: boolean;
  say(message: ToPage): void;
  /** Hears what it says until the returned function is called. */
  listen(heard: (message: FromPage) => void): () => void;
}
