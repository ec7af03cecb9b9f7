/** Who the citizen is: the portal's token, or in the demo one of the demo people. */
import type { WireError } from '../../generated/protocol';
import { remember, safeStorage } from './preferences';

/** The demo people that the server knows (`demo_citizen` in src/server/src/app.rs). */
export const demoCitizens = ['demo-citizen-1', 'demo-citizen-2', 'demo-enterprise-1'] as const;
export type DemoCitizen = (typeof demoCitizens)[number];

const KEY = 'bangban.demo-citizen';
const session = safeStorage('sessionStorage');

/** The demo person of this tab. */
export function chosenDemoCitizen(): DemoCitizen | null {
  const chosen = session?.getItem(KEY);
  return demoCitizens.find((citizen) => citizen === chosen) ?? null;
}

export function chooseDemoCitizen(citizen: DemoCitizen | null): void {
  if (citizen) remember(session, KEY, citizen);
  else session?.removeItem(KEY);
}

/** The server was not reached, or does not give tokens. */
export class TokenError extends Error {
  constructor(readonly code: WireError['code'] | 'lost') {
    super(code);
    this.name = 'TokenError';
  }
}

/** What the server says of itself, as far as it concerns who may come and how. */
export interface ServerConfig {
  demo: boolean;
  /** People who are not logged in may ask. */
  anonymous: boolean;
  /** There is something that recognises speech. */
  speech: boolean;
  kiosk: { idleSeconds: number; answerSeconds: number };
}

/** Throws `TokenError` if the server cannot be asked. */
export async function serverConfig(): Promise<ServerConfig> {
  return (await ask('/api/config')) as ServerConfig;
}

/** A token for a demo person. Throws `TokenError`. */
export async function demoToken(citizen: DemoCitizen): Promise<string> {
  const reply = await ask('/api/demo/token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ citizen }),
  });
  return (reply as { token: string }).token;
}

/** Asks a route of our own. Throws `TokenError`. */
export async function ask(path: string, init?: RequestInit): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new TokenError('lost');
  }
  if (!response.ok) {
    const body = (await response.json().catch(() => null)) as { error?: WireError } | null;
    throw new TokenError(body?.error?.code ?? (response.status >= 500 ? 'lost' : 'internal'));
  }
  return response.json();
}
