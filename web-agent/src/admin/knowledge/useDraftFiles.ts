/**
 * Pictures and documents of what an editor writes: a draft's are for its editors only, so they are fetched with the token and
 * shown from the browser's memory.
 */
import { onScopeDispose } from 'vue';
import { provideFileSource } from '../../shared/knowledge/answerFiles';
import { useApi } from '../stores/session';

export function useDraftFiles(): void {
  const api = useApi();
  const known = new Map<string, Promise<string>>();
  provideFileSource((file, variant) => {
    const key = `${file}/${variant}`;
    let address = known.get(key);
    if (!address) {
      address = api.answerFile(file, variant).then((blob) => URL.createObjectURL(blob));
      // The next one who asks tries again.
      address.catch(() => known.delete(key));
      known.set(key, address);
    }
    return address;
  });
  onScopeDispose(() => {
    for (const address of known.values()) void address.then(URL.revokeObjectURL, () => {});
  });
}
