/** Something asked of the server, again whenever the question changes; an answer to an older question is forgotten. */
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue';
import { FiguresError } from './api';
import { problemText, useFigureWords } from './words';

export interface Asked<T> {
  answer: ShallowRef<T | null>;
  problem: Ref<string>;
  isBusy: Ref<boolean>;
  again: () => void;
}

export function useAsked<Q, T>(question: () => Q, ask: (question: Q) => Promise<T>): Asked<T> {
  const words = useFigureWords();
  const answer = shallowRef<T | null>(null);
  const problem = ref('');
  const isBusy = ref(false);
  let latest = 0;

  async function go() {
    const mine = ++latest;
    isBusy.value = true;
    problem.value = '';
    try {
      const found = await ask(question());
      if (mine === latest) answer.value = found;
    } catch (error) {
      if (!(error instanceof FiguresError)) throw error;
      if (mine === latest) {
        answer.value = null;
        problem.value = problemText(words.value, error);
      }
    } finally {
      if (mine === latest) isBusy.value = false;
    }
  }
  watch(() => JSON.stringify(question()), go, { immediate: true });
  onScopeDispose(() => (latest = -1));
  return { answer, problem, isBusy, again: () => void go() };
}
