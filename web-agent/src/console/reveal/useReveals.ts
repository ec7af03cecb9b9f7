/** What is shown unmasked at this moment, and what one is being asked a reason for. */
import { reactive } from 'vue';
import type { ConversationId, MaskedField, Reveal } from '../../generated/protocol';
import { serverNow } from '../../shared/clock';
import { reveal } from '../../shared/reveal';

/** One masked thing. */
export type Masked = { conversation: ConversationId } & ({ seq: number } | { note: number } | { field: MaskedField });

interface Reveals {
  /** A dialog asks for the reason. */
  asked: Masked | null;
  shown: Map<string, string>;
}

const reveals = reactive<Reveals>({ asked: null, shown: new Map() });
const timers = new Map<string, number>();

export const useReveals = (): Reveals => reveals;

const keyOf = (what: Masked): string => JSON.stringify(what);

/** What stands instead of the masked text, if it is shown. */
export const shownText = (what: Masked): string | undefined => reveals.shown.get(keyOf(what));

/** Masked again. */
export function hide(what: Masked): void {
  const key = keyOf(what);
  window.clearTimeout(timers.get(key));
  timers.delete(key);
  reveals.shown.delete(key);
}

/** Everything is masked again: another log-in, another conversation. */
export function hideAll(): void {
  for (const timer of timers.values()) window.clearTimeout(timer);
  timers.clear();
  reveals.shown.clear();
  reveals.asked = null;
}

/** Shows it until the server's time is over. Throws `RevealError`. */
export async function show(what: Masked, reason: string, token: string): Promise<void> {
  const wanted: Reveal = { ...what, reason };
  const { text, until } = await reveal(wanted, token);
  hide(what);
  reveals.shown.set(keyOf(what), text);
  timers.set(
    keyOf(what),
    window.setTimeout(() => hide(what), Math.max(0, until - serverNow())),
  );
}
