/** From the two lanes of a thread and what is on its way to the lines on the screen. */
import type { Party, ThreadEntry, Timestamp } from '../../generated/protocol';
import type { Outgoing } from '../../shared/outbox';
import { sameParty, type ThreadState } from '../../shared/thread';
import { dayOf } from './text';

export type Lane = 'shared' | 'notes';

export type Line =
  | { kind: 'day'; key: string; at: Timestamp }
  /** From here on the agent has not seen it. */
  | { kind: 'unread'; key: string }
  | {
      kind: 'entry';
      key: string;
      lane: Lane;
      entry: ThreadEntry;
      /** The same author goes on shortly after: who and when are not said again. */
      follows: boolean;
    }
  | { kind: 'outgoing'; key: string; message: Outgoing; isAcknowledged: boolean };

/** Pause within which messages of one author stand together, in milliseconds. */
const TOGETHER = 120_000;

/** Bodies that are bubbles; the others are lines across the thread. */
export const isBubble = (entry: ThreadEntry): boolean =>
  [
    'text',
    'image',
    'file',
    'voice',
    'note',
    'bot_greeting',
    'bot_answer',
    'bot_clarify',
    'bot_hand_over',
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
  ].includes(entry.body.type);

/** Both lanes by time; each keeps its own order. */
function merged(shared: readonly ThreadEntry[], notes: readonly ThreadEntry[]): { lane: Lane; entry: ThreadEntry }[] {
  const all: { lane: Lane; entry: ThreadEntry }[] = [];
  let next = 0;
  for (const entry of shared) {
    for (let note = notes[next]; note && note.at < entry.at; note = notes[++next])
      all.push({ lane: 'notes', entry: note });
    all.push({ lane: 'shared', entry });
  }
  for (const note of notes.slice(next)) all.push({ lane: 'notes', entry: note });
  return all;
}

export interface LineSources {
  shared: ThreadState;
  notes: ThreadState;
  /** This conversation's part of the outbox, in order. */
  waiting: readonly Outgoing[];
  acknowledged: readonly Outgoing[];
  /** Entries of the citizen after this position are new to the agent; null: no mark. */
  unreadAfter: number | null;
}

export function linesOf({ shared, notes, waiting, acknowledged, unreadAfter }: LineSources): Line[] {
  const from = shared.entries[0]?.at ?? 0;
  // Notes before the first loaded page come with it.
  const shown = shared.more ? notes.entries.filter((note) => note.at >= from) : notes.entries;
  const lines: Line[] = [];
  let day = '';
  let before: { lane: Lane; entry: ThreadEntry } | null = null;
  let isMarked = unreadAfter === null;
  for (const one of merged(shared.entries, shown)) {
    const { lane, entry } = one;
    if (dayOf(entry.at) !== day) {
      day = dayOf(entry.at);
      lines.push({ kind: 'day', key: `day-${day}`, at: entry.at });
      before = null;
    }
    if (!isMarked && lane === 'shared' && entry.from.type === 'citizen' && entry.seq > (unreadAfter ?? 0)) {
      isMarked = true;
      lines.push({ kind: 'unread', key: 'unread' });
      before = null;
    }
    lines.push({ kind: 'entry', key: `${lane}-${entry.seq}`, lane, entry, follows: goesOn(before, one) });
    before = isBubble(entry) ? one : null;
  }
  const there = new Set<string>();
  for (const { clientId } of [...shared.entries, ...notes.entries]) if (clientId) there.add(clientId);
  const outgoing = (message: Outgoing, isAcknowledged: boolean) => {
    if (there.has(message.clientId)) return;
    there.add(message.clientId);
    lines.push({ kind: 'outgoing', key: `out-${message.clientId}`, message, isAcknowledged });
  };
  for (const message of acknowledged) outgoing(message, true);
  for (const message of waiting) outgoing(message, false);
  return lines;
}

function goesOn(before: { lane: Lane; entry: ThreadEntry } | null, one: { lane: Lane; entry: ThreadEntry }): boolean {
  if (!before || !isBubble(one.entry) || before.lane !== one.lane) return false;
  return sameParty(before.entry.from, one.entry.from) && one.entry.at - before.entry.at < TOGETHER;
}

export type Side = 'left' | 'right';

/** The citizen and 小申 stand on the left, staff on the right. */
export const sideOf = (from: Party): Side => (from.type === 'agent' ? 'right' : 'left');

/** Is it something that a person said: a text, or a file? */
export const isSaid = ({ body }: ThreadEntry): boolean => ['text', 'image', 'file', 'voice'].includes(body.type);
