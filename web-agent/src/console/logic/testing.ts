/** Makers of protocol objects for tests. */
import type {
  AgentView,
  ConversationView,
  DeskConversation,
  KnowledgeHit,
  OfferView,
  Party,
  ThreadBody,
  ThreadEntry,
} from '../../generated/protocol';
import { emptyThread, type ThreadState } from '../../shared/thread';

export const MINUTE = 60_000;

export const citizen: Party = { type: 'citizen' };
export const agent: Party = { type: 'agent', id: 'ag_1', name: '李敏' };

export const entry = (seq: number, from: Party, body: ThreadBody | string, at = seq * 1_000): ThreadEntry => ({
  seq,
  at,
  from,
  body: typeof body === 'string' ? { type: 'text', text: body } : body,
});

export const view = (changes: Partial<ConversationView> = {}): ConversationView => ({
  id: 'cv_1',
  version: 1,
  stage: 'serving',
  item: 'residence-permit',
  itemName: '居住证办理',
  team: 'residence',
  teamName: '居住与户籍',
  openedAt: 0,
  clock: null,
  position: null,
  agent: null,
  outcome: null,
  stars: null,
  slot: null,
  helpers: [],
  citizenRead: 0,
  agentRead: 0,
  citizenOnline: true,
  ...changes,
});

export const thread = (entries: ThreadEntry[], changes: Partial<ConversationView> = {}): ThreadState => ({
  ...emptyThread,
  view: view(changes),
  entries,
});

export const conversation = (id: string, changes: Partial<DeskConversation> = {}): DeskConversation => ({
  id,
  citizenName: '张*',
  citizenKind: 'person',
  itemName: '居住证办理',
  stage: 'serving',
  clock: { askedAt: 0, dueAt: MINUTE, answeredAt: 5_000, step: 'running' },
  transferTo: null,
  owed: null,
  flag: null,
  ...changes,
});

export const offer = (changes: Partial<OfferView> = {}): OfferView => ({
  id: 'of_1',
  conversation: 'cv_1',
  citizenName: '张*',
  citizenKind: 'person',
  itemName: '居住证办理',
  teamName: '居住与户籍',
  channel: 'pc',
  lastText: null,
  clock: { askedAt: 0, dueAt: MINUTE, answeredAt: null, step: 'running' },
  offeredAt: 1_000,
  expiresAt: 16_000,
  transferFrom: null,
  transferNote: null,
  ...changes,
});

export const desk = (changes: Partial<AgentView> = {}): AgentView => ({
  me: { id: 'ag_1', name: '李敏' },
  status: 'online',
  statusSince: null,
  breakUntil: null,
  onDuty: true,
  dutyEndsAt: null,
  remindAt: null,
  capacity: 3,
  teams: [],
  allTeams: [],
  colleagues: [],
  offer: null,
  lastOfferEnd: null,
  told: null,
  conversations: [],
  waiting: 0,
  callBacks: [],
  ...changes,
});

export const hit = (id: string, answer: string): KnowledgeHit => ({
  entry: id,
  revision: 1,
  question: `问题 ${id}`,
  answer,
  source: '上海市公安局',
  itemName: '居住证办理',
  mark: 'official',
  matched: [],
});
