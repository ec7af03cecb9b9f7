/** Short news at the bottom of the page, some with a way back. */
import { defineStore } from 'pinia';
import { ref } from 'vue';

export interface Toast {
  key: number;
  text: string;
  kind: 'done' | 'problem';
  /** The way back, and its name. */
  action?: { name: string; run: () => void };
}

/** Long enough to read and to reach the button by keyboard. */
const SHOWN_MS = 5_000;
const WITH_ACTION_MS = 15_000;

export const useToasts = defineStore('toasts', () => {
  const toasts = ref<Toast[]>([]);
  let next = 1;

  function drop(key: number) {
    toasts.value = toasts.value.filter((toast) => toast.key !== key);
  }

  function show(text: string, { kind = 'done', action }: Partial<Pick<Toast, 'kind' | 'action'>> = {}) {
    const key = next++;
    toasts.value = [...toasts.value, { key, text, kind, ...(action ? { action } : {}) }];
    window.setTimeout(() => drop(key), action ? WITH_ACTION_MS : SHOWN_MS);
  }

  return { toasts, show, drop };
});
