/** Closing a conversation from this page. */
import { ElMessage } from 'element-plus';
import type { ConversationId, HandOnChannel, Outcome, WriteBackDraft } from '../../generated/protocol';
import { useSharedWords, useWords } from '../../shared/words';
import { useDesk } from '../stores/desk';
import { useSession } from '../stores/session';

export function useClosing() {
  const desk = useDesk();
  const session = useSession();
  const shared = useSharedWords();
  const words = useWords(
    { closed: (name: string, outcome: string) => `${name} 的会话已办结：${outcome}` },
    { closed: (name, outcome) => `Closed the conversation of ${name}: ${outcome}` },
  );

  /** Answers the hand-on receipt, if there is one. `noAnswer`: the question to which nobody knew an answer. */
  async function close(
    id: ConversationId,
    outcome: Outcome,
    handOn?: HandOnChannel,
    noAnswer?: string,
    writeBack?: WriteBackDraft,
  ): Promise<string | null> {
    const name = desk.conversations.find((one) => one.id === id)?.citizenName ?? '';
    desk.expectClosing(id);
    try {
      const answer = await session.request({
        type: 'close',
        conversation: id,
        outcome,
        ...(handOn ? { handOn } : {}),
        ...(noAnswer ? { noAnswer } : {}),
        ...(writeBack ? { writeBack } : {}),
      });
      ElMessage({ message: words.value.closed(name, shared.value.outcome[outcome]), type: 'success', duration: 4_000 });
      return answer.type === 'closed' ? answer.receipt : null;
    } catch (error) {
      desk.closingFailed(id);
      throw error;
    }
  }

  return { close };
}
