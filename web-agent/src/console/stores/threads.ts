/** The threads of one's own conversations, both lanes, kept up to date for all of them and not only for the shown one. */
import { defineStore } from 'pinia';
import { shallowReactive } from 'vue';
import type {
  ConversationContext,
  ConversationId,
  ErrorCode,
  EventBody,
  PersonView,
  Snapshot,
  ThreadEntry,
} from '../../generated/protocol';
import { RequestError, type Subscription } from '../../shared/link';
import { emptyThread, lastSeq, withEarlier, withEvent, withSnapshot, type ThreadState } from '../../shared/thread';
import { useSession } from './session';

export interface OpenThread {
  readonly id: ConversationId;
  shared: ThreadState;
  notes: ThreadState;
  context: ConversationContext | null;
  /** Members of staff who read it now. */
  monitors: readonly PersonView[];
  refused: ErrorCode | null;
  isLoadingEarlier: boolean;
}

/** Hears of entries that came as events, not as history. */
export type EntryListener = (id: ConversationId, lane: 'shared' | 'notes', entry: ThreadEntry) => void;

/** Hears what unsent text the server keeps. */
export type DraftListener = (id: ConversationId, text: string) => void;

export const useThreads = defineStore('threads', () => {
  const session = useSession();
  const open = shallowReactive(new Map<ConversationId, OpenThread>());
  const leave = new Map<ConversationId, () => void>();
  const readSent = new Map<ConversationId, number>();
  const refreshers = new Map<ConversationId, () => void>();
  const listeners = new Set<EntryListener>();
  const draftListeners = new Set<DraftListener>();

  function lane(thread: OpenThread, key: 'shared' | 'notes', more: (snapshot: Snapshot) => void): Subscription {
    return {
      after: () => lastSeq(thread[key]) || undefined,
      snapshot: (snapshot) => {
        const before = lastSeq(thread[key]);
        thread[key] = withSnapshot(thread[key], snapshot);
        more(snapshot);
        // What came while the link was lost is news too; the first snapshot is history.
        if (before > 0) for (const entry of thread[key].entries) if (entry.seq > before) tell(thread.id, key, entry);
      },
      event: (body: EventBody) => {
        if (body.type === 'monitors') thread.monitors = body.people;
        const next = withEvent(thread[key], body, Date.now());
        if (next === 'gap') return 'gap';
        const isNew = body.type === 'entry' && next !== thread[key];
        thread[key] = next;
        if (isNew) tell(thread.id, key, body.entry);
      },
      refused: (error) => {
        thread.refused = error.code === 'lost' ? null : error.code;
      },
    };
  }

  function tell(id: ConversationId, key: 'shared' | 'notes', entry: ThreadEntry) {
    for (const listener of listeners) listener(id, key, entry);
  }

  function subscribeNotes(thread: OpenThread): () => void {
    return session.subscribe(
      `notes:${thread.id}`,
      lane(thread, 'notes', (snapshot) => {
        if (snapshot.type !== 'notes') return;
        thread.context = snapshot.context;
        thread.monitors = snapshot.monitors;
        for (const listener of draftListeners) listener(thread.id, snapshot.draft);
      }),
    );
  }

  function begin(id: ConversationId) {
    if (open.has(id)) return;
    const thread = shallowReactive<OpenThread>({
      id,
      shared: emptyThread,
      notes: emptyThread,
      context: null,
      monitors: [],
      refused: null,
      isLoadingEarlier: false,
    });
    open.set(id, thread);
    const shared = session.subscribe(
      `conversation:${id}`,
      lane(thread, 'shared', () => {}),
    );
    let notes = subscribeNotes(thread);
    leave.set(id, () => {
      shared();
      notes();
    });
    refreshers.set(id, () => {
      notes = subscribeNotes(thread);
    });
  }

  /** Asks again for what no event tells: the draft saved in another tab, the history. */
  function refresh(id: ConversationId) {
    if (session.isOpen) refreshers.get(id)?.();
  }

  function end(id: ConversationId) {
    leave.get(id)?.();
    leave.delete(id);
    refreshers.delete(id);
    readSent.delete(id);
    open.delete(id);
  }

  function reset() {
    for (const id of [...open.keys()]) end(id);
  }

  /** Everything up to the last entry has been seen. */
  function markRead(id: ConversationId) {
    const thread = open.get(id);
    if (!thread?.shared.view || !session.isOpen) return;
    const seq = lastSeq(thread.shared);
    if (seq <= thread.shared.view.agentRead || seq <= (readSent.get(id) ?? 0)) return;
    readSent.set(id, seq);
    session.request({ type: 'read', conversation: id, seq }).catch(() => readSent.delete(id));
  }

  async function loadEarlier(id: ConversationId) {
    const thread = open.get(id);
    const first = thread?.shared.entries[0];
    if (!thread || !first || thread.isLoadingEarlier) return;
    thread.isLoadingEarlier = true;
    try {
      const answer = await session.request({ type: 'load_earlier', conversation: id, before: first.seq });
      if (answer.type === 'earlier') thread.shared = withEarlier(thread.shared, answer.entries, answer.more);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
    } finally {
      thread.isLoadingEarlier = false;
    }
  }

  function listen(listener: EntryListener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  function listenDrafts(listener: DraftListener): () => void {
    draftListeners.add(listener);
    return () => draftListeners.delete(listener);
  }

  return { open, begin, end, reset, refresh, markRead, loadEarlier, listen, listenDrafts };
});
