/** The form of a message left out of hours: what is wrong with it, before and after the server has looked. Pure. */
import type { Slot } from '../../generated/protocol';
import type { RequestError } from '../../shared/link';
import { allowance, isTelephone, MAX_LEFT_MESSAGE } from './limits';

export type Field = 'text' | 'phone' | 'slot';

export interface Filled {
  text: string;
  phone: string;
  slot: Slot | null;
}

/** The fields that have to be mended, in the order of the form. */
export function checked({ text, phone, slot }: Filled, offered: readonly Slot[]): Field[] {
  const { used, isOver } = allowance(text, MAX_LEFT_MESSAGE);
  const wrong: Field[] = [];
  if (used === 0 || isOver) wrong.push('text');
  if (!isTelephone(phone)) wrong.push('phone');
  if (!slot || !offered.some(({ startsAt }) => startsAt === slot.startsAt)) wrong.push('slot');
  return wrong;
}

/** The field that a refusal of the server is about; `null`: none of them. */
export function fieldOf({ code, field }: Pick<RequestError, 'code' | 'field'>): Field | null {
  if (code === 'slot_full' || code === 'slot_past') return 'slot';
  return field === 'text' || field === 'phone' || field === 'slot' ? field : null;
}
