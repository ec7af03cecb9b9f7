/** Units and teams by their codes. Both are few, and every screen names them. */
import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import type { AdminRecord, TeamBody, UnitBody } from '../api';
import { mayAt, type Action } from '../logic/access';
import type { Node } from '../logic/hours';
import { useSession } from './session';

export const usePlaces = defineStore('places', () => {
  const session = useSession();
  const units = shallowRef<AdminRecord<UnitBody>[]>([]);
  const teams = shallowRef<AdminRecord<TeamBody>[]>([]);
  const isLoaded = shallowRef(false);

  async function load() {
    [units.value, teams.value] = await Promise.all([
      session.api.all<UnitBody>('unit'),
      session.api.all<TeamBody>('team'),
    ]);
    isLoaded.value = true;
  }

  const unitById = computed(() => new Map(units.value.map((unit) => [unit.id, unit])));
  const teamById = computed(() => new Map(teams.value.map((team) => [team.id, team])));
  const parents = computed(() => new Map(units.value.map((unit) => [unit.id, unit.body.parent])));
  /** For inherited hours. */
  const nodes = computed(
    () =>
      new Map<string, Node>(
        units.value.map(({ id, body }) => [id, { code: id, name: body.name, parent: body.parent, hours: body.hours }]),
      ),
  );

  /** May I do it with things of this unit? */
  function may(action: Action, unit: string | null, item: string | null = null): boolean {
    return mayAt(session.rights ?? [], action, unit, parents.value, item);
  }

  return {
    units,
    teams,
    isLoaded,
    nodes,
    parents,
    load,
    may,
    unitName: (code: string | null) => (code === null ? null : (unitById.value.get(code)?.body.name ?? code)),
    teamName: (code: string) => teamById.value.get(code)?.body.name ?? code,
    unit: (code: string) => unitById.value.get(code),
    team: (code: string) => teamById.value.get(code),
  };
});
