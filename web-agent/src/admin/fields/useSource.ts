/** Finds what codes stand for: units and teams are known to the page, items and staff are asked for. */
import { onScopeDispose, ref, shallowRef } from 'vue';
import type { ErrorCode } from '../../generated/protocol';
import { ApiError } from '../api';
import type { CodeSource } from '../kinds/description';
import { useNames } from '../stores/names';
import { usePlaces } from '../stores/places';
import { useApi } from '../stores/session';

export interface Choice {
  code: string;
  name: string;
  note: string;
}

/** Pause after the last key, in milliseconds. */
const PAUSE = 180;
const SHOWN = 50;

export function useSource(source: () => CodeSource) {
  const api = useApi();
  const places = usePlaces();
  const names = useNames();
  const found = shallowRef<Choice[]>([]);
  const hasMore = ref(false);
  const isBusy = ref(false);
  const problem = ref<ErrorCode | 'lost' | null>(null);
  let timer = 0;
  let round = 0;

  const fits = (text: string, ...among: string[]) => among.some((one) => one.toLowerCase().includes(text));

  function known(text: string): Choice[] {
    if (source() === 'team') {
      return places.teams
        .filter(({ id, body }) => fits(text, id, body.name))
        .map(({ id, body }) => ({ code: id, name: body.name, note: places.unitName(body.unit) ?? '' }));
    }
    return places.units
      .filter(({ body }) => source() === 'unit' || body.kind === 'district')
      .filter(({ id, body }) => fits(text, id, body.name))
      .map(({ id, body }) => ({ code: id, name: body.name, note: places.unitName(body.parent) ?? '' }));
  }

  async function asked(text: string): Promise<Choice[]> {
    if (source() === 'item') {
      const page = await api.list('item', { q: text, limit: SHOWN + 1 });
      const choices = page.records.map(({ id, body }) => ({ code: id, name: String(body.name), note: id }));
      names.remember('item', choices);
      return choices;
    }
    if (source() === 'card') {
      const page = await api.list('score_card', { q: text, limit: SHOWN + 1 });
      const choices = page.records.map(({ id, body }) => ({ code: id, name: String(body.name), note: '' }));
      names.remember('card', choices);
      return choices;
    }
    const page = await api.staff({ q: text, limit: SHOWN + 1 });
    const choices = page.staff.map(({ id, name, login }) => ({ code: id, name, note: login }));
    names.remember('staff', choices);
    return choices;
  }

  function show(choices: Choice[]) {
    hasMore.value = choices.length > SHOWN;
    found.value = choices.slice(0, SHOWN);
  }

  function search(query: string) {
    window.clearTimeout(timer);
    const mine = ++round;
    const text = query.trim().toLowerCase();
    problem.value = null;
    if (['team', 'unit', 'district'].includes(source())) return show(known(text));
    isBusy.value = true;
    timer = window.setTimeout(async () => {
      try {
        const choices = await asked(text);
        if (mine === round) show(choices);
      } catch (error) {
        if (mine === round) problem.value = error instanceof ApiError ? error.code : 'internal';
      } finally {
        if (mine === round) isBusy.value = false;
      }
    }, PAUSE);
  }
  onScopeDispose(() => window.clearTimeout(timer));

  function nameOf(code: string): string {
    switch (source()) {
      case 'team':
        return places.teamName(code);
      case 'unit':
      case 'district':
        return places.unitName(code) ?? code;
      case 'item':
        return names.of('item', code);
      case 'card':
        return names.of('card', code);
      case 'staff':
        return names.of('staff', code);
    }
  }

  return { found, hasMore, isBusy, problem, nameOf, search };
}
