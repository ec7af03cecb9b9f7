/** Published questions near what is being typed: asked for a moment after the last key, and only the newest answer counts. */
import { ref, shallowRef } from 'vue';
import type { BotOption } from '../../generated/protocol';

/** So long nobody has typed before it is asked, in milliseconds. */
export const PAUSE = 120;

/** Shorter and longer texts are not looked up (protocol: `suggest`). */
const SHORTEST = 2;
const LONGEST = 60;

export interface Suggestions {
  readonly options: Readonly<{ value: readonly BotOption[] }>;
  /** Which one the keyboard is on; -1: the text. */
  readonly active: { value: number };
  /** What stands in the field; empty: nothing is looked up. */
  typed(text: string): void;
  /** Away with them until the text changes. */
  close(): void;
  /** The keyboard goes so many on; before the first and behind the last one it is on the text. */
  move(by: 1 | -1): void;
}

/** `ask` looks up; what fails gives none: they are a help, and nobody waits for them. */
export function createSuggestions(ask: (text: string) => Promise<readonly BotOption[]>): Suggestions {
  const options = shallowRef<readonly BotOption[]>([]);
  const active = ref(-1);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = 0;

  function show(next: readonly BotOption[]): void {
    options.value = next;
    active.value = -1;
  }

  function close(): void {
    clearTimeout(timer);
    asked += 1;
    show([]);
  }

  return {
    options,
    active,
    close,
    typed(text) {
      const wanted = text.trim();
      const length = [...wanted].length;
      if (length < SHORTEST || length > LONGEST || wanted.includes('\n')) return close();
      clearTimeout(timer);
      const mine = (asked += 1);
      timer = setTimeout(() => {
        ask(wanted).then(
          (found) => {
            if (mine === asked) show(found);
          },
          () => {
            if (mine === asked) show([]);
          },
        );
      }, PAUSE);
    },
    move(by) {
      const count = options.value.length;
      // One place more than there are options: the text itself.
      active.value = ((active.value + 1 + by + count + 1) % (count + 1)) - 1;
    },
  };
}
