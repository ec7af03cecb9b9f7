/** One's own account over REST. Each throws `LoginError`. */
import type { AccountView, RecoveryCodes, SessionList, TotpOffer, WireError } from '../../generated/protocol';
import { LoginError } from '../staff';

export function accountApi(token: () => string) {
  async function ask(method: string, path: string, body?: unknown): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`/api/staff/account${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${token()}`,
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      throw new LoginError('lost');
    }
    if (response.ok) return response;
    const said = (await response.json().catch(() => null)) as { error?: WireError } | null;
    const wait = Number(response.headers.get('Retry-After'));
    const { code = 'internal', field, detail } = said?.error ?? {};
    throw new LoginError(code, wait > 0 ? wait : undefined, field, detail);
  }
  const json = async <T>(method: string, path: string, body?: unknown) =>
    (await (await ask(method, path, body)).json()) as T;
  return {
    account: () => json<AccountView>('GET', ''),
    changePassword: (old: string, next: string) => ask('POST', '/password', { old, new: next }),
    beginTotp: (password: string) => json<TotpOffer>('POST', '/totp', { password }),
    confirmTotp: (pending: string, code: string) => json<RecoveryCodes>('POST', '/totp/confirm', { pending, code }),
    dropTotp: (password: string) => ask('POST', '/totp/off', { password }),
    sessions: async () => (await json<SessionList>('GET', '/sessions')).sessions,
    endSession: (id: string) => ask('DELETE', `/sessions/${id}`),
  };
}
export type AccountApi = ReturnType<typeof accountApi>;
