/** The server's time for countdowns, refreshed once a second while anybody looks. */
import { onScopeDispose, readonly, ref, type Ref } from 'vue';

let source: () => number = () => Date.now();
const now = ref(source());
let users = 0;
let timer = 0;

const refresh = () => {
  now.value = source();
};

/** Where the time comes from: `link.serverNow`. */
export function setClock(serverNow: () => number): void {
  source = serverNow;
  refresh();
}

/** The server's time in milliseconds, as a ref that moves once a second. */
export function useNow(): Readonly<Ref<number>> {
  if (users === 0) {
    refresh();
    timer = window.setInterval(refresh, 1_000);
  }
  users += 1;
  onScopeDispose(() => {
    users -= 1;
    if (users === 0) window.clearInterval(timer);
  });
  return readonly(now);
}
