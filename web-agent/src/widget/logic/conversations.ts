/**
 * The citizen's conversations: which there are, the threads of those that are open or were shown, what is unread. Every
 * open one is listened to, so that a message in another conversation is not missed and all of them resume after a lost
 * link.
 */
import { computed, shallowReactive, shallowRef, type ComputedRef } from 'vue';
import type { ConversationId, MyConversation, ThreadEntry } from '../../generated/protocol';
import { refreshClock } from '../../shared/clock';
import type { Link } from '../../shared/link';
import { emptyThread, lastSeq, withEarlier, withEvent, withSnapshot, type ThreadState } from '../../shared/thread';
import { unreadAfter } from './timeline';

export interface ConversationsOptions {
  link: Pick<Link, 'request' | 'subscribe'>;
  /** Entries that were not known before, oldest first; not the history that a first subscription brings. */
  news: (conversation: ConversationId, entries: readonly ThreadEntry[]) => void;
  /** Every entry that the server tells of, also history: its message has arrived. */
  arrived: (entries: readonly ThreadEntry[]) => void;
  now: () => number;
}

export interface Conversations {
  /** Newest first; stages as their threads tell them. */
  list: ComputedRef<readonly MyConversation[]>;
  thread: (id: ConversationId) => ThreadState;
  /** The server's list, after every `hello`; listens to what is open. */
  replace: (mine: readonly MyConversation[]) => void;
  /** One more, from this tab or another. */
  add: (conversation: MyConversation) => void;
  /** Listens to it, if nobody does yet. */
  listen: (id: ConversationId) => void;
  /** Loads the page before the first entry. */
  loadEarlier: (id: ConversationId) => Promise<void>;
  /** The citizen has seen everything up to `seq`: at once here, and told to the server where it still matters. */
  see: (id: ConversationId, seq: number) => void;
  unread: (id: ConversationId) => number;
  unreadTotal: ComputedRef<number>;
  /** Stops listening. */
  close: () => void;
}

export function createConversations(options: ConversationsOptions): Conversations {
  const { link } = options;
  const threads = shallowReactive(new Map<ConversationId, ThreadState>());
  const seen = shallowReactive(new Map<ConversationId, number>());
  const known = shallowRef<readonly MyConversation[]>([]);
  const stops = new Map<ConversationId, () => void>();

  const thread = (id: ConversationId): ThreadState => threads.get(id) ?? emptyThread;

  function listen(id: ConversationId): void {
    if (stops.has(id)) return;
    const stop = link.subscribe(`conversation:${id}`, {
      after: () => (thread(id).view ? lastSeq(thread(id)) : undefined),
      snapshot: (snapshot) => {
        if (snapshot.type !== 'conversation') return;
        refreshClock();
        const before = thread(id);
        const after = withSnapshot(before, snapshot);
        threads.set(id, after);
        options.arrived(snapshot.entries);
        if (before.view)
          options.news(
            id,
            after.entries.filter((entry) => entry.seq > lastSeq(before)),
          );
      },
      event: (body) => {
        refreshClock();
        const before = thread(id);
        const after = withEvent(before, body, options.now());
        if (after === 'gap') return 'gap';
        threads.set(id, after);
        if (body.type === 'entry' && after.entries !== before.entries) {
          options.arrived([body.entry]);
          options.news(id, [body.entry]);
        }
        return undefined;
      },
      refused: () => {
        // It is not ours any more: leave it out.
        stops.delete(id);
        known.value = known.value.filter((conversation) => conversation.id !== id);
      },
    });
    stops.set(id, stop);
  }

  const list = computed(() =>
    known.value.map((conversation) => {
      const view = threads.get(conversation.id)?.view;
      return view
        ? { ...conversation, stage: view.stage, item: view.item, itemName: view.itemName, openedAt: view.openedAt }
        : conversation;
    }),
  );

  function add(conversation: MyConversation): void {
    if (!known.value.some((other) => other.id === conversation.id)) known.value = [conversation, ...known.value];
    listen(conversation.id);
  }

  function replace(mine: readonly MyConversation[]): void {
    // One that was opened while the list was on its way is not in it yet.
    const missing = known.value.filter((old) => stops.has(old.id) && !mine.some((one) => one.id === old.id));
    known.value = [...missing, ...mine];
    for (const conversation of mine) if (conversation.stage !== 'closed') listen(conversation.id);
  }

  function unread(id: ConversationId): number {
    const { view, entries } = thread(id);
    return view ? unreadAfter(entries, Math.max(view.citizenRead, seen.get(id) ?? 0)) : 0;
  }

  function see(id: ConversationId, seq: number): void {
    const { view, entries } = thread(id);
    if (!view || seq <= Math.max(view.citizenRead, seen.get(id) ?? 0)) return;
    const wasUnread = unread(id) > 0;
    seen.set(id, seq);
    // The server keeps read positions of what is open. Nobody waits for the answer: the next one says it again.
    if (view.stage !== 'closed' && (wasUnread || entries.some((entry) => entry.from.type === 'agent'))) {
      link.request({ type: 'read', conversation: id, seq }).catch(() => {});
    }
  }

  async function loadEarlier(id: ConversationId): Promise<void> {
    const before = thread(id).entries[0]?.seq;
    if (before === undefined || !thread(id).more) return;
    const answer = await link.request({ type: 'load_earlier', conversation: id, before });
    if (answer.type !== 'earlier') return;
    options.arrived(answer.entries);
    threads.set(id, withEarlier(thread(id), answer.entries, answer.more));
  }

  return {
    list,
    thread,
    replace,
    add,
    listen,
    loadEarlier,
    see,
    unread,
    unreadTotal: computed(() => [...threads.keys()].reduce((sum, id) => sum + unread(id), 0)),
    close: () => {
      for (const stop of stops.values()) stop();
      stops.clear();
    },
  };
}
