/**
 * What a page makes of what the server says of calls: pure functions, without a clock. Rules: docs/calls.md; nothing here
 * decides what may be done, it only keeps from being offered what the server would refuse.
 */
import type {
  CallAttemptView,
  CallDeed,
  CallLegView,
  CallRequestView,
  CallView,
  Cause,
  LiveCallView,
  Timestamp,
} from '../../generated/protocol';

/** The newer of two states of the same thing. */
export const newer = <T extends { version: number }>(before: T | null | undefined, next: T): T =>
  before && next.version < before.version ? before : next;

/** Where a call stands, as its head says it. */
export type Scene =
  /** The citizen is not there yet. */
  | 'placing'
  /** The caller hears music: nobody is with them. */
  | 'waiting'
  /** The operator talks aside; the caller hears music. */
  | 'consulting'
  /** The operator talks aside, the caller with somebody else. */
  | 'aside'
  /** The caller is on hold, and nobody is consulted. */
  | 'held'
  /** Two talk: the caller and one of ours. */
  | 'two'
  /** The caller and at least two of ours. */
  | 'three'
  /** The direct line: the operator only listens. */
  | 'direct'
  /** I have left; the others go on. */
  | 'gone'
  | 'closing'
  | 'ended';

const isTalker = ({ part }: CallLegView) => part !== 'supervisor';
const isThird = ({ part }: CallLegView) => part === 'professional' || part === 'guest';

export const callerOf = (view: CallView): CallLegView | null => view.legs.find((one) => one.part === 'caller') ?? null;
export const operatorOf = (view: CallView): CallLegView | null =>
  view.legs.find((one) => one.part === 'operator') ?? null;
export const myLeg = (view: CallView | null): CallLegView | null =>
  view?.legs.find((one) => one.leg === view.mine) ?? null;
export const thirdsOf = (view: CallView): CallLegView[] => view.legs.filter(isThird);

export function sceneOf(view: CallView): Scene {
  if (view.state === 'placing' || view.state === 'closing' || view.state === 'ended') return view.state;
  const caller = callerOf(view);
  const operator = operatorOf(view);
  if (view.standing === 'former_operator' && view.mine === undefined) return 'gone';
  if (view.state === 'waiting' || !caller) return 'waiting';
  if (operator?.place === 'aside') return caller.place === 'hold' ? 'consulting' : 'aside';
  if (caller.place === 'hold') return 'held';
  if (operator?.isMuted && isDirect(view)) return 'direct';
  const ours = view.legs.filter((one) => one !== caller && isTalker(one) && one.place === 'bridge');
  return ours.length >= 2 ? 'three' : ours.length === 1 ? 'two' : 'waiting';
}

/** On the direct line (三方直转) the professional is rung at the moment at which the call comes in. */
const isDirect = ({ requests: [first], beganAt }: CallView): boolean => first?.askedAt === beganAt;

/** Does the caller hear what I say now? */
export function isHeardByCaller(view: CallView): boolean {
  const [mine, caller] = [myLeg(view), callerOf(view)];
  if (!mine || !caller || mine.isMuted || mine.whispersTo !== undefined) return false;
  return mine.place === 'bridge' && caller.place === 'bridge';
}

/** Does the name of the scene say already that the caller hears none of us? */
export const saysUnheard = (scene: Scene): boolean => ['consulting', 'held', 'waiting', 'direct'].includes(scene);

/** The request that is being carried out. */
export const requestOf = (view: CallView): CallRequestView | null =>
  view.requests.find((one) => one.endedAt === undefined) ?? null;

/** The request that is worth being shown: the one that is being carried out, else the last one unless it was answered. */
export function shownRequest(view: CallView): CallRequestView | null {
  const last = view.requests.at(-1);
  return requestOf(view) ?? (last && last.result !== 'reached' ? last : null);
}

/** Seconds that somebody is rung yet, rounded up, and the part of the whole time (0 to 1). */
export function ringLeft(ring: { since: Timestamp; until?: Timestamp | undefined }, now: Timestamp) {
  if (ring.until === undefined) return { seconds: 0, part: 0 };
  const left = Math.max(0, ring.until - now);
  return { seconds: Math.ceil(left / 1_000), part: Math.min(1, left / Math.max(1, ring.until - ring.since)) };
}

/** What an operator does with the call as a whole. */
export type Act =
  | 'merge'
  | 'swap'
  | 'leave'
  | 'stop'
  | 'drop_consulted'
  | 'hold_caller'
  | 'resume_caller'
  | 'return'
  | 'take_back'
  | 'end'
  | 'dial'
  | 'window';

/** What would be taken now. */
export function possible(view: CallView): Set<Act> {
  const acts = new Set<Act>();
  const may = (deed: CallDeed) => view.may.includes(deed);
  const isOpen = view.state === 'talking' || view.state === 'waiting' || view.state === 'placing';
  if (may('end') && view.state !== 'ended') acts.add('end');
  if (!isOpen) return acts;
  const [caller, operator, thirds, open] = [callerOf(view), operatorOf(view), thirdsOf(view), requestOf(view)];
  if (may('arrange')) {
    if (view.legs.some((one) => isTalker(one) && one.place !== 'bridge')) acts.add('merge');
    const from = operator?.place === 'aside' ? 'aside' : 'hold';
    if (thirds.some((one) => one.place === from)) acts.add('swap');
    if (caller?.place === 'bridge') acts.add('hold_caller');
    if (caller?.place === 'hold' && operator?.place !== 'aside') acts.add('resume_caller');
  }
  if (may('request') && open) acts.add('stop');
  if (may('leave') && (thirds.length > 0 || open)) acts.add('leave');
  if (may('drop') && consultedOf(view)) acts.add('drop_consulted');
  if (may('dial') && thirds.length > 0) acts.add('dial');
  if (may('continue') && view.conversation) acts.add('window');
  if (may('return') && !operator) {
    acts.add('return');
    if (thirds.length > 0 || open) acts.add('take_back');
  }
  return acts;
}

/** Whom the operator talks with aside, or the only one of the department: the one that a single key lets go. */
export function consultedOf(view: CallView): CallLegView | null {
  const thirds = thirdsOf(view);
  return thirds.find((one) => one.place === 'aside') ?? (thirds.length === 1 ? thirds[0]! : null);
}

/** What can be done with one who is in the call. */
export type LegAct = 'mute' | 'unmute' | 'hold' | 'resume' | 'drop' | 'whisper' | 'unwhisper';

export function possibleWith(view: CallView, leg: CallLegView): LegAct[] {
  const may = (deed: CallDeed) => view.may.includes(deed);
  const isMe = leg.leg === view.mine;
  const mine = myLeg(view);
  const acts: LegAct[] = [];
  if (view.state !== 'talking' && view.state !== 'waiting') return acts;
  if (leg.part !== 'supervisor' && may(isMe ? 'mute_self' : 'silence')) acts.push(leg.isMuted ? 'unmute' : 'mute');
  if (!isMe && isTalker(leg) && may('arrange')) {
    const isWithOperatorAside = operatorOf(view)?.place === 'aside';
    if (leg.place !== 'hold') acts.push('hold');
    else if (leg.part !== 'caller' || !isWithOperatorAside) acts.push('resume');
  }
  if (!isMe && leg.part !== 'caller' && may('whisper')) {
    acts.push(mine?.whispersTo === leg.leg ? 'unwhisper' : 'whisper');
  }
  if (!isMe && isThird(leg) && may('drop')) acts.push('drop');
  return acts;
}

/** Those who are in a call, in the order of the list: the caller, me, who leads it, departments, supervisors. */
export function inOrder(view: CallView): CallLegView[] {
  const rank = (one: CallLegView) =>
    one.part === 'caller'
      ? 0
      : one.leg === view.mine
        ? 1
        : ({ operator: 2, professional: 3, guest: 4, supervisor: 5 } as const)[one.part];
  return [...view.legs].sort((a, b) => rank(a) - rank(b) || a.leg - b.leg);
}

/** One line of what has happened in a call. */
export interface Step {
  at: Timestamp;
  what:
    | { kind: 'began' }
    | { kind: 'answered' }
    | { kind: 'asked'; request: CallRequestView }
    | { kind: 'tried'; attempt: CallAttemptView; cause: Cause }
    | { kind: 'decided'; request: CallRequestView }
    | { kind: 'came'; leg: CallLegView }
    | { kind: 'ended' };
}

/**
 * What has happened, oldest first, as far as the state tells: attempts that failed have no instant of their own and stand
 * where they began.
 */
export function stepsOf(view: CallView): Step[] {
  const steps: Step[] = [{ at: view.beganAt, what: { kind: 'began' } }];
  if (view.answeredAt !== undefined) steps.push({ at: view.answeredAt, what: { kind: 'answered' } });
  for (const request of view.requests) {
    steps.push({ at: request.askedAt, what: { kind: 'asked', request } });
    for (const attempt of request.attempts) {
      const { cause } = attempt;
      if (cause && cause !== 'answered') steps.push({ at: attempt.since, what: { kind: 'tried', attempt, cause } });
    }
    if (request.endedAt !== undefined && request.result)
      steps.push({ at: request.endedAt, what: { kind: 'decided', request } });
  }
  for (const leg of view.legs) {
    if (leg.part !== 'caller' && leg.since !== view.answeredAt)
      steps.push({ at: leg.since, what: { kind: 'came', leg } });
  }
  if (view.endedAt !== undefined) steps.push({ at: view.endedAt, what: { kind: 'ended' } });
  // Equal instants keep the order above.
  return steps
    .map((step, at) => ({ step, at }))
    .sort((a, b) => a.step.at - b.step.at || a.at - b.at)
    .map(({ step }) => step);
}

/** Calls that wait for somebody: enterprises first, then who waits longest. */
export const waitingOf = (live: readonly LiveCallView[]): LiveCallView[] =>
  live
    .filter((one) => one.state === 'waiting' && one.people.length === 0)
    .sort((a, b) => Number(b.isFirst) - Number(a.isFirst) || a.since - b.since);

/** What it is about, as far as that is known. */
export const itemOf = (one: { item?: string; itemName?: string }): string | undefined => one.itemName ?? one.item;
