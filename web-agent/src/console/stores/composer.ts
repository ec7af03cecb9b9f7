/** What is being written, for each conversation and each of the two lanes. */
import { defineStore } from 'pinia';
import { reactive, shallowReactive } from 'vue';
import type { ConversationId, KnowledgeHit } from '../../generated/protocol';
import { DraftKeeper, type DraftState } from '../logic/drafts';
import { entryOf } from '../logic/knowledge';
import { roomLeft } from '../logic/text';
import { useOutbox } from './outbox';
import { useSession } from './session';
import { useThreads } from './threads';

export type Lane = 'reply' | 'note';

export interface Writing {
  lane: Lane;
  reply: string;
  /** Private notes are short and not kept on the server. */
  note: string;
  draft: DraftState;
  /** Answers that were put in; the message carries the id of the one that it still equals. */
  inserted: KnowledgeHit[];
}

export const useComposer = defineStore('composer', () => {
  const session = useSession();
  const threads = useThreads();
  const outbox = useOutbox();
  const writings = shallowReactive(new Map<ConversationId, Writing>());
  const keeper = new DraftKeeper({
    save: (id, text) => session.request({ type: 'save_draft', conversation: id, text }),
    changed: (id, state) => {
      const writing = writings.get(id);
      if (writing) writing.draft = state;
    },
    setTimeout: (run, ms) => window.setTimeout(run, ms),
    clearTimeout: (timer) => window.clearTimeout(timer),
  });

  function of(id: ConversationId): Writing {
    let writing = writings.get(id);
    if (!writing) {
      writing = reactive<Writing>({ lane: 'reply', reply: '', note: '', draft: 'clean', inserted: [] });
      writings.set(id, writing);
    }
    return writing;
  }

  function write(id: ConversationId, text: string) {
    const writing = of(id);
    if (writing.lane === 'note') {
      writing.note = text;
      return;
    }
    writing.reply = text;
    // Too long a draft is refused by the server; it is saved again once it fits.
    if (roomLeft(text) >= 0) keeper.edit(id, text);
  }

  /** All answers whose wording the reply may still have. */
  function known(id: ConversationId): KnowledgeHit[] {
    return [...of(id).inserted, ...(threads.open.get(id)?.context?.answers ?? [])];
  }

  const sourceOf = (id: ConversationId): KnowledgeHit | undefined => entryOf(of(id).reply, known(id));

  /** Hands the text over to the outbox; false: there is nothing to send, or it is too long. */
  function send(id: ConversationId): boolean {
    const writing = of(id);
    const isNote = writing.lane === 'note';
    const text = (isNote ? writing.note : writing.reply).trim();
    if (!text || roomLeft(text) < 0) return false;
    outbox.add(id, text, { note: isNote, entry: isNote ? undefined : sourceOf(id)?.entry });
    if (isNote) writing.note = '';
    else {
      writing.reply = '';
      writing.inserted = [];
      keeper.edit(id, '', true);
    }
    return true;
  }

  function forget(id: ConversationId) {
    keeper.forget(id);
    writings.delete(id);
  }

  let unlisten = () => {};

  function begin() {
    const stopDrafts = threads.listenDrafts((id, text) => {
      const shown = keeper.told(id, text);
      if (shown !== null) of(id).reply = shown;
    });
    const stopEntries = threads.listen((id, _lane, { body, clientId }) => {
      const writing = writings.get(id);
      if (!writing || body.type !== 'text' || !clientId || outbox.isFromHere(clientId)) return;
      // The same draft was open on another page of mine and has been sent there.
      if (writing.reply.trim() !== body.text) return;
      writing.reply = '';
      keeper.edit(id, '');
    });
    unlisten = () => {
      stopDrafts();
      stopEntries();
    };
  }

  function end() {
    unlisten();
    unlisten = () => {};
    for (const id of [...writings.keys()]) forget(id);
  }

  return { of, write, known, sourceOf, send, forget, begin, end, flush: () => keeper.flush() };
});
