/** The server's figures. The only place of this page that knows addresses. */
import type {
  AgentDays,
  CallFiguresView,
  CallLegRows,
  CallPart,
  CallRequestRows,
  ErrorCode,
  Figure,
  FigureGroup,
  FigureRows,
  FigureScope,
  FiguresView,
  HistoryView,
  InspectionPage,
  InspectionThread,
  InspectionView,
  OutboxPage,
  WireError,
  WrittenBackPage,
} from '../generated/protocol';
import type { ConnectBy } from './calls';
import type { Filter } from './route';

/** `lost`: the server was not reached; `over`: the log-in is. */
export class FiguresError extends Error {
  constructor(
    readonly code: ErrorCode | 'lost' | 'over',
    readonly field: string | null = null,
  ) {
    super(code);
    this.name = 'FiguresError';
  }
}

export type Part = 'of' | 'hits' | 'rest';
export type FileFormat = 'csv' | 'xlsx';

interface Client {
  token: () => string;
  /** Is there a new token? */
  renew: () => Promise<boolean>;
}

/** Which legs of calls. */
export interface WantedLegs {
  filter: Filter;
  who?: CallPart | undefined;
  /** Whose key; empty: all. */
  party: string;
  /** Only those that were disturbed for 5 s at least. */
  isPoor: boolean;
}

type Query = Record<string, string | number | null | undefined>;

function address(path: string, query: Query): string {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) said.set(name, String(value));
  }
  return said.size > 0 ? `${path}?${said}` : path;
}

const asked = (filter: Filter): Query => ({ ...filter });

export type Api = ReturnType<typeof createApi>;

export function createApi(client: Client) {
  async function ask(path: string, body?: unknown): Promise<Response> {
    const headers = { Authorization: `Bearer ${client.token()}` };
    try {
      if (body === undefined) return await fetch(path, { headers });
      const sent = { ...headers, 'Content-Type': 'application/json' };
      return await fetch(path, { method: 'POST', headers: sent, body: JSON.stringify(body) });
    } catch {
      throw new FiguresError('lost');
    }
  }

  async function get(path: string, body?: unknown): Promise<Response> {
    let response = await ask(path, body);
    // The token may have been over before its time, e.g. because the rights have changed.
    if (response.status === 401) {
      if (!(await client.renew())) throw new FiguresError('over');
      response = await ask(path, body);
    }
    if (response.ok) return response;
    const said = (await response.json().catch(() => null)) as { error?: WireError } | null;
    throw new FiguresError(said?.error?.code ?? 'internal', said?.error?.field ?? null);
  }

  const json = async <T>(path: string, query: Query = {}): Promise<T> =>
    (await (await get(address(path, query))).json()) as T;

  const rowQuery = (filter: Filter, figure: Figure, part: Part): Query => ({ ...asked(filter), figure, part });

  /** Calls are told apart by unit, item and hour only. */
  const calls = ({ from, to, unit, item, hour }: Filter): Query => ({ from, to, unit, item, hour });
  const requestQuery = (filter: Filter, party: string, part: Part): Query => ({
    ...calls(filter),
    party: party || undefined,
    part,
  });

  const legQuery = ({ filter: { from, to, unit }, who, party, isPoor }: WantedLegs): Query => ({
    from,
    to,
    unit,
    part: who,
    party: party || undefined,
    poor: isPoor ? 'true' : undefined,
  });

  return {
    callFigures: (filter: Filter, by: ConnectBy) =>
      json<CallFiguresView>('/api/figures/calls', { ...calls(filter), by }),
    callRequests: (filter: Filter, party: string, part: Part, after: string | null) =>
      json<CallRequestRows>('/api/figures/calls/rows', { ...requestQuery(filter, party, part), after, limit: 50 }),
    callRequestsFile: async (filter: Filter, party: string, part: Part, format: FileFormat) =>
      (await get(address('/api/figures/calls/rows/export', { ...requestQuery(filter, party, part), format }))).blob(),
    callLegs: (wanted: WantedLegs, isLatest: boolean, after: string | null) =>
      json<CallLegRows>('/api/figures/calls/legs', {
        ...legQuery(wanted),
        order: isLatest ? 'latest' : undefined,
        after,
        limit: 50,
      }),
    callLegsFile: async (wanted: WantedLegs, format: FileFormat) =>
      (await get(address('/api/figures/calls/legs/export', { ...legQuery(wanted), format }))).blob(),
    scope: () => json<FigureScope>('/api/figures/scope'),
    figures: (filter: Filter, by: FigureGroup) => json<FiguresView>('/api/figures', { ...asked(filter), by }),
    rows: (filter: Filter, figure: Figure, part: Part, after: string | null) =>
      json<FigureRows>('/api/figures/rows', { ...rowQuery(filter, figure, part), after, limit: 50 }),
    history: (conversation: string) => json<HistoryView>(`/api/figures/history/${encodeURIComponent(conversation)}`),
    agents: (filter: Filter) => json<AgentDays>('/api/figures/agents', asked(filter)),
    /** What became of what one wrote back into the knowledge base. */
    writtenBack: (before: string | null) => json<WrittenBackPage>('/api/knowledge/written-back', { before }),
    /** What one was told, the newest first. */
    messages: (language: string) => json<OutboxPage>('/api/messages/mine', { language }),
    /** One's own results of quality inspection. */
    inspections: (before: string | null) => json<InspectionPage>('/api/quality/mine', { before }),
    inspection: (id: string) => json<InspectionView>(`/api/quality/inspections/${encodeURIComponent(id)}`),
    inspectionThread: (id: string, before: number | null) =>
      json<InspectionThread>(`/api/quality/inspections/${encodeURIComponent(id)}/thread`, { before }),
    appeal: async (id: string, version: number, reason: string) =>
      (await (
        await get(`/api/quality/inspections/${encodeURIComponent(id)}/appeal`, { version, reason })
      ).json()) as InspectionView,
    rowsFile: async (filter: Filter, figure: Figure, part: Part, format: FileFormat) =>
      (await get(address('/api/figures/rows/export', { ...rowQuery(filter, figure, part), format }))).blob(),
    agentsFile: async (filter: Filter, format: FileFormat) =>
      (await get(address('/api/figures/agents/export', { ...asked(filter), format }))).blob(),
  };
}

/** Hands a file to the browser. */
export function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
