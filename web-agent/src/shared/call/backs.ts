/** Call-backs as tasks: what people do with one (docs/tasks.md). */
import type { ErrorCode, TaskStep, WireError } from '../../generated/protocol';
import { RequestError } from '../link';

/** Shortest and longest reason that the server takes, in characters. */
export const LEAST_REASON = 4;
export const MOST_REASON = 500;

/** Takes a step with a task. Throws `RequestError`; `outdated`: somebody was faster. */
export async function stepTask(task: string, step: TaskStep, token: string): Promise<void> {
  let response: Response;
  try {
    response = await fetch(`/api/tasks/${encodeURIComponent(task)}/step`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify(step),
    });
  } catch {
    throw new RequestError('lost', 'the server was not reached', undefined, true);
  }
  if (response.ok) return;
  const body = (await response.json().catch(() => null)) as { error?: WireError } | null;
  const code: ErrorCode = body?.error?.code ?? 'internal';
  throw new RequestError(code, body?.error?.detail ?? '', body?.error?.field, false);
}

/** The one that the address asks for, e.g. from the task board: `?back=cl_…`. */
export const askedFor = (search: string): string | null => new URLSearchParams(search).get('back');
