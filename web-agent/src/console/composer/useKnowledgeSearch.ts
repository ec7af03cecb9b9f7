/** Searches the knowledge base while one types; an answer to an earlier question never replaces a later one. */
import { onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue';
import type { KnowledgeHit } from '../../generated/protocol';
import { RequestError } from '../../shared/link';
import { useSession } from '../stores/session';

/** Pause after the last key, in milliseconds. */
const PAUSE = 180;

/** Longest question that the server takes. */
export const MAX_QUERY = 200;

export function useKnowledgeSearch(query: Ref<string>, item: () => string | undefined) {
  const session = useSession();
  const hits = shallowRef<readonly KnowledgeHit[]>([]);
  /** The question that `hits` answer; empty: none. */
  const answered = ref('');
  const isBusy = ref(false);
  const problem = ref<RequestError['code'] | null>(null);
  let timer = 0;
  let round = 0;

  async function search(text: string, mine: number) {
    isBusy.value = true;
    const code = item();
    try {
      const answer = await session.request({ type: 'search_knowledge', query: text, ...(code ? { item: code } : {}) });
      if (mine !== round || answer.type !== 'knowledge') return;
      hits.value = answer.hits;
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
    const asked = text.trim().slice(0, MAX_QUERY);
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
