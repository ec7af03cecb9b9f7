/** What the Enter key does while a message is written. */

/** The part of a `KeyboardEvent` that decides. */
export interface EnterEvent {
  key: string;
  isComposing: boolean;
  /** Deprecated everywhere but needed: 229 is the only sign of an input method in Safari, see below. */
  keyCode: number;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/**
 * Does this key press send the message?
 *
 * An Enter that ends a composition (choosing a pinyin candidate) never does. Chromium and Firefox send that keydown
 * with `isComposing`; Safari sends `compositionend` first and the keydown after it, with `isComposing` false but key
 * code 229. Ctrl or Command with Enter always sends. `enterSends` is false on touch keyboards, which have no
 * comfortable Shift+Enter: there Enter makes a new line and the button sends.
 */
export function sends(event: EnterEvent, enterSends: boolean): boolean {
  if (event.key !== 'Enter' || event.isComposing || event.keyCode === 229) return false;
  if (event.ctrlKey || event.metaKey) return true;
  return enterSends && !event.shiftKey && !event.altKey;
}
