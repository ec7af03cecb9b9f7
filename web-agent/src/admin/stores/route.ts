/** Where one is, and the question before unsaved changes are lost. */
import { defineStore } from 'pinia';
import { onScopeDispose, ref, shallowRef } from 'vue';
import type { ScreenName } from '../logic/access';
import { parseRoute, routeText, type Route } from '../logic/route';

export const useRoute = defineStore('route', () => {
  const route = shallowRef<Route>(parseRoute(location.hash));
  /** Whoever has something unsaved. */
  const guards = new Set<() => boolean>();
  /** Where one wants to go, while the question is open. */
  const wanted = ref<string | null>(null);
  let current = location.hash;

  const isUnsaved = () => [...guards].some((guard) => guard());

  function changed() {
    if (location.hash === current) return;
    if (isUnsaved()) {
      wanted.value = location.hash;
      // Back to where we still are; no step is added, so that "back" of the browser stays what it was.
      history.replaceState(null, '', current || '#');
      return;
    }
    current = location.hash;
    route.value = parseRoute(current);
  }

  function leaving(event: BeforeUnloadEvent) {
    if (isUnsaved()) event.preventDefault();
  }

  function begin() {
    window.addEventListener('hashchange', changed);
    window.addEventListener('beforeunload', leaving);
  }

  function end() {
    window.removeEventListener('hashchange', changed);
    window.removeEventListener('beforeunload', leaving);
    wanted.value = null;
  }

  /** Goes there, without asking if `force`. */
  function go(to: string, force = false) {
    wanted.value = null;
    if (force) {
      current = to;
      history.pushState(null, '', to);
      route.value = parseRoute(to);
    } else location.hash = to;
  }

  /** While the caller lives, `hasUnsaved` is asked before one leaves. */
  function guard(hasUnsaved: () => boolean) {
    guards.add(hasUnsaved);
    onScopeDispose(() => guards.delete(hasUnsaved));
  }

  return {
    route,
    wanted,
    begin,
    end,
    go,
    guard,
    to: (screen: ScreenName, ...rest: string[]) => go(routeText(screen, ...rest)),
  };
});
