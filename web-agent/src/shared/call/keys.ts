/**
 * The keys of the operator panel. A letter alone works while no field is written in, the same letter with Alt everywhere;
 * letters alone can be turned off (WCAG 2.1.4). None of them is one of the browser's own: Alt with D, E and F open its address
 * field and menus, and so do F1, F3, F5 to F7 and F10 to F12.
 *
 * Within the row of a party (digits go there) the letters of the row hold before those of the page.
 */
import type { Act, LegAct } from './view';

export type Key =
  | { do: 'answer' }
  | { do: 'decline' }
  | { do: 'mute' }
  | { do: 'act'; act: Act }
  | { do: 'party'; number: number }
  | { do: 'leg'; act: LegAct }
  | { do: 'find' }
  | { do: 'note' }
  | { do: 'status' }
  | { do: 'check' }
  | { do: 'sheet' };

/** Letters of the page. */
export const ACT_KEYS: Record<Act, string> = {
  merge: 'B',
  swap: 'S',
  leave: 'L',
  stop: 'U',
  drop_consulted: 'G',
  hold_caller: 'H',
  resume_caller: 'H',
  return: 'R',
  take_back: 'T',
  end: 'Q',
  dial: 'K',
  window: 'V',
};

/** Letters of a party's row. */
export const LEG_KEYS: Record<LegAct, string> = {
  mute: 'M',
  unmute: 'M',
  hold: 'H',
  resume: 'H',
  drop: 'G',
  whisper: 'W',
  unwhisper: 'W',
};

export const KEYS = { answer: 'A', decline: 'X', mute: 'M', find: 'C', note: 'N', status: 'P', check: 'J', sheet: '?' };

/** What is looked at of a key press. */
export type Press = Pick<
  KeyboardEvent,
  'altKey' | 'code' | 'ctrlKey' | 'isComposing' | 'key' | 'keyCode' | 'metaKey' | 'repeat' | 'shiftKey'
>;

export interface Around {
  /** A field that is written in has the focus. */
  inText: boolean;
  /** Letters alone are on. */
  single: boolean;
  /** What may be done with the call, and with the party whose row has the focus. */
  acts: ReadonlySet<Act>;
  leg: readonly LegAct[] | null;
}

const letterOf = (press: Press): string => /^Key([A-Z])$/.exec(press.code)?.[1] ?? '';

/**
 * The command of a key press anywhere on the page; `null`: it is none of ours. Keys are told by their place (`code`), because
 * Alt and input methods change what they write; AltGr, which is Ctrl+Alt, is left alone. 229 is the key of a browser that ends a
 * composition too early.
 */
export function keyOf(press: Press, around: Around): Key | null {
  if (press.isComposing || press.keyCode === 229 || press.ctrlKey || press.metaKey || press.repeat) return null;
  if (!press.altKey && around.inText) return null;
  if (!press.altKey && (press.key === '?' || press.key === '？')) return { do: 'sheet' };
  if (press.altKey && press.code === 'Slash') return { do: 'sheet' };
  if (press.shiftKey) return null;
  if (!press.altKey && press.code === 'Slash') return { do: 'find' };
  if (!press.altKey && !around.single) return null;
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(press.code)?.[1];
  if (digit) return { do: 'party', number: Number(digit) };
  const letter = letterOf(press);
  if (!letter) return null;
  const leg = around.leg?.find((act) => LEG_KEYS[act] === letter);
  if (leg) return { do: 'leg', act: leg };
  for (const [name, key] of Object.entries(KEYS)) {
    if (key === letter) return { do: name as keyof typeof KEYS };
  }
  const act = (Object.keys(ACT_KEYS) as Act[]).find((one) => ACT_KEYS[one] === letter && around.acts.has(one));
  return act ? { do: 'act', act } : null;
}

/** What Enter does in the search for a department. */
export function enterAsks(press: Press): 'consult' | 'join' | 'put_through' | null {
  if (press.key !== 'Enter' || press.isComposing || press.keyCode === 229 || press.repeat || press.altKey) return null;
  if (press.ctrlKey || press.metaKey) return press.shiftKey ? null : 'join';
  return press.shiftKey ? 'put_through' : 'consult';
}
