/** Replies and notes on their way. They survive a reload; those of other tabs of the same person are seen here too. */
import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import type { ConversationId } from '../../generated/protocol';
import { Outbox, type Outgoing } from '../../shared/outbox';
import { useSession } from './session';
import { useThreads } from './threads';

function storage(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

export const useOutbox = defineStore('outbox', () => {
  const session = useSession();
  const threads = useThreads();
  const waiting = shallowRef<readonly Outgoing[]>([]);
  /** Acknowledged, but their entry has not come yet: shown until it does. */
  const acknowledged = shallowRef<readonly Outgoing[]>([]);
  /** Client ids of what was written on this page. */
  const written = new Set<string>();
  let box: Outbox | undefined;
  let release = () => {};

  async function send(message: Outgoing): Promise<void> {
    const { conversation, clientId, text, note, entry } = message;
    await session.request(
      note
        ? { type: 'note', conversation, clientId, text }
        : { type: 'send', conversation, clientId, text, ...(entry ? { entry } : {}) },
    );
    const thread = threads.open.get(conversation);
    const lane = note ? thread?.notes : thread?.shared;
    const isThere = lane?.entries.some((one) => one.clientId === clientId);
    if (lane && !isThere) acknowledged.value = [...acknowledged.value, message];
  }

  /** Refused for good, and no thread on the desk would show it. */
  const stranded = computed(() => waiting.value.filter((one) => one.refused && !threads.open.has(one.conversation)));

  function begin(me: string) {
    box = new Outbox({
      storage: storage(),
      key: `bangban.outbox.staff.${me}`,
      send,
      changed: (messages) => {
        waiting.value = messages;
      },
    });
    const mine = box;
    waiting.value = mine.messages();
    const elsewhere = (event: StorageEvent) => mine.changedElsewhere(event.key);
    window.addEventListener('storage', elsewhere);
    const unlisten = threads.listen((_id, _lane, { clientId }) => {
      if (!clientId) return;
      mine.settle(clientId);
      acknowledged.value = acknowledged.value.filter((one) => one.clientId !== clientId);
    });
    release = () => {
      window.removeEventListener('storage', elsewhere);
      unlisten();
    };
  }

  function end() {
    release();
    release = () => {};
    box = undefined;
    waiting.value = [];
    acknowledged.value = [];
  }

  function add(conversation: ConversationId, text: string, options: { note: boolean; entry?: string }) {
    const { note, entry } = options;
    const clientId = box?.add({
      conversation,
      text,
      writtenAt: Date.now(),
      ...(note ? { note: true } : {}),
      ...(entry ? { entry } : {}),
    });
    if (clientId) written.add(clientId);
  }

  return {
    waiting,
    acknowledged,
    stranded,
    begin,
    end,
    add,
    isFromHere: (clientId: string) => written.has(clientId),
    flush: () => void box?.flush(),
    retry: (clientId: string) => box?.retry(clientId),
    discard: (clientId: string) => box?.discard(clientId),
  };
});
