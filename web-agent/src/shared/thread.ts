/** A conversation as its topic tells it: pure reducers from snapshots and events to state. */
import type { ConversationView, EventBody, Party, Snapshot, ThreadEntry, Timestamp } from '../generated/protocol';

/** How long a "typing" is believed without being said again. */
export const TYPING_MS = 6_000;

export interface ThreadState {
  view: ConversationView | null;
  /** By `seq`, without gaps between the first and the last. */
  entries: readonly ThreadEntry[];
  /** Is there more before the first entry? */
  more: boolean;
  /** Who types, and until when (local time) that is believed. */
  typing: { from: Party; until: number } | null;
}

export const emptyThread: ThreadState = { view: null, entries: [], more: false, typing: null };

/** Position of the last entry; 0: none. */
export const lastSeq = (state: ThreadState): number => state.entries.at(-1)?.seq ?? 0;

/** Have its entries been deleted, because their time was over or its citizen wished it? Every thread had a greeting. */
export const isPruned = ({ view, entries, more }: ThreadState): boolean =>
  view?.stage === 'closed' && entries.length === 0 && !more;

/** The state after a `subscribed` reply of a `conversation` or `notes` topic. */
export function withSnapshot(state: ThreadState, snapshot: Snapshot): ThreadState {
  if (snapshot.type !== 'conversation' && snapshot.type !== 'notes') return state;
  const entries = snapshot.reset ? snapshot.entries : appended(state.entries, snapshot.entries);
  const more = snapshot.type === 'conversation' && snapshot.reset ? snapshot.more : state.more;
  // The snapshot is of now, whatever version an earlier life of the server had reached.
  const view = snapshot.type === 'conversation' ? snapshot.view : state.view;
  return { ...state, view, entries, more, typing: null };
}

/** The state after an event, or `'gap'` if an entry before it is missing: subscribe again. */
export function withEvent(state: ThreadState, body: EventBody, now: number): ThreadState | 'gap' {
  switch (body.type) {
    case 'entry': {
      const last = lastSeq(state);
      if (body.entry.seq <= last) return state;
      if (body.entry.seq !== last + 1) return 'gap';
      const wrote = state.typing && sameParty(state.typing.from, body.entry.from);
      return { ...state, entries: [...state.entries, body.entry], typing: wrote ? null : state.typing };
    }
    case 'conversation':
      return state.view && body.view.version <= state.view.version ? state : { ...state, view: body.view };
    case 'typing':
      return { ...state, typing: body.typing ? { from: body.from, until: now + TYPING_MS } : null };
    case 'read': {
      if (!state.view) return state;
      const key = body.by.type === 'citizen' ? 'citizenRead' : 'agentRead';
      return { ...state, view: { ...state.view, [key]: Math.max(state.view[key], body.seq) } };
    }
    case 'citizen_presence':
      return state.view ? { ...state, view: { ...state.view, citizenOnline: body.online } } : state;
    case 'agent':
    case 'agent_surroundings':
    case 'board':
    case 'alerts':
    case 'monitors':
    case 'notices_changed':
    case 'continuation':
    case 'window':
    case 'pointed':
    case 'inked':
    case 'highlighted':
    case 'proposal_ended':
    case 'frames':
    case 'frames_wanted':
    case 'window_invited':
    case 'window_offer':
    case 'window_legs':
    case 'window_link':
    case 'window_replaced':
    case 'calls':
    case 'call':
    case 'call_heard':
    case 'call_link':
    case 'call_replaced':
    case 'tick':
      return state;
  }
}

/** The state with an older page before it. */
export function withEarlier(state: ThreadState, entries: readonly ThreadEntry[], more: boolean): ThreadState {
  const first = state.entries[0]?.seq ?? Number.MAX_SAFE_INTEGER;
  return { ...state, entries: [...entries.filter((entry) => entry.seq < first), ...state.entries], more };
}

/** Is the one who types still believed to type at `now` (local time)? */
export const typingAt = (state: ThreadState, now: Timestamp): Party | null =>
  state.typing && state.typing.until > now ? state.typing.from : null;

export function sameParty(one: Party, other: Party): boolean {
  return one.type === other.type && (one.type !== 'agent' || other.type !== 'agent' || one.id === other.id);
}

function appended(entries: readonly ThreadEntry[], more: readonly ThreadEntry[]): readonly ThreadEntry[] {
  const last = entries.at(-1)?.seq ?? 0;
  return [...entries, ...more.filter((entry) => entry.seq > last)];
}
