/** A thread as it is shown: entries and what is still on its way, in order, grouped, with days between. Pure. */
import type { ErrorCode, Party, ThreadBody, ThreadEntry } from '../../generated/protocol';
import type { Outgoing } from '../../shared/outbox';
import { sameParty } from '../../shared/thread';
import { dayNumber } from './format';

/** Where a message of mine stands. */
export type Delivery = 'sending' | 'refused' | 'delivered' | 'read';

export interface Said {
  kind: 'said';
  key: string;
  at: number;
  from: Party;
  body: ThreadBody;
  /** Position in the thread; `null`: on its way. */
  seq: number | null;
  /** Mine only. */
  delivery: Delivery | null;
  /** Why the server refused it. */
  refused: ErrorCode | null;
  clientId: string | null;
  /** A file on its way. */
  pending: Outgoing | null;
  /** First of a group: says who. */
  isFirst: boolean;
  /** Last of a group, or the state changes after it: says when and where it stands. */
  isLast: boolean;
}

export interface Happened {
  kind: 'happened';
  key: string;
  at: number;
  seq: number;
  body: ThreadBody;
}

export interface Day {
  kind: 'day';
  key: string;
  at: number;
}

export type Row = Day | Said | Happened;

/** Messages of one author within this time stand together. */
const GROUP_MS = 3 * 60_000;

const spoken = new Set<ThreadBody['type']>([
  'text',
  'image',
  'file',
  'voice',
  'bot_greeting',
  'bot_answer',
  'bot_clarify',
  'bot_hand_over',
  'options_refused',
  'bot_says',
  'guide_started',
  'guide_stepped',
  'guide_asked',
  'guide_several',
  'guide_checklist',
  'actions_offered',
  'action_started',
  'action_stepped',
  'action_asked',
  'action_confirm',
  'action_ended',
]);

/** Rows of a thread. `agentRead`: what the agents have seen of it. */
export function timeline(entries: readonly ThreadEntry[], outgoing: readonly Outgoing[], agentRead: number): Row[] {
  const rows: Row[] = [];
  const arrived = new Set(entries.map((entry) => entry.clientId));
  let day: number | null = null;
  let last: Said | null = null;

  const begin = (at: number) => {
    const number = dayNumber(at);
    if (number === day) return;
    day = number;
    rows.push({ kind: 'day', key: `day-${number}`, at });
    last = null;
  };
  const say = (said: Omit<Said, 'kind' | 'isFirst' | 'isLast'>) => {
    begin(said.at);
    const follows = last !== null && sameParty(last.from, said.from) && said.at - last.at < GROUP_MS;
    if (last && follows && last.delivery === said.delivery) last.isLast = false;
    last = { kind: 'said', isFirst: !follows, isLast: true, ...said };
    rows.push(last);
  };

  for (const entry of entries) {
    // Shown at the answer that it judges.
    if (entry.body.type === 'bot_feedback') continue;
    if (!spoken.has(entry.body.type)) {
      begin(entry.at);
      rows.push({ kind: 'happened', key: `seq-${entry.seq}`, at: entry.at, seq: entry.seq, body: entry.body });
      last = null;
      continue;
    }
    const isMine = entry.from.type === 'citizen';
    say({
      // The key of the client id keeps the element while the message goes from "on its way" to "delivered".
      key: entry.clientId ? `${entry.from.type}-${entry.clientId}` : `seq-${entry.seq}`,
      at: entry.at,
      from: entry.from,
      body: entry.body,
      seq: entry.seq,
      delivery: isMine ? (entry.seq <= agentRead ? 'read' : 'delivered') : null,
      refused: null,
      clientId: entry.clientId ?? null,
      pending: null,
    });
  }
  for (const message of outgoing) {
    if (arrived.has(message.clientId)) continue;
    say({
      key: `citizen-${message.clientId}`,
      at: message.writtenAt,
      from: { type: 'citizen' },
      body: { type: 'text', text: message.text },
      seq: null,
      delivery: message.refused ? 'refused' : 'sending',
      refused: message.refused ?? null,
      clientId: message.clientId,
      pending: message.attachment ? message : null,
    });
  }
  return rows;
}

/** What the citizen said about 小申's answers, by position; the last word counts. */
export function verdicts(entries: readonly ThreadEntry[]): Map<number, boolean> {
  const found = new Map<number, boolean>();
  for (const { body } of entries) if (body.type === 'bot_feedback') found.set(body.answer, body.solved);
  return found;
}

/** Does this entry call for the citizen's attention when they are looking elsewhere? */
export function callsForAttention({ from, body }: ThreadEntry): boolean {
  if (from.type === 'citizen') return false;
  switch (body.type) {
    case 'text':
    case 'image':
    case 'file':
    case 'voice':
    case 'bot_answer':
    case 'bot_clarify':
    case 'bot_hand_over':
    case 'bot_says':
    case 'guide_started':
    case 'guide_asked':
    case 'guide_several':
    case 'guide_checklist':
    case 'actions_offered':
    case 'action_asked':
    case 'action_confirm':
    case 'action_ended':
    case 'agent_joined':
    case 'agent_left':
    case 'transferred':
    case 'supervisor_joined':
    case 'supervisor_left':
    case 'call_back_soon':
    case 'call_back_due':
    case 'answer_found':
    case 'window_asked':
    case 'window_booked':
    case 'window_ended':
    case 'call_began':
    case 'call_answered':
    case 'call_ended':
    case 'call_back_owed':
    case 'closed':
      return true;
    case 'bot_greeting':
    case 'guide_stepped':
    case 'options_refused':
    case 'action_started':
    case 'action_stepped':
    case 'bot_feedback':
    case 'human_requested':
    case 'request_cancelled':
    case 'message_left':
    case 'call_back_moved':
    case 'finished':
    case 'reopened':
    case 'rated':
    case 'note':
    case 'proposed_rejected':
    case 'flag':
    case 'transfer_note':
      return false;
  }
}

/** How many entries after `seen` call for attention. */
export const unreadAfter = (entries: readonly ThreadEntry[], seen: number): number =>
  entries.filter((entry) => entry.seq > seen && callsForAttention(entry)).length;
