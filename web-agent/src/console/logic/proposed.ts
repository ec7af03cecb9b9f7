/** The answer that 小申 proposes and a person checks: until when it stands. */
import type { ConversationId, HandOverPacket, ProposedAnswer, ThreadEntry } from '../../generated/protocol';
import type { Outgoing } from '../../shared/outbox';
import { isSaid } from './lines';

/** What has happened since the packet was read. */
export interface Since {
  conversation: ConversationId;
  shared: readonly ThreadEntry[];
  notes: readonly ThreadEntry[];
  /** Messages on their way. */
  waiting: readonly Outgoing[];
}

/** What is to be checked; null: nothing is proposed, or somebody has answered, is just answering, or has put it aside. */
export function proposedIn(packet: HandOverPacket | null | undefined, since: Since): ProposedAnswer | null {
  const proposed = packet?.proposed;
  if (!proposed) return null;
  const isOver = (entry: ThreadEntry) =>
    entry.seq > proposed.on &&
    ((entry.from.type === 'agent' && isSaid(entry)) || ['request_cancelled', 'closed'].includes(entry.body.type));
  const isRejected = ({ body }: ThreadEntry) => body.type === 'proposed_rejected' && body.on === proposed.on;
  const isOnItsWay = (one: Outgoing) => one.conversation === since.conversation && !one.note && !one.refused;
  if (since.shared.some(isOver) || since.notes.some(isRejected) || since.waiting.some(isOnItsWay)) return null;
  return proposed;
}
