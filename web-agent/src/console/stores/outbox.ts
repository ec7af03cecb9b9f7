/** Replies and notes on their way. They survive a reload; those of other tabs of the same person are seen here too. */
import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import type { ConversationId } from '../../generated/protocol';
import type { Attachment } from '../../shared/files/kinds';
import type { Recording } from '../../shared/files/recorder';
import { Outbox, type Outgoing } from '../../shared/outbox';
import { useConsoleFiles } from './files';
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

  const { files } = useConsoleFiles();

  async function send(message: Outgoing, change: (more: Partial<Attachment>) => void): Promise<void> {
    const { conversation, clientId, text, note, entry } = message;
    if (message.attachment) await files.send(message, change);
    else {
      await session.request(
        note
          ? { type: 'note', conversation, clientId, text }
          : { type: 'send', conversation, clientId, text, ...(entry ? { entry } : {}) },
      );
    }
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
      if (mine.messages().some((one) => one.clientId === clientId && one.attachment)) files.settled(clientId);
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
    files.reset();
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

  function addFile(conversation: ConversationId, { id, attachment }: { id: string; attachment: Attachment }) {
    box?.add({ conversation, text: '', attachment, writtenAt: Date.now() }, id);
  }

  /** Sends what was chosen, in the order of choosing. */
  function addChosen(conversation: ConversationId) {
    for (const one of files.take(conversation)) addFile(conversation, one);
  }

  const addVoice = (conversation: ConversationId, recording: Recording) =>
    addFile(conversation, files.takeVoice(recording));

  function discard(clientId: string) {
    const message = waiting.value.find((one) => one.clientId === clientId);
    box?.discard(clientId);
    if (message?.attachment) files.discarded(message);
  }

  return {
    waiting,
    acknowledged,
    stranded,
    begin,
    end,
    add,
    addChosen,
    addVoice,
    isFromHere: (clientId: string) => written.has(clientId),
    flush: () => void box?.flush(),
    retry: (clientId: string) => box?.retry(clientId),
    discard,
  };
});
