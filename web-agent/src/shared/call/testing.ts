/** Calls for tests: small, whole, changed where a test says; and a server that tells them. */
import { ref } from 'vue';
import type {
  Answer,
  CallAct,
  CallAttemptView,
  CallDeed,
  CallLegView,
  CallPart,
  CallRequestView,
  CallsView,
  CallView,
  Command,
  EventBody,
  RingView,
  Snapshot,
} from '../../generated/protocol';
import type { RequestError, Subscription } from '../link';

export const AT = 1_764_392_400_000;

export const OPERATOR: CallDeed[] = [
  'request',
  'arrange',
  'drop',
  'silence',
  'mute_self',
  'whisper',
  'dial',
  'leave',
  'continue',
  'end',
];
export const PROFESSIONAL: CallDeed[] = ['mute_self', 'whisper', 'continue'];

export const leg = (no: number, part: CallPart, more: Partial<CallLegView> = {}): CallLegView => ({
  leg: no,
  part,
  name: { caller: '张*', operator: '白洁', professional: '郑凯', guest: '刘敏', supervisor: '陈班长' }[part],
  place: 'bridge',
  isAway: false,
  isMuted: false,
  since: AT,
  ...more,
});

/** The operator (leg 2) with the caller (leg 1). */
export const call = (more: Partial<CallView> = {}): CallView => ({
  call: 'cl_1',
  version: 1,
  state: 'talking',
  origin: 'hotline',
  conversation: 'cv_1',
  team: 'enterprise',
  item: 'sole-trader',
  isFirst: true,
  caller: '138****0001',
  beganAt: AT - 12_000,
  answeredAt: AT,
  legs: [leg(1, 'caller'), leg(2, 'operator')],
  rung: [],
  requests: [],
  standing: 'operator',
  mine: 2,
  may: OPERATOR,
  ...more,
});

export const attempt = (no: number, more: Partial<CallAttemptView> = {}): CallAttemptView => ({
  leg: no,
  part: 'professional',
  who: '郑凯',
  round: 1,
  since: AT + 5_000,
  until: AT + 25_000,
  isRinging: false,
  ...more,
});

export const request = (more: Partial<CallRequestView> = {}): CallRequestView => ({
  number: 1,
  part: 'professional',
  item: 'sole-trader',
  department: 'market',
  departmentName: '市市场监督管理局',
  atOnce: false,
  candidates: 2,
  askedAt: AT + 5_000,
  attempts: [attempt(3)],
  ...more,
});

export const ring = (more: Partial<RingView> = {}): RingView => ({
  call: 'cl_1',
  leg: 2,
  part: 'operator',
  caller: '138****0001',
  item: 'sole-trader',
  conversation: 'cv_1',
  isFirst: true,
  onTelephone: false,
  since: AT,
  until: AT + 20_000,
  ...more,
});

export const mine = (more: Partial<CallsView> = {}): CallsView => ({
  version: 1,
  rings: [],
  mine: [],
  left: [],
  wrapUps: [],
  owed: [],
  waiting: [],
  hasTelephone: false,
  live: [],
  ...more,
});

/** A server that says yes, but where `refuses` says no. */
export class Server {
  readonly acts: CallAct[] = [];
  readonly topics = new Map<string, Subscription>();
  readonly sessions = new Set<(body: EventBody) => void>();
  refuses: Partial<Record<CallAct['type'], RequestError>> = {};
  answers: Partial<Record<CallAct['type'], Answer>> = {};

  port = {
    request: (command: Command): Promise<Answer> => {
      if (command.type !== 'call') throw new Error(command.type);
      this.acts.push(command.act);
      const no = this.refuses[command.act.type];
      if (no) return Promise.reject(no);
      return Promise.resolve(this.answers[command.act.type] ?? this.usual(command.act));
    },
    subscribe: (topic: string, subscription: Subscription) => {
      this.topics.set(topic, subscription);
      return () => {
        if (this.topics.get(topic) === subscription) this.topics.delete(topic);
      };
    },
    listenSession: (listener: (body: EventBody) => void) => {
      this.sessions.add(listener);
      return () => this.sessions.delete(listener);
    },
    isOpen: ref(true),
    token: () => 't',
    now: () => Date.now(),
  };

  private usual(act: CallAct): Answer {
    if (act.type === 'prepare') return { type: 'call_ready', iceServers: [], policy: 'all' };
    if (act.type === 'answer' || act.type === 'connect') return { type: 'call_sound', sdp: 'answer' };
    return { type: 'done' };
  }

  snapshot(view: CallsView) {
    this.topics.get('calls')!.snapshot({ type: 'calls', view } as Snapshot, 1);
  }
  says(view: CallsView) {
    this.topics.get('calls')!.event({ type: 'calls', view }, undefined);
  }
  of(view: CallView) {
    this.topics.get(`call:${view.call}`)!.event({ type: 'call', view }, undefined);
  }
  session(body: EventBody) {
    for (const listener of this.sessions) listener(body);
  }
  names() {
    return this.acts.map(({ type }) => type);
  }
}

/** A connection that comes up when a test says so. */
export class Connection {
  onconnectionstatechange: (() => void) | null = null;
  connectionState: RTCPeerConnectionState = 'new';
  localDescription: RTCSessionDescriptionInit | null = null;
  sent: unknown = null;
  readonly line = {
    sender: {
      replaceTrack: (track: unknown) => {
        this.sent = track;
        return Promise.resolve();
      },
    },
    receiver: { track: { id: 'theirs' } },
  };
  addTransceiver(what: unknown) {
    this.sent = what === 'audio' ? null : what;
    return this.line;
  }
  createOffer = () => Promise.resolve({ type: 'offer', sdp: 'offer' });
  setLocalDescription(description: RTCSessionDescriptionInit) {
    this.localDescription = description;
    return Promise.resolve();
  }
  setRemoteDescription = () => Promise.resolve();
  close = () => {};
  is(state: RTCPeerConnectionState) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}
