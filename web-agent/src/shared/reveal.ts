/** Asks the server for one masked thing. What comes is kept nowhere but where it is shown, and not longer than it says. */
import type { ErrorCode, Reveal, Revealed, WireError } from '../generated/protocol';

/** Shortest reason that the server takes, in characters. */
export const LEAST_REASON = 4;

/** Why nothing was shown; `lost`: the server was not reached. */
export class RevealError extends Error {
  constructor(readonly code: ErrorCode | 'lost') {
    super(code);
    this.name = 'RevealError';
  }
}

/** Throws `RevealError`. */
export async function reveal(wanted: Reveal, token: string): Promise<Revealed> {
  let response: Response;
  try {
    response = await fetch('/api/staff/reveal', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify(wanted),
      cache: 'no-store',
    });
  } catch {
    throw new RevealError('lost');
  }
  if (!response.ok) {
    const body = (await response.json().catch(() => null)) as { error?: WireError } | null;
    throw new RevealError(body?.error?.code ?? 'internal');
  }
  return (await response.json()) as Revealed;
}
