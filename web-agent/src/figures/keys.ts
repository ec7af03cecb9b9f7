/** What the page hands down to its screens. */
import { inject, type InjectionKey, type ShallowRef } from 'vue';
import type { FigureScope } from '../generated/protocol';
import type { LedgerApi } from '../shared/ledger/api';
import type { Api } from './api';
import type { Route } from './route';

export interface Routing {
  route: ShallowRef<Route>;
  show: (change: Partial<Route>) => void;
}

export const apiKey: InjectionKey<Api> = Symbol('api');
export const ledgerKey: InjectionKey<LedgerApi> = Symbol('ledger');
export const routeKey: InjectionKey<Routing> = Symbol('route');
export const scopeKey: InjectionKey<ShallowRef<FigureScope | null>> = Symbol('scope');

function needed<T>(key: InjectionKey<T>): T {
  const found = inject(key);
  if (found === undefined) throw new Error(`${String(key.description)} is not provided`);
  return found;
}

export const useApi = () => needed(apiKey);
export const useLedger = () => needed(ledgerKey);
export const useRouting = () => needed(routeKey);

/** Screens are shown once it is known what one may look at. */
export function useScope(): FigureScope {
  const scope = needed(scopeKey).value;
  if (!scope) throw new Error('no scope yet');
  return scope;
}
