/** Tells the citizen that the agent types: at most once in 3 s, and once when it is over. */
import { onScopeDispose } from 'vue';
import type { ConversationId } from '../../generated/protocol';
import { useSession } from '../stores/session';

/** The protocol asks for no more than one in this time, in milliseconds. */
const PAUSE = 3_000;

export function useTyping(id: ConversationId) {
  const session = useSession();
  let toldAt = 0;
  let timer = 0;

  function tell(typing: boolean) {
    const now = Date.now();
    if (!session.isOpen || (typing ? now - toldAt < PAUSE : toldAt === 0)) return;
    toldAt = typing ? now : 0;
    // Not kept by the server: nobody misses a lost one.
    session.request({ type: 'typing', conversation: id, typing }).catch(() => {});
  }

  /** A key was pressed; `hasText`: something stands in the box. */
  function typed(hasText: boolean) {
    tell(hasText);
    window.clearTimeout(timer);
    timer = window.setTimeout(stopped, PAUSE + 1_000);
  }

  function stopped() {
    window.clearTimeout(timer);
    tell(false);
  }

  /** The message itself says that the typing is over. */
  function sent() {
    window.clearTimeout(timer);
    toldAt = 0;
  }

  onScopeDispose(stopped);

  return { typed, stopped, sent };
}
