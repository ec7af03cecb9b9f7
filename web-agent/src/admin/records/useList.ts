/** A list of records as the server pages it: search, unit, and a stack of the pages that one came by. */
import { computed, onScopeDispose, reactive, ref, shallowRef, watch } from 'vue';
import type { ErrorCode } from '../../generated/protocol';
import { ApiError, type AdminRecord, type Kind } from '../api';
import { useApi } from '../stores/session';

const PAGE = 50;
const PAUSE = 250;

export function useList(kind: Kind) {
  const api = useApi();
  const records = shallowRef<AdminRecord[]>([]);
  const total = ref(0);
  const next = ref<number | null>(null);
  /** Where the pages before this one began, and this one. */
  const starts = ref<(number | null)[]>([null]);
  const query = ref('');
  const unit = ref<string | null>(null);
  const isBusy = ref(true);
  const problem = ref<ErrorCode | 'lost' | null>(null);
  let round = 0;
  let timer = 0;

  async function load() {
    const mine = ++round;
    isBusy.value = true;
    try {
      const page = await api.list(kind, {
        q: query.value.trim(),
        ...(unit.value ? { unit: unit.value } : {}),
        after: starts.value.at(-1) ?? null,
        limit: PAGE,
      });
      if (mine !== round) return;
      records.value = page.records;
      total.value = page.total;
      next.value = page.next;
      problem.value = null;
    } catch (error) {
      if (mine === round) problem.value = error instanceof ApiError ? error.code : 'internal';
    } finally {
      if (mine === round) isBusy.value = false;
    }
  }

  function first() {
    starts.value = [null];
    return load();
  }

  watch(query, () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void first(), PAUSE);
  });
  watch(unit, () => void first());
  onScopeDispose(() => window.clearTimeout(timer));

  function forward() {
    if (next.value === null) return;
    starts.value = [...starts.value, next.value];
    void load();
  }

  function back() {
    if (starts.value.length === 1) return;
    starts.value = starts.value.slice(0, -1);
    void load();
  }

  return reactive({
    records,
    total,
    query,
    unit,
    isBusy,
    problem,
    from: computed(() => (starts.value.length - 1) * PAGE + 1),
    hasMore: computed(() => next.value !== null),
    isFirst: computed(() => starts.value.length === 1),
    isFiltered: computed(() => query.value.trim() !== '' || unit.value !== null),
    load,
    first,
    forward,
    back,
  });
}

export type List = ReturnType<typeof useList>;
