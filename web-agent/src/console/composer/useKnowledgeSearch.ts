/** Searches the knowledge base while one types. */
import type { Ref } from 'vue';
import type { KnowledgeHit } from '../../generated/protocol';
import { useSession } from '../stores/session';
import { useSearch } from '../useSearch';

/** Longest question that the server takes. */
export const MAX_QUERY = 200;

export function useKnowledgeSearch(query: Ref<string>, item: () => string | undefined) {
  const session = useSession();
  return useSearch<KnowledgeHit>(query, async (text) => {
    const code = item();
    const question = { query: text.slice(0, MAX_QUERY), ...(code ? { item: code } : {}) };
    const answer = await session.request({ type: 'search_knowledge', ...question });
    return answer.type === 'knowledge' ? answer.hits : [];
  });
}
