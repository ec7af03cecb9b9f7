/** Which dialog is open. */
import { reactive } from 'vue';
import type { ConversationId, PastConversation } from '../generated/protocol';

interface Dialogs {
  transfer: ConversationId | null;
  flag: ConversationId | null;
  close: ConversationId | null;
  block: ConversationId | null;
  /** An answer of the knowledge base that is said to be wrong. */
  wrong: { entry: string; question: string } | null;
  /** What 小申 said, of which it is to be told why. */
  why: { conversation: ConversationId; seq: number } | null;
  past: { conversation: PastConversation; citizenName: string } | null;
  sheet: boolean;
  undelivered: boolean;
  handOver: boolean;
}

const dialogs = reactive<Dialogs>({
  transfer: null,
  flag: null,
  close: null,
  block: null,
  wrong: null,
  why: null,
  past: null,
  sheet: false,
  undelivered: false,
  handOver: false,
});

export const useDialogs = (): Dialogs => dialogs;

export function closeDialogs(): void {
  const none = { transfer: null, flag: null, close: null, block: null, wrong: null, why: null, past: null };
  Object.assign(dialogs, none, { sheet: false, undelivered: false, handOver: false });
}

/** Does a dialog cover the desk? */
export const isDialogOpen = (): boolean =>
  dialogs.transfer !== null ||
  dialogs.flag !== null ||
  dialogs.close !== null ||
  dialogs.block !== null ||
  dialogs.wrong !== null ||
  dialogs.why !== null ||
  dialogs.past !== null ||
  dialogs.sheet ||
  dialogs.undelivered ||
  dialogs.handOver;
