/** Files of the console: chosen, on their way, and where those of threads are; for all conversations of the log-in. */
import { defineStore } from 'pinia';
import { markRaw } from 'vue';
import { serverNow } from '../../shared/clock';
import { createFiles } from '../../shared/files/files';
import { useSession } from './session';

export const useConsoleFiles = defineStore('files', () => {
  const session = useSession();
  // Raw: its refs stay refs for the components that the pages share.
  const files = markRaw(
    createFiles({
      request: (command) => session.request(command),
      token: () => session.login?.token ?? '',
      isOnline: () => session.isOpen,
      now: serverNow,
    }),
  );
  return { files };
});
