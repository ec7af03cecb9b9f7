/** The way to the ledger of a conversation. */
import type { Correct, ErrorCode, LedgerView, WireError } from '../../generated/protocol';

/** `lost`: the server was not reached. */
export class LedgerError extends Error {
  constructor(
    readonly code: ErrorCode | 'lost',
    readonly field: string | null = null,
  ) {
    super(code);
    this.name = 'LedgerError';
  }
}

interface Client {
  token: () => string;
  /** Is there a new token? */
  renew: () => Promise<boolean>;
}

export interface LedgerApi {
  read: (conversation: string) => Promise<LedgerView>;
  correct: (conversation: string, wanted: Correct) => Promise<LedgerView>;
}

export function ledgerApi(client: Client): LedgerApi {
  async function once(path: string, wanted?: Correct): Promise<Response> {
    try {
      const headers: Record<string, string> = { Authorization: `Bearer ${client.token()}` };
      if (!wanted) return await fetch(path, { headers });
      headers['Content-Type'] = 'application/json';
      return await fetch(path, { method: 'POST', headers, body: JSON.stringify(wanted) });
    } catch {
      throw new LedgerError('lost');
    }
  }

  async function ask(path: string, wanted?: Correct): Promise<LedgerView> {
    let response = await once(path, wanted);
    // The token may have been over before its time.
    if (response.status === 401 && (await client.renew())) response = await once(path, wanted);
    if (response.ok) return (await response.json()) as LedgerView;
    const said = (await response.json().catch(() => null)) as { error?: WireError } | null;
    throw new LedgerError(said?.error?.code ?? 'internal', said?.error?.field ?? null);
  }

  const path = (conversation: string) => `/api/ledger/${encodeURIComponent(conversation)}`;
  return {
    read: (conversation) => ask(path(conversation)),
    correct: (conversation, wanted) => ask(`${path(conversation)}/corrections`, wanted),
  };
}
