/** Which screen a person sees of a window: follows from what the server says and what this page has done. Pure. */
import type { EndedBecause, ErrorCode, Purpose, Seat, SeatView, Timestamp, WindowView } from '../../generated/protocol';
import type { PeerState } from './rtc';

/** What only this page knows. */
export interface Here {
  seat: Seat;
  /** The person has looked at their devices and wants to go in. */
  isReady: boolean;
  /** The server has given this page the seat. */
  isSeated: boolean;
  /** The seat is another page's now. */
  isReplaced: boolean;
  /** Why the server does not let this page in. */
  refused: ErrorCode | null;
}

export type Screen =
  | { kind: 'loading' }
  | { kind: 'refused'; code: ErrorCode }
  | { kind: 'booked'; at: Timestamp }
  /** The citizen reads what they would agree to. */
  | { kind: 'consent'; until: Timestamp | undefined }
  /** The agent is asked. */
  | { kind: 'incoming'; until: Timestamp | undefined }
  /** It has not begun: nothing to see for a guest. */
  | { kind: 'not_yet' }
  /** One's devices, before one goes in. `waits`: the other side has not said yes. */
  | { kind: 'check'; waits: boolean; until: Timestamp | undefined }
  /** A supervisor goes in by one press: nothing of theirs is seen or heard. */
  | { kind: 'observe' }
  /** Ready, and the other side has not said yes. */
  | { kind: 'asking'; until: Timestamp | undefined }
  | { kind: 'joining' }
  | { kind: 'elsewhere' }
  /** On one's seat; the other side is not there yet. */
  | { kind: 'waiting'; until: Timestamp | undefined }
  | { kind: 'live' }
  | { kind: 'ended'; because: EndedBecause };

export function screenOf(view: WindowView | null, here: Here): Screen {
  if (here.refused) return { kind: 'refused', code: here.refused };
  if (!view) return { kind: 'loading' };
  const { state, until } = view;
  if (state === 'ended') return { kind: 'ended', because: view.endedBecause ?? 'cancelled' };
  if (state === 'booked') return { kind: 'booked', at: view.at ?? 0 };
  if (here.isReplaced) return { kind: 'elsewhere' };
  const isGuest = here.seat === 'second_clerk' || here.seat === 'supervisor';
  if (state === 'asked') {
    if (isGuest) return { kind: 'not_yet' };
    if (here.seat === 'citizen' && !hasConsent(view, 'window')) return { kind: 'consent', until };
    if (here.seat === 'agent' && !view.agentAgrees) return { kind: 'incoming', until };
    return here.isReady ? { kind: 'asking', until } : { kind: 'check', waits: true, until };
  }
  if (!here.isReady) {
    if (here.seat === 'supervisor') return { kind: 'observe' };
    return { kind: 'check', waits: false, until: state === 'consented' ? until : undefined };
  }
  if (!here.isSeated) return { kind: 'joining' };
  return state === 'consented' ? { kind: 'waiting', until } : { kind: 'live' };
}

/** Has the citizen agreed to this? */
export const hasConsent = (view: WindowView, purpose: Purpose): boolean =>
  view.consents.some((one) => one.purpose === purpose);

/** Has the citizen agreed to the text as it stands now? An older wording holds, but is not asked for again. */
export const textOf = (view: WindowView, purpose: Purpose) => view.texts.find((one) => one.purpose === purpose) ?? null;

export const mySeat = (view: WindowView | null): SeatView | null => view?.seats.find((one) => one.isMe) ?? null;

/** Whose screen is seen; `null`: nobody's. */
export const sharer = (view: WindowView | null): SeatView | null =>
  view?.seats.find((one) => one.media.includes('screen')) ?? null;

/** How it goes for this page, in one light. */
export type Light = 'good' | 'fair' | 'poor' | 'lost';

/** `isOpen`: the link to the server; `peer`: the connection for pictures and voices. */
export function lightOf(view: WindowView | null, isOpen: boolean, peer: PeerState | null): Light {
  if (!isOpen || peer !== 'up') return 'lost';
  return mySeat(view)?.quality ?? 'good';
}

/** Rights that change what is on the screen; the server decides (docs/windows.md "Rules"). */
export interface Rights {
  show: boolean;
  draw: boolean;
  clear: boolean;
  invite: boolean;
  remove: boolean;
  end: boolean;
}

export function rightsOf(seat: Seat): Rights {
  const isClerk = seat === 'agent' || seat === 'second_clerk';
  const isSide = seat === 'citizen' || seat === 'agent';
  return {
    show: seat === 'citizen' || isClerk,
    draw: seat === 'citizen' || isClerk,
    clear: isSide,
    invite: seat === 'agent',
    remove: seat === 'agent' || seat === 'supervisor',
    end: isSide || seat === 'supervisor',
  };
}

/** The seats in the order in which they are shown: the citizen, then clerks, then who only looks on. */
const ORDER: readonly Seat[] = ['citizen', 'agent', 'second_clerk', 'supervisor'];
export const inOrder = (seats: readonly SeatView[]): SeatView[] =>
  [...seats].sort((a, b) => ORDER.indexOf(a.seat) - ORDER.indexOf(b.seat));

/** Six digits, however they are spaced or written (full-width, as an input method gives them); `null`: no code. */
export function codeOf(typed: string): string | null {
  const digits = typed
    .replace(/[０-９]/g, (digit) => String.fromCharCode(digit.charCodeAt(0) - 0xfee0))
    .replace(/[\s-]/g, '');
  return /^\d{6}$/.test(digits) ? digits : null;
}
