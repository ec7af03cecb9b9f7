/** Asks the server while one types; an answer to an earlier question never replaces a later one. */
import { onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue';
import { RequestError } from '../shared/link';

/** Pause after the last key, in milliseconds. */
const PAUSE = 180;

/** What `ask` finds for the text of `query`; nothing while that is empty. */
export function useSearch<T>(query: Ref<string>, ask: (text: string) => Promise<readonly T[]>) {
  const hits = shallowRef<readonly T[]>([]);
  /** The question that `hits` answer; empty: none. */
  const answered = ref('');
  const isBusy = ref(false);
  const problem = ref<RequestError['code'] | null>(null);
  let timer = 0;
  let round = 0;

  async function search(text: string, mine: number) {
    isBusy.value = true;
    try {
      const found = await ask(text);
      if (mine !== round) return;
      hits.value = found;
      answered.value = text;
      problem.value = null;
    } catch (error) {
      if (mine === round) problem.value = error instanceof RequestError ? error.code : 'internal';
    } finally {
      if (mine === round) isBusy.value = false;
    }
  }

  watch(query, (text) => {
    window.clearTimeout(timer);
    round += 1;
    const asked = text.trim();
    if (!asked) {
      hits.value = [];
      answered.value = '';
      isBusy.value = false;
      problem.value = null;
      return;
    }
    const mine = round;
    timer = window.setTimeout(() => void search(asked, mine), PAUSE);
  });
  onScopeDispose(() => window.clearTimeout(timer));

  return { hits, answered, isBusy, problem };
}
