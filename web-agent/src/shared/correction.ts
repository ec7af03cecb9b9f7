/** Tells the unit in charge that an entry is wrong; it becomes a task with a deadline (docs/tasks.md). */
import type { CorrectionOrder, ErrorCode, WireError } from '../generated/protocol';

/** Shortest and longest text that the server takes, in characters. */
export const LEAST_TEXT = 4;
export const MOST_TEXT = 200;

/** Why it was not taken; `lost`: the server was not reached. */
export class CorrectionError extends Error {
  constructor(readonly code: ErrorCode | 'lost') {
    super(code);
    this.name = 'CorrectionError';
  }
}

/** Throws `CorrectionError`. */
export async function reportWrong(order: CorrectionOrder, token: string): Promise<void> {
  let response: Response;
  try {
    response = await fetch('/api/tasks/corrections', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify(order),
    });
  } catch {
    throw new CorrectionError('lost');
  }
  if (response.ok) return;
  const body = (await response.json().catch(() => null)) as { error?: WireError } | null;
  throw new CorrectionError(body?.error?.code ?? 'internal');
}
