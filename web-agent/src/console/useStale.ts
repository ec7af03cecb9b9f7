/** Are the figures on the screen too old to be trusted? */
import { computed, type ComputedRef, type Ref } from 'vue';
import { useSession } from './stores/session';

/** Figures are greyed after this time without a sound of the server, in milliseconds; it ticks every 5 s. */
export const STALE_AFTER = 10_000;

/** `now` makes it look again every second. */
export function useStale(now: Readonly<Ref<number>>): ComputedRef<boolean> {
  const session = useSession();
  return computed(() => {
    const heard = session.heardAt();
    return now.value > 0 && heard !== undefined && Date.now() - heard > STALE_AFTER;
  });
}
