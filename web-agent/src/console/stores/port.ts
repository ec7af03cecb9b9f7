/** The link of the log-in, as windows and calls want it. */
import { computed } from 'vue';
import { serverNow } from '../../shared/clock';
import type { WindowPort } from '../../shared/window/room';
import { useSession } from './session';

export function useLinkPort(): WindowPort {
  const session = useSession();
  return {
    request: session.request,
    subscribe: session.subscribe,
    listenSession: session.listenSession,
    isOpen: computed(() => session.isOpen),
    token: () => session.login?.token ?? '',
    now: serverNow,
  };
}
