/** The server's time for countdowns, refreshed once a second while anybody looks. */
import { onScopeDispose, readonly, ref, type Ref } from 'vue';

let source: () => number = () => Date.now();
const now = ref(source());
let users = 0;
let timer = 0;

/** Looks at the clock now: what has just come from the server must not seem to lie in the future. */
export const refreshClock = (): void => {
  now.value = source();
};

/** Where the time comes from: `link.serverNow`. */
export function setClock(serverNow: () => number): void {
  source = serverNow;
  refreshClock();
}

/** The server's time at this moment. */
export const serverNow = (): number => source();

/** The server's time in milliseconds, as a ref that moves once a second. */
export function useNow(): Readonly<Ref<number>> {
  if (users === 0) {
    refreshClock();
    timer = window.setInterval(refreshClock, 1_000);
  }
  users += 1;
  onScopeDispose(() => {
    users -= 1;
    if (users === 0) window.clearInterval(timer);
  });
  return readonly(now);
}
