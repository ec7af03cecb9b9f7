/** The keyboard of the console. */

export type KeyCommand =
  | { do: 'accept' }
  /** To the card of the offer, from where Tab leads to declining. */
  | { do: 'offer' }
  | { do: 'step'; by: 1 | -1 }
  | { do: 'reply' }
  | { do: 'note' }
  | { do: 'transfer' }
  /** Asks the supervisors for help. */
  | { do: 'flag' }
  | { do: 'close' }
  /** To the answer that 小申 proposes, from where Tab leads to changing it and to putting it aside. */
  | { do: 'proposed' }
  | { do: 'context' }
  /** Asks for a virtual window, accepts one, or goes to it. */
  | { do: 'window' }
  /** In a virtual window: silent, or not any more. */
  | { do: 'mute' }
  | { do: 'sheet' }
  | { do: 'answer'; number: number }
  | { do: 'assist'; number: number };

/** What is looked at of a key press. */
export type Press = Pick<
  KeyboardEvent,
  'altKey' | 'code' | 'ctrlKey' | 'isComposing' | 'key' | 'keyCode' | 'metaKey' | 'repeat' | 'shiftKey'
>;

/** Is the key part of a composition of the input method? 229: browsers that end the composition too early. */
export const isComposing = (press: Press): boolean => press.isComposing || press.keyCode === 229;

const BY_CODE: Record<string, KeyCommand> = {
  KeyA: { do: 'accept' },
  KeyO: { do: 'offer' },
  KeyJ: { do: 'step', by: 1 },
  KeyK: { do: 'step', by: -1 },
  KeyL: { do: 'reply' },
  KeyP: { do: 'note' },
  KeyT: { do: 'transfer' },
  KeyH: { do: 'flag' },
  KeyE: { do: 'close' },
  KeyS: { do: 'proposed' },
  KeyI: { do: 'context' },
  KeyV: { do: 'window' },
  KeyM: { do: 'mute' },
  Slash: { do: 'sheet' },
};

/**
 * The command of a key press anywhere on the page. Keys are told by their place (`code`), because Alt changes what they
 * write on some systems; AltGr, which is Ctrl+Alt, is left alone. `inText`: a text field has the focus.
 */
export function keyCommand(press: Press, inText: boolean): KeyCommand | null {
  if (isComposing(press) || press.ctrlKey || press.metaKey || press.repeat) return null;
  if (!press.altKey) return !inText && (press.key === '?' || press.key === '？') ? { do: 'sheet' } : null;
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(press.code);
  if (press.shiftKey) return digit && Number(digit[1]) <= 3 ? { do: 'assist', number: Number(digit[1]) } : null;
  if (digit) return { do: 'answer', number: Number(digit[1]) };
  return BY_CODE[press.code] ?? null;
}

/** What Enter does in the composer. */
export function enterDoes(press: Press): 'send' | 'nothing' {
  if (press.key !== 'Enter' || isComposing(press) || press.repeat) return 'nothing';
  return press.shiftKey || press.altKey ? 'nothing' : 'send';
}
