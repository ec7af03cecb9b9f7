/**
 * Keeps unsent replies on the server, so that they are there after a crash and on another machine. Framework-free;
 * time comes in by the environment.
 *
 * What the person has typed here always wins over what the server tells; the server's text is taken only where nothing
 * is unsaved.
 */
import type { ConversationId } from '../../generated/protocol';

/** `clean`: nothing to save; `dirty`: typed and not yet saved; `failed`: tried again with the next key or link. */
export type DraftState = 'clean' | 'dirty' | 'saving' | 'saved' | 'failed';

export interface DraftEnvironment {
  save: (id: ConversationId, text: string) => Promise<unknown>;
  changed: (id: ConversationId, state: DraftState) => void;
  setTimeout: (run: () => void, ms: number) => number;
  clearTimeout: (timer: number) => void;
}

interface Draft {
  text: string;
  /** What the server has. */
  saved: string;
  state: DraftState;
  timer: number | undefined;
}

/** Pause after the last key before a draft is saved, in milliseconds. */
export const DRAFT_PAUSE = 800;

export class DraftKeeper {
  private readonly drafts = new Map<ConversationId, Draft>();

  constructor(private readonly environment: DraftEnvironment) {}

  /** The person has typed. `now`: save at once (the message was sent, the page goes away). */
  edit(id: ConversationId, text: string, now = false): void {
    const draft = this.of(id);
    draft.text = text;
    if (text === draft.saved && draft.state !== 'saving') {
      this.stopTimer(draft);
      this.set(id, draft, text === '' ? 'clean' : 'saved');
      return;
    }
    this.set(id, draft, draft.state === 'saving' ? 'saving' : 'dirty');
    this.stopTimer(draft);
    if (now) void this.save(id, draft);
    else draft.timer = this.environment.setTimeout(() => void this.save(id, draft), DRAFT_PAUSE);
  }

  /** The server told what it has. Answers the text to show, or null: keep what is there. */
  told(id: ConversationId, text: string): string | null {
    const draft = this.of(id);
    draft.saved = text;
    const isUnsaved = draft.state === 'dirty' || draft.state === 'saving' || draft.state === 'failed';
    if (isUnsaved && draft.text !== text) return null;
    draft.text = text;
    this.set(id, draft, text === '' ? 'clean' : 'saved');
    return text;
  }

  /** Saves all that is unsaved: the link is open again, or the page is hidden. */
  flush(): void {
    for (const [id, draft] of this.drafts) {
      if (draft.state !== 'dirty' && draft.state !== 'failed') continue;
      this.stopTimer(draft);
      void this.save(id, draft);
    }
  }

  /** The conversation is not one's own any more. */
  forget(id: ConversationId): void {
    const draft = this.drafts.get(id);
    if (draft) this.stopTimer(draft);
    this.drafts.delete(id);
  }

  private of(id: ConversationId): Draft {
    let draft = this.drafts.get(id);
    if (!draft) {
      draft = { text: '', saved: '', state: 'clean', timer: undefined };
      this.drafts.set(id, draft);
    }
    return draft;
  }

  private async save(id: ConversationId, draft: Draft): Promise<void> {
    draft.timer = undefined;
    const { text } = draft;
    this.set(id, draft, 'saving');
    try {
      await this.environment.save(id, text);
    } catch {
      if (this.drafts.get(id) === draft) this.set(id, draft, 'failed');
      return;
    }
    if (this.drafts.get(id) !== draft) return;
    draft.saved = text;
    if (draft.text === text) this.set(id, draft, text === '' ? 'clean' : 'saved');
    else {
      draft.state = 'dirty';
      if (draft.timer === undefined) void this.save(id, draft);
    }
  }

  private set(id: ConversationId, draft: Draft, state: DraftState): void {
    if (draft.state === state) return;
    draft.state = state;
    this.environment.changed(id, state);
  }

  private stopTimer(draft: Draft): void {
    if (draft.timer !== undefined) this.environment.clearTimeout(draft.timer);
    draft.timer = undefined;
  }
}
