/** One thing at a time: while it runs nothing else is begun, so that a second press does nothing. */
import { ref } from 'vue';

/** `failed` is told what went wrong. */
export function useBusy(failed: (error: unknown) => void) {
  const isBusy = ref(false);

  async function attempt(work: () => Promise<void>): Promise<void> {
    if (isBusy.value) return;
    isBusy.value = true;
    try {
      await work();
    } catch (error) {
      failed(error);
    } finally {
      isBusy.value = false;
    }
  }

  return { isBusy, attempt };
}
