/** Names of items, staff and score cards, asked for once each. There are too many to know them all. */
import { defineStore } from 'pinia';
import { reactive } from 'vue';
import { useSession } from './session';

type Kind = 'item' | 'staff' | 'card';

export const useNames = defineStore('names', () => {
  const session = useSession();
  const known: Record<Kind, Map<string, string>> = {
    item: reactive(new Map()),
    staff: reactive(new Map()),
    card: reactive(new Map()),
  };
  const asked = new Set<string>();

  function remember(kind: Kind, found: readonly { code: string; name: string }[]) {
    for (const { code, name } of found) known[kind].set(code, name);
  }

  async function ask(kind: Kind, code: string) {
    try {
      const name =
        kind === 'staff'
          ? (await session.api.member(code)).name
          : String((await session.api.record(kind === 'item' ? 'item' : 'score_card', code)).body.name);
      known[kind].set(code, name);
    } catch {
      // The code is shown; whoever may not read it, or nobody, knows its name.
    }
  }

  /** The name, or the code until it is known. */
  function of(kind: Kind, code: string): string {
    const name = known[kind].get(code);
    if (name !== undefined) return name;
    if (!asked.has(`${kind} ${code}`)) {
      asked.add(`${kind} ${code}`);
      void ask(kind, code);
    }
    return code;
  }

  return { of, remember };
});
