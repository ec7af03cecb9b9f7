/** Asks the server why 小申 said something. */
import type { ErrorCode, Identity, WhyView, WireError } from '../../generated/protocol';
import { rolesOf } from '../account/places';

/** Why it was not told; `lost`: the server was not reached. */
export class WhyError extends Error {
  constructor(readonly code: ErrorCode | 'lost') {
    super(code);
    this.name = 'WhyError';
  }
}

/** Entries of a thread that 小申 decided about. */
export const isDecided = (type: string): boolean => ['bot_answer', 'bot_clarify', 'bot_hand_over'].includes(type);

/** Whoever keeps or reads the knowledge base, as far as roles tell; the server decides each time. */
export const maySeeWhy = (me: Identity): boolean =>
  rolesOf(me).some((role) => ['supervisor', 'editor', 'auditor', 'admin'].includes(role));

/** Throws `WhyError`. */
export async function whySaid(conversation: string, seq: number, token: string): Promise<WhyView> {
  const query = new URLSearchParams({ conversation, seq: String(seq) });
  let response: Response;
  try {
    response = await fetch(`/api/bot/why?${query}`, {
      headers: { Authorization: `Bearer ${token}` },
      cache: 'no-store',
    });
  } catch {
    throw new WhyError('lost');
  }
  if (response.ok) return (await response.json()) as WhyView;
  const body = (await response.json().catch(() => null)) as { error?: WireError } | null;
  throw new WhyError(body?.error?.code ?? 'internal');
}
