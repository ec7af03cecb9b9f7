/** The lines of a table by keyboard: each has one button `.open`, and the arrows go from one to the next. */
import { nextTick, type ShallowRef } from 'vue';

export function useLines(body: Readonly<ShallowRef<HTMLElement | null>>) {
  const buttons = () => [...(body.value?.querySelectorAll<HTMLElement>('button.open') ?? [])];

  function pressed(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const all = buttons();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = all[at + step];
    if (at < 0 || !to) return;
    event.preventDefault();
    to.focus();
  }

  /** From the search field. */
  const focusFirst = () => void nextTick(() => buttons()[0]?.focus());

  return { pressed, focusFirst };
}
