/** Says in words why something was refused. */
import { useSharedWords, useWords } from '../shared/words';
import { ApiError } from './api';
import { useToasts } from './stores/toasts';

export function useTrouble() {
  const shared = useSharedWords();
  const toasts = useToasts();
  const words = useWords(
    { because: (text: string, detail: string) => `${text}（${detail}）` },
    { because: (text, detail) => `${text} (${detail})` },
  );

  function wording(error: unknown): string {
    if (!(error instanceof ApiError)) return shared.value.error.internal;
    const text = shared.value.error[error.code];
    // The server's own words say which other record stands in the way; those of a fault say nothing to anybody.
    const isTelling = error.detail !== '' && (error.code === 'bad_request' || error.status === 409);
    return isTelling ? words.value.because(text, error.detail) : text;
  }

  function tell(error: unknown): void {
    if (error instanceof ApiError && error.code === 'unauthenticated') return; // The log-in form is shown.
    toasts.show(wording(error), { kind: 'problem' });
    if (!(error instanceof ApiError)) throw error;
  }

  return { wording, tell };
}
