/**
 * The server's administration as this page sees it: what is read and written, and how. The only place that knows
 * addresses. docs/administration.md describes the same from the other side.
 */
import type {
  AnswerFile,
  ClusterOrder,
  ClusterPage,
  Drawn,
  DutyCopied,
  DutyHoles,
  DutyWeek,
  EntryChanges,
  EntryContent,
  EntryCounts,
  EntryPage,
  EntryRelative,
  EntryState,
  EntryStep,
  EntryView,
  ErrorCode,
  FoundConversations,
  GuideContent,
  GuideList,
  GuideTried,
  GuideTry,
  GuideView,
  InspectionDecision,
  InspectionPage,
  InspectionPut,
  InspectionState,
  InspectionThread,
  InspectionView,
  Lowered,
  OpenState,
  Origin,
  PointList,
  PointView,
  ReviewPoint,
  QualityGroup,
  QualityResults,
  OnTimeRates,
  OutboxPage,
  OutboxState,
  PolicyOrder,
  PolicyPage,
  PolicyView,
  Refitted,
  RudeMessages,
  RegressionImported,
  RegressionNew,
  RegressionPage,
  StaffingHistory,
  StaffingOrder,
  StaffingView,
  TaskKind,
  TaskPage,
  TaskReassign,
  TaskStep,
  TaskView,
  TemplateOrder,
  TemplateView,
  ThresholdBack,
  ThresholdList,
  ThresholdPut,
  Transcript,
  WireError,
  WhyTry,
  WhyView,
  WordList,
  WordPut,
  WordsImported,
} from '../generated/protocol';
import { addressOf, type FileVariant } from '../shared/knowledge/answerFiles';

/** Which entries of the knowledge base. */
export interface EntryQuery {
  state: EntryState | null;
  open: OpenState | null;
  origin: Origin | null;
  unit: string | null;
  item: string | null;
  q: string | null;
  before: string | null;
}

export type Kind =
  | 'unit'
  | 'team'
  | 'shift'
  | 'item'
  | 'sla_policy'
  | 'notice'
  | 'canned_answer'
  | 'blocked_visitor'
  | 'retention'
  | 'legal_hold'
  | 'calendar_year'
  | 'special_hours'
  | 'score_card'
  | 'sample_plan'
  | 'transfer_number';

/** What is administered: the body's shape depends on the kind. */
export interface AdminRecord<B = Body> {
  kind: Kind;
  id: string;
  no: number;
  version: number;
  unit: string | null;
  body: B;
  changedAt: number;
}

export type Body = Record<string, unknown>;

export interface Person {
  id: string;
  name: string;
}

/** A state that a record had; without a body it was removed. */
export interface Version<B = Body> {
  version: number;
  at: number;
  /** Nobody: the system itself. */
  actor: Person | null;
  body: B | null;
}

export interface Page<T> {
  records: T[];
  /** Number after which the next page begins; null: this is the last one. */
  next: number | null;
  total: number;
}

// --- bodies ----------------------------------------------------------------------------------------------------

export type Hours = { always: true } | { periods: string[] };

export type UnitKind = 'city' | 'district' | 'department' | 'office';

export interface UnitBody {
  name: string;
  kind: UnitKind;
  parent: string | null;
  district: string | null;
  hours: Hours | null;
  /** 小申 gives what is written back before its review. */
  answersAtOnce?: boolean;
}

export interface TeamBody {
  name: string;
  nameEn: string;
  unit: string;
  hours: Hours | null;
  /** Null: as the configuration says; the next one too. */
  slotMinutes: number | null;
  slotCapacity: number | null;
}

export interface ShiftBody {
  agent: string;
  team: string;
  /** 1 Monday .. 7 Sunday. */
  weekdays: number[];
  from: string;
  /** Not after `from`: on the next day. */
  to: string;
  /** First and last day, `2026-11-01`. */
  validFrom: string;
  validTo: string | null;
  note: string;
}

// --- staff -----------------------------------------------------------------------------------------------------

export type Role = 'agent' | 'professional' | 'operator' | 'supervisor' | 'editor' | 'leader' | 'auditor' | 'admin';

export interface Grant {
  role: Role;
  unit: string | null;
  items: string[];
}

/** What administrators write of an account. */
export interface StaffBody {
  login: string;
  name: string;
  /** Null: the city's. */
  unit: string | null;
  /** The first one is their main part. */
  grants: Grant[];
  teams: TeamLevel[];
  skills: string[];
  languages: string[];
  capacity: number;
  isActive: boolean;
}

export interface TeamLevel {
  team: string;
  /** 1 learns it .. 5 teaches it. */
  level: number;
}

export interface StaffMember extends StaffBody {
  id: string;
  version: number;
  hasTotp: boolean;
  hasPassword: boolean;
  /** The one-time password was not used yet. */
  mustChangePassword: boolean;
  /** Log-ins are refused until then, after too many wrong attempts. */
  lockedUntil: number | null;
  sessions: number;
  seenAt: number | null;
}

/** The states of an account as the audit log tells them. */
interface StaffChange {
  before: Body | null;
  after: Body | null;
}

export interface StaffSession {
  id: string;
  way: string;
  beganAt: number;
  seenAt: number;
  endsAt: number;
  device: string;
  address: string;
}

export interface StaffPage {
  staff: StaffMember[];
  /** Staff number after which the next page begins. */
  next: string | null;
  total: number;
}

export interface StaffQuery {
  q?: string;
  unit?: string;
  team?: string;
  role?: string;
  active?: boolean;
  after?: string | null;
  limit?: number;
}

// --- audit -----------------------------------------------------------------------------------------------------

export interface AuditLine {
  no: number;
  at: number;
  /** Id; nobody: the system itself. */
  actor: string | null;
  /** Null: the system, or not known any more. */
  actorName: string | null;
  action: string;
  kind: string;
  subject: string;
  unit: string | null;
  reason: string | null;
  address: string | null;
  detail: unknown;
  hash: string;
}

export interface AuditQuery {
  before?: number | null;
  limit?: number;
  actor?: string;
  action?: string;
  kind?: string;
  subject?: string;
  from?: number | null;
  to?: number | null;
}

export interface AuditPage {
  lines: AuditLine[];
  /** Number before which the next page begins; null: this is the last one. */
  next: number | null;
}

export interface AuditCheck {
  whole: boolean;
  lines: number | null;
  /** Hash of the last line. */
  last: string | null;
  /** Number of the first line that does not fit. */
  brokenAt: number | null;
}

/** Which tasks; absent or null: any. */
export interface TaskQuery {
  kind?: string | null;
  state?: string | null;
  owed?: boolean | null;
  unit?: string | null;
  mine?: boolean | null;
  inTime?: boolean | null;
  from?: string | null;
  to?: string | null;
  policy?: string | null;
  after?: string | null;
}

/** What is looked for; empty: anything. */
export interface ConversationQuery {
  q: string;
  team: string;
  item: string;
  agent: string;
  outcome: string;
  starsAtMost: string;
  from: number | null;
  to: number | null;
}

// --- answers ---------------------------------------------------------------------------------------------------

export interface ImportReport {
  rows: number;
  new: number;
  changed: number;
  unchanged: number;
  badRows: number;
  /** The first 1000. */
  bad: ImportProblem[];
  imported: boolean;
}

export interface ImportProblem {
  row: number;
  field: string;
  problem: string;
}

export interface CoverageReport {
  items: number;
  covered: number;
  /** How many have somebody at the desk now; only for who sees all. */
  staffedNow: number | null;
  holes: CoverageHole[];
  /** From now until then. */
  asOf: number;
  until: number;
}

export interface CoverageHole {
  item: string;
  itemName: string;
  team: string;
  teamName: string;
  from: number;
  to: number;
}

/** One run of retention. */
export interface RetentionRun {
  no: number;
  startedAt: number;
  finishedAt: number | null;
  /** `schedule`, or the id of who asked for it. */
  cause: string;
  /** By class of data. */
  parts: Record<string, RetentionPart>;
}

export interface RetentionPart {
  /** Days that it is kept. */
  days: number;
  /** What is older goes. */
  before: number;
  /** How much went, or would. */
  deleted: number;
  /** How much stayed, because it is under legal hold. */
  held: number;
}

export interface RetentionRuns {
  /** The last one first. */
  runs: RetentionRun[];
  /** What a run would delete now. */
  next: Record<string, RetentionPart>;
}

/** A person whose data somebody handles. */
export interface FoundPerson {
  id: string;
  /** Masked, as is the telephone. */
  name: string;
  kind: 'person' | 'enterprise';
  phone: string | null;
  level: string;
  seenAt: number;
  conversations: number;
  open: number;
  held: boolean;
  erasure: Erasure | null;
}

export interface Erasure {
  id: string;
  citizen: string;
  askedBy: string;
  askedAt: number;
  reason: string;
  state: 'asked' | 'done' | 'refused';
  decidedBy: string | null;
  decidedAt: number | null;
  proof: unknown;
}

/** A team's week. */
export interface Roster {
  days: { date: string; isWorkingDay: boolean; hours: Gap[] }[];
  duties: Duty[];
  /** Service hours in which nobody is on duty. */
  holes: Gap[];
}

export interface Duty {
  /** The shift that it comes from. */
  shift: string;
  agent: string;
  from: number;
  to: number;
}

export interface Gap {
  from: number;
  to: number;
}

// --- the client ------------------------------------------------------------------------------------------------

/** A refusal of the server; `lost`: it was not reached. `field` as the server spells it, e.g. `body.hours.periods[1]`. */
export class ApiError extends Error {
  constructor(
    readonly code: ErrorCode | 'lost',
    readonly status: number,
    readonly field: string | null,
    readonly detail: string,
  ) {
    super(`${code}: ${detail}`);
    this.name = 'ApiError';
  }
}

export interface Client {
  /** For the next request. */
  token(): string;
  /** The token is over: is there another one? If not, the log-in form is shown. */
  renew(): Promise<boolean>;
}

export type Query = Record<string, string | number | boolean | null | undefined>;

function address(path: string, query: Query = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '');
  if (pairs.length === 0) return path;
  return `${path}?${new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]))}`;
}

const part = encodeURIComponent;

async function refusal(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as { error?: WireError } | null;
  const error = body?.error;
  return new ApiError(error?.code ?? 'internal', response.status, error?.field ?? null, error?.detail ?? '');
}

export type Api = ReturnType<typeof createApi>;

export function createApi(client: Client) {
  async function ask(method: string, path: string, body: BodyInit | undefined, type: string): Promise<Response> {
    try {
      return await fetch(path, {
        method,
        headers: { Authorization: `Bearer ${client.token()}`, ...(body === undefined ? {} : { 'Content-Type': type }) },
        ...(body === undefined ? {} : { body }),
      });
    } catch {
      throw new ApiError('lost', 0, null, '');
    }
  }

  async function send(method: string, path: string, body?: BodyInit, type = 'application/json'): Promise<Response> {
    const response = await ask(method, path, body, type);
    if (response.ok) return response;
    // The token may have been over before its time, e.g. because the rights have changed.
    const isOver = response.status === 401 && (await client.renew());
    const again = isOver ? await ask(method, path, body, type) : response;
    if (again.ok) return again;
    throw await refusal(again);
  }

  /** Sends bytes and tells how many have gone, which `fetch` cannot. */
  function upload(path: string, body: Blob, sent: (bytes: number) => void, signal: AbortSignal): Promise<Response> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('POST', path);
      request.setRequestHeader('Authorization', `Bearer ${client.token()}`);
      request.setRequestHeader('Content-Type', 'application/octet-stream');
      request.upload.onprogress = (event) => sent(event.loaded);
      request.onload = () => resolve(new Response(request.responseText, { status: request.status }));
      request.onerror = request.onabort = () => reject(new ApiError('lost', 0, null, ''));
      signal.addEventListener('abort', () => request.abort());
      request.send(body);
    });
  }

  const json = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await send(method, path, body === undefined ? undefined : JSON.stringify(body));
    return (response.status === 204 ? undefined : await response.json()) as T;
  };

  const records = '/api/admin/records';
  const entry = (id: string) => `/api/knowledge/entries/${part(id)}`;
  const inspection = (id: string) => `/api/quality/inspections/${part(id)}`;
  const member = (id: string) => `/api/admin/staff/${part(id)}`;

  return {
    // Pictures and documents of answers.
    addAnswerFile: async (
      kind: 'image' | 'file',
      file: File,
      sent: (bytes: number) => void,
      signal: AbortSignal,
    ): Promise<AnswerFile> => {
      const path = `/api/knowledge/files?${new URLSearchParams({ kind, name: file.name })}`;
      let response = await upload(path, file, sent, signal);
      if (response.status === 401 && (await client.renew())) response = await upload(path, file, sent, signal);
      if (!response.ok) throw await refusal(response);
      return (await response.json()) as AnswerFile;
    },
    answerFile: async (file: string, variant: FileVariant): Promise<Blob> =>
      (await send('GET', addressOf(file, variant))).blob(),

    // What conversations teach.
    clusters: () => json<ClusterPage>('GET', '/api/learning/clusters'),
    useCluster: (order: ClusterOrder) =>
      json<{ task: string | null; entry: string | null }>('POST', '/api/learning/clusters', order),
    regression: () => json<RegressionPage>('GET', '/api/learning/regression'),
    keepQuestion: (made: RegressionNew) => json<void>('POST', '/api/learning/regression', made),
    exportQuestions: async (): Promise<Blob> => (await send('GET', '/api/learning/regression/export')).blob(),
    importQuestions: async (file: Blob) =>
      (await (
        await send('POST', '/api/learning/regression/import', file, 'application/octet-stream')
      ).json()) as RegressionImported,
    dropQuestion: (id: string) => json<void>('DELETE', `/api/learning/regression/${part(id)}`),
    /** What publishing what is open of an entry would answer worse. */
    lowered: (id: string) => json<Lowered[]>('GET', `${entry(id)}/lowered`),

    // Records.
    list: <B = Body>(kind: Kind, query: { q?: string; unit?: string; after?: number | null; limit?: number } = {}) =>
      json<Page<AdminRecord<B>>>('GET', address(`${records}/${kind}`, query)),
    record: <B = Body>(kind: Kind, id: string) => json<AdminRecord<B>>('GET', `${records}/${kind}/${part(id)}`),
    save: <B = Body>(kind: Kind, id: string, version: number, body: B, reason: string) =>
      json<AdminRecord<B>>('PUT', `${records}/${kind}/${part(id)}`, { version, body, ...(reason ? { reason } : {}) }),
    remove: (kind: Kind, id: string, version: number, reason: string) =>
      json<void>('DELETE', address(`${records}/${kind}/${part(id)}`, { version, reason })),
    versions: async <B = Body>(kind: Kind, id: string) =>
      (await json<{ versions: Version<B>[] }>('GET', `${records}/${kind}/${part(id)}/versions`)).versions,
    /** All of a kind that is never many: units, teams. */
    async all<B = Body>(kind: Kind, unit?: string): Promise<AdminRecord<B>[]> {
      const found: AdminRecord<B>[] = [];
      let after: number | null = null;
      do {
        const page: Page<AdminRecord<B>> = await this.list<B>(kind, { unit, after, limit: 500 });
        found.push(...page.records);
        after = page.next;
      } while (after !== null);
      return found;
    },

    // Items in bulk.
    importItems: async (file: Blob, options: { format: string; dryRun: boolean; skipBad: boolean }) => {
      const query = { format: options.format, dryRun: options.dryRun, skipBad: options.skipBad };
      const path = address('/api/admin/items/import', query);
      return (await (await send('POST', path, file, 'application/octet-stream')).json()) as ImportReport;
    },
    exportItems: async (format: string, unit: string | null) =>
      (await send('GET', address('/api/admin/items/export', { format, unit }))).blob(),
    coverage: () => json<CoverageReport>('GET', '/api/admin/coverage'),

    // Departments' telephones, and who answers for whom.
    importNumbers: async (file: Blob, options: { format: string; dryRun: boolean; skipBad: boolean }) => {
      const path = address('/api/admin/numbers/import', { ...options });
      return (await (await send('POST', path, file, 'application/octet-stream')).json()) as ImportReport;
    },
    exportNumbers: async (format: string, unit: string | null) =>
      (await send('GET', address('/api/admin/numbers/export', { format, unit }))).blob(),
    duty: (whom: { item?: string; unit?: string; district: string | null }, from: string) =>
      json<DutyWeek>('GET', address('/api/admin/duty', { ...whom, from })),
    dutyHoles: (from: string) => json<DutyHoles>('GET', address('/api/admin/duty/holes', { from })),
    copyDuties: (teams: string[], from: string, to: string) =>
      json<DutyCopied>('POST', '/api/admin/duty/copy', { teams, from, to }),

    roster: (team: string, from: string) => json<Roster>('GET', address('/api/admin/roster', { team, from })),

    // Staff.
    staff: (query: StaffQuery) => json<StaffPage>('GET', address('/api/admin/staff', { ...query })),
    member: (id: string) => json<StaffMember>('GET', member(id)),
    /** Answers with the first password, which nobody sees again. */
    hire: (body: StaffBody, reason: string) =>
      json<{ staff: StaffMember; password: string }>('POST', '/api/admin/staff', {
        body,
        ...(reason ? { reason } : {}),
      }),
    saveMember: (id: string, version: number, body: StaffBody, reason: string) =>
      json<StaffMember>('PUT', member(id), { version, body, ...(reason ? { reason } : {}) }),
    /** From the audit log: accounts keep no versions of their own. */
    async staffVersions(id: string): Promise<Version[]> {
      const { lines } = await this.audit({ kind: 'staff', subject: id, limit: 200 });
      const changes = lines.filter(({ detail }) => typeof detail === 'object' && detail !== null && 'after' in detail);
      return changes.map(({ at, actor, actorName, detail }, place) => ({
        version: changes.length - place,
        at,
        actor: actor === null ? null : { id: actor, name: actorName ?? actor },
        body: (detail as StaffChange).after,
      }));
    },
    newPassword: (id: string) => json<{ password: string }>('POST', `${member(id)}/password`),
    dropTotp: (id: string) => json<void>('POST', `${member(id)}/totp/reset`),
    unlock: (id: string) => json<void>('POST', `${member(id)}/unlock`),
    sessions: async (id: string) =>
      (await json<{ sessions: StaffSession[] }>('GET', `${member(id)}/sessions`)).sessions,
    endSession: (id: string, session: string) => json<void>('DELETE', `${member(id)}/sessions/${part(session)}`),
    endSessions: (id: string) => json<void>('DELETE', `${member(id)}/sessions`),

    // The audit log.
    audit: (query: AuditQuery) => json<AuditPage>('GET', address('/api/admin/audit', { ...query })),
    verifyAudit: () => json<AuditCheck>('GET', '/api/admin/audit/verify'),
    exportAudit: async (format: string, query: AuditQuery) =>
      (await send('GET', address('/api/admin/audit/export', { format, ...query }))).blob(),

    retentionRuns: () => json<RetentionRuns>('GET', '/api/admin/retention/runs'),
    runRetention: () => json<RetentionRun>('POST', '/api/admin/retention/runs'),

    /** In a body: what is looked for may be somebody's name. */
    conversations: ({ starsAtMost, ...query }: ConversationQuery & { before: string | null }) => {
      const stars = starsAtMost === '' ? null : Number(starsAtMost);
      const wanted = Object.entries({ ...query, starsAtMost: stars }).filter(
        ([, value]) => value !== null && value !== '',
      );
      return json<FoundConversations>('POST', '/api/admin/conversations/find', Object.fromEntries(wanted));
    },
    conversation: (id: string, before: number | null) =>
      json<Transcript>('GET', address(`/api/admin/conversations/${part(id)}`, { before })),

    // How many agents are needed. One search at a time for each person.
    staffingHistory: (query: { team: string; from: string; to: string; weekday: string | null }) =>
      json<StaffingHistory>('GET', address('/api/staffing/history', query)),
    beginStaffing: (order: StaffingOrder) => json<StaffingView>('POST', '/api/staffing/run', order),
    staffingRun: () => json<StaffingView>('GET', '/api/staffing/run'),
    cancelStaffing: () => json<StaffingView>('DELETE', '/api/staffing/run'),

    // The knowledge base.
    entries: (query: EntryQuery) => json<EntryPage>('GET', address('/api/knowledge/entries', { ...query })),
    entryCounts: () => json<EntryCounts[]>('GET', '/api/knowledge/counts'),
    entry: (id: string) => json<EntryView>('GET', entry(id)),
    makeEntry: (put: { unit: string; content: EntryContent; task?: string }) =>
      json<EntryView>('POST', '/api/knowledge/entries', put),
    saveEntry: (id: string, version: number, content: EntryContent, task?: string) =>
      json<EntryView>('PUT', `${entry(id)}/draft`, { version, content, ...(task ? { task } : {}) }),
    stepEntry: (id: string, order: { version: number; step: EntryStep; revision: number | null; reason?: string }) =>
      json<EntryView>('POST', `${entry(id)}/steps`, order),
    importEntries: async (file: Blob, options: { format: string; dryRun: boolean; skipBad: boolean }) =>
      (await (
        await send('POST', address('/api/knowledge/import', { ...options }), file, 'application/octet-stream')
      ).json()) as ImportReport,
    exportEntries: async (format: string) => (await send('GET', address('/api/knowledge/export', { format }))).blob(),
    /** Without `from`: all that the revision says. */
    entryChanges: (id: string, to: number, from: number | null) =>
      json<EntryChanges>('GET', address(`/api/knowledge/entries/${part(id)}/changes`, { to, from })),
    importPoints: async (file: Blob, options: { format: string; dryRun: boolean; skipBad: boolean }) =>
      (await (
        await send('POST', address('/api/knowledge/points/import', { ...options }), file, 'application/octet-stream')
      ).json()) as ImportReport,
    exportPoints: async (format: string, item: string | null) =>
      (await send('GET', address('/api/knowledge/points/export', { format, item }))).blob(),
    points: (item: string) => json<PointList>('GET', address('/api/knowledge/points', { item })),
    /** Without an id: a new one. */
    putPoint: (id: string | null, put: { version: number; place: number; point: ReviewPoint }) =>
      id === null
        ? json<PointView>('POST', '/api/knowledge/points', put)
        : json<PointView>('PUT', `/api/knowledge/points/${part(id)}`, put),
    dropPoint: (id: string, version: number) =>
      json<void>('DELETE', address(`/api/knowledge/points/${part(id)}`, { version })),
    guides: () => json<GuideList>('GET', '/api/knowledge/guides'),
    guide: (item: string) => json<GuideView>('GET', `/api/knowledge/guides/${part(item)}`),
    saveGuide: (item: string, version: number, content: GuideContent) =>
      json<GuideView>('PUT', `/api/knowledge/guides/${part(item)}/draft`, { version, content }),
    stepGuide: (item: string, order: { version: number; step: EntryStep; revision: number | null; reason?: string }) =>
      json<GuideView>('POST', `/api/knowledge/guides/${part(item)}/steps`, order),
    tryGuide: (item: string, wanted: GuideTry) =>
      json<GuideTried>('POST', `/api/knowledge/guides/${part(item)}/preview`, wanted),
    entryRelatives: (id: string | null, content: EntryContent) =>
      json<EntryRelative[]>('POST', '/api/knowledge/check', { id, content }),

    // What 小申 decides by.
    thresholds: () => json<ThresholdList>('GET', '/api/bot/thresholds'),
    setThresholds: (put: ThresholdPut) => json<ThresholdList>('POST', '/api/bot/thresholds', put),
    rollBackThresholds: (back: ThresholdBack) => json<ThresholdList>('POST', '/api/bot/thresholds/rollback', back),
    refit: () => json<Refitted>('POST', '/api/bot/thresholds/refit'),
    rudeMessages: () => json<RudeMessages>('GET', '/api/bot/rude'),
    /** Why a question would be answered as it would. */
    tryQuestion: (wanted: WhyTry) => json<WhyView>('POST', '/api/bot/why', wanted),
    whySaid: (conversation: string, seq: number) =>
      json<WhyView>('GET', address('/api/bot/why', { conversation, seq })),
    words: (q: string) => json<WordList>('GET', address('/api/bot/words', { q })),
    putWord: (put: WordPut) => json<WordList>('PUT', '/api/bot/words', put),
    dropWord: (word: string) => json<void>('DELETE', address('/api/bot/words', { word })),
    importWords: async (file: Blob) =>
      (await (await send('POST', '/api/bot/words/import', file, 'application/octet-stream')).json()) as WordsImported,

    // Quality inspection.
    inspections: (query: { state: InspectionState | null; before: string | null }) =>
      json<InspectionPage>('GET', address('/api/quality/inspections', query)),
    inspection: (id: string) => json<InspectionView>('GET', inspection(id)),
    inspectionThread: (id: string, before: number | null) =>
      json<InspectionThread>('GET', address(`${inspection(id)}/thread`, { before })),
    saveInspection: (id: string, put: InspectionPut) => json<InspectionView>('PUT', inspection(id), put),
    submitInspection: (id: string, put: InspectionPut) => json<InspectionView>('POST', `${inspection(id)}/submit`, put),
    decideInspection: (id: string, decision: InspectionDecision) =>
      json<InspectionView>('POST', `${inspection(id)}/decide`, decision),
    drawInspections: (plan: string, day: string) =>
      json<Drawn>('POST', `/api/quality/plans/${part(plan)}/draw`, { day }),
    qualityResults: (from: string, to: string, by: QualityGroup) =>
      json<QualityResults>('GET', address('/api/quality/results', { from, to, by })),
    qualityFile: async (from: string, to: string, format: 'csv' | 'xlsx') =>
      (await send('GET', address('/api/quality/results/export', { from, to, format }))).blob(),

    // Tasks, policies, and what is told to people.
    tasks: (query: TaskQuery) => json<TaskPage>('GET', address('/api/tasks', { ...query })),
    task: (id: string) => json<TaskView>('GET', `/api/tasks/${part(id)}`),
    stepTask: (id: string, step: TaskStep) => json<TaskView>('POST', `/api/tasks/${part(id)}/step`, step),
    reassignTask: (id: string, order: TaskReassign) => json<TaskView>('POST', `/api/tasks/${part(id)}/reassign`, order),
    onTime: (from: string, to: string, kind: TaskKind | null) =>
      json<OnTimeRates>('GET', address('/api/tasks/on-time', { from, to, kind })),
    registered: (before: string | null) => json<PolicyPage>('GET', address('/api/policies', { before })),
    registerPolicy: (order: PolicyOrder) => json<PolicyView>('POST', '/api/policies', order),
    reminders: (before: string | null, language: string) =>
      json<OutboxPage>('GET', address('/api/messages/mine', { before, language })),
    messages: (query: { state: OutboxState | null; channel: string | null; before: string | null; language: string }) =>
      json<OutboxPage>('GET', address('/api/messages', query)),
    replay: (id: string) => json<void>('POST', `/api/messages/${part(id)}/replay`),
    templates: () => json<TemplateView[]>('GET', '/api/templates'),
    saveTemplate: (order: TemplateOrder) => json<TemplateView[]>('PUT', '/api/templates', order),

    // One person's data. What is looked for stands in the body: no telephone number in an address.
    findPeople: async (q: string) =>
      (await json<{ people: FoundPerson[] }>('POST', '/api/admin/citizens/find', { q })).people,
    exportPerson: async (id: string, reason: string) =>
      (await send('POST', `/api/admin/citizens/${part(id)}/export`, JSON.stringify({ reason }))).blob(),
    /** `erase` asks for it, somebody else confirms or refuses. */
    erasePerson: (id: string, step: 'erase' | 'erase/confirm' | 'erase/refuse', reason: string) =>
      json<Erasure>('POST', `/api/admin/citizens/${part(id)}/${step}`, { reason }),
    erasures: async () => (await json<{ erasures: Erasure[] }>('GET', '/api/admin/erasures')).erasures,

    json,
    file: async (path: string, query: Query = {}) => (await send('GET', address(path, query))).blob(),
    address,
  };
}
