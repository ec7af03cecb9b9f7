/** Rings, notifies, says aloud and writes into the title that somebody calls. */
import { computed, onScopeDispose, watch } from 'vue';
import type { RingView } from '../../generated/protocol';
import { serverNow } from '../clock';
import type { Ringer } from '../ringer';
import type { Calls } from './calls';
import { itemOf } from './view';
import { useCallWords } from './words';

export interface Ringing {
  ringer: Pick<Ringer, 'ring' | 'stop'>;
  notify: (title: string, body: string, tag: string) => () => void;
  say: (text: string) => void;
}

/** Answers the ring that is to be shown: the first one that this page may take. */
export function useRinging(calls: Calls, { ringer, notify, say }: Ringing) {
  const words = useCallWords();
  // What is being taken by itself, because it was asked for here, needs no card and no sound.
  const ring = computed<RingView | null>(
    () => calls.rings.value.find((one) => calls.soundOf.value !== one.call && !calls.isAwaited(one)) ?? null,
  );
  let closeNotification = () => {};

  function silence() {
    ringer.stop();
    closeNotification();
    closeNotification = () => {};
  }

  watch(
    () => (ring.value ? `${ring.value.call}/${ring.value.leg}` : ''),
    (key) => {
      silence();
      const { value: shown } = ring;
      if (!key || !shown) return;
      const [who, about] = [shown.caller || words.value.part.caller, itemOf(shown) ?? words.value.noItem];
      if (!shown.onTelephone) ringer.ring(Math.max(1, (shown.until - serverNow()) / 1_000));
      closeNotification = notify(words.value.ring.title[shown.part], `${who} · ${about}`, shown.call);
      say(words.value.ring.spoken(who, about));
    },
    { immediate: true },
  );
  // Who takes it hears nobody through a bell.
  watch(calls.taking, (taking) => {
    if (taking) silence();
  });
  onScopeDispose(silence);
  return ring;
}
