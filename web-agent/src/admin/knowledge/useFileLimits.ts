/** What the server takes, told before anything is sent. */
import { ref, type Ref } from 'vue';
import type { FileLimits } from '../../generated/protocol';

/** Until the server has said its own. */
const DEFAULTS: FileLimits = {
  imageBytes: 10 << 20,
  fileBytes: 20 << 20,
  voiceBytes: 5 << 20,
  voiceSeconds: 60,
  endings: ['pdf', 'doc', 'docx', 'xls', 'xlsx', 'txt'],
};

export function useFileLimits(): Readonly<Ref<FileLimits>> {
  const limits = ref(DEFAULTS);
  void (async () => {
    try {
      const config = (await (await fetch('/api/config')).json()) as { files?: FileLimits };
      if (config.files) limits.value = config.files;
    } catch {
      // The server says no later as well.
    }
  })();
  return limits;
}
