/** Limits of what a citizen may write, as `src/domain/src/conversation.rs` checks them, so that nobody writes in vain. */

/** Longest message, in Unicode scalar values. */
export const MAX_TEXT = 4_000;
/** Longest message left out of hours. */
export const MAX_LEFT_MESSAGE = 1_000;
/** Longest comment of a rating. */
export const MAX_COMMENT = 500;

/** The counter appears when so much of the allowance is used. */
const COUNT_FROM = 0.9;

/** Length as the server counts: Unicode scalar values, without white space around. */
export const lengthOf = (text: string): number => [...text.trim()].length;

export interface Allowance {
  used: number;
  max: number;
  /** Near the end: tell the person. */
  isShown: boolean;
  isOver: boolean;
}

export function allowance(text: string, max: number): Allowance {
  const used = lengthOf(text);
  return { used, max, isShown: used >= max * COUNT_FROM, isOver: used > max };
}

/** Is it a telephone number that the server takes: 5 to 20 digits, with `+`, `-` and spaces allowed? */
export function isTelephone(text: string): boolean {
  const number = text.replace(/\s/g, '');
  const digits = number.replace(/[^0-9]/g, '').length;
  return /^[0-9+-]+$/.test(number) && digits >= 5 && digits <= 20;
}
