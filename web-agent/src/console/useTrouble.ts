/** Says in words why something was refused. */
import { ElMessage } from 'element-plus';
import { RequestError } from '../shared/link';
import { useSharedWords } from '../shared/words';

export function useTrouble() {
  const shared = useSharedWords();

  const wording = (error: unknown): string =>
    error instanceof RequestError ? shared.value.error[error.code] : shared.value.error.internal;

  /** For `catch`: tells the person; what is not a refusal is a fault of ours and goes on. */
  function tell(error: unknown): void {
    ElMessage({ message: wording(error), type: 'error', grouping: true, duration: 5_000 });
    if (!(error instanceof RequestError)) throw error;
  }

  return { tell, wording };
}
