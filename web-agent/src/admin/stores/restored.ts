/**
 * Records that were put back by the undo of a toast: their editor has gone by then and can tell nobody, so what shows records
 * asks to be told here.
 */
import { defineStore } from 'pinia';
import { ref, watch } from 'vue';

export const useRestored = defineStore('restored', () => {
  const count = ref(0);
  return { count, note: () => void (count.value += 1) };
});

/** In the setup of a screen: it reads anew whenever a record was put back. */
export function whenRestored(read: () => unknown): void {
  const restored = useRestored();
  watch(
    () => restored.count,
    () => void read(),
  );
}
