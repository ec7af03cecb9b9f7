import { expect, test } from 'vitest';
import type { LiveCallView } from '../../generated/protocol';
import { actCommand, legCommand } from './commands';
import { AT, attempt, call, leg, PROFESSIONAL, request } from './testing';
import {
  consultedOf,
  inOrder,
  isHeardByCaller,
  newer,
  possible,
  possibleWith,
  ringLeft,
  sceneOf,
  shownRequest,
  stepsOf,
  waitingOf,
} from './view';

const acts = (view: Parameters<typeof possible>[0]) => [...possible(view)].sort();

const talking = call();
const ringing = call({ requests: [request()] });
const consulting = call({
  legs: [
    leg(1, 'caller', { place: 'hold' }),
    leg(2, 'operator', { place: 'aside' }),
    leg(3, 'professional', { place: 'aside' }),
  ],
});
const swapped = call({ legs: [leg(1, 'caller'), leg(2, 'operator'), leg(3, 'professional', { place: 'hold' })] });
const three = call({ legs: [leg(1, 'caller'), leg(2, 'operator'), leg(3, 'professional')] });
const left = call({
  legs: [leg(1, 'caller'), leg(3, 'professional')],
  standing: 'former_operator',
  mine: undefined,
  may: ['return'],
});

test('where a call stands is told from who is where', () => {
  const muted = call({ legs: [leg(1, 'caller'), leg(2, 'operator', { isMuted: true }), leg(3, 'professional')] });
  // The professional was rung at the moment at which the call came in.
  const direct = { ...muted, requests: [request({ askedAt: muted.beganAt, endedAt: AT, result: 'reached' as const })] };
  const held = call({ legs: [leg(1, 'caller', { place: 'hold' }), leg(2, 'operator')] });
  const alone = call({ state: 'waiting', legs: [leg(1, 'caller')], mine: undefined, standing: undefined });
  const aside = call({
    legs: [
      leg(1, 'caller'),
      leg(2, 'operator', { place: 'aside' }),
      leg(3, 'professional'),
      leg(4, 'guest', { place: 'aside' }),
    ],
  });
  expect([talking, ringing, consulting, swapped, three, left, muted, direct, held, alone, aside].map(sceneOf)).toEqual([
    'two',
    'two',
    'consulting',
    'two',
    'three',
    'gone',
    'three',
    'direct',
    'held',
    'waiting',
    'aside',
  ]);
  expect((['placing', 'closing', 'ended'] as const).map((state) => sceneOf(call({ state })))).toEqual([
    'placing',
    'closing',
    'ended',
  ]);
});

test('one is heard by the caller in the bridge only: not aside, muted, or whispering', () => {
  const muted = call({ legs: [leg(1, 'caller'), leg(2, 'operator', { isMuted: true })] });
  const whispering = call({ legs: [leg(1, 'caller'), leg(2, 'operator', { whispersTo: 3 }), leg(3, 'professional')] });
  expect([talking, three, swapped].map(isHeardByCaller)).toEqual([true, true, true]);
  expect([consulting, muted, whispering, left].map(isHeardByCaller)).toEqual([false, false, false, false]);
});

test('what is offered is what would be taken now', () => {
  expect(acts(talking)).toEqual(['end', 'hold_caller', 'window']);
  expect(acts(ringing)).toEqual(['end', 'hold_caller', 'leave', 'stop', 'window']);
  expect(acts(consulting)).toEqual(['dial', 'drop_consulted', 'end', 'leave', 'merge', 'swap', 'window']);
  expect(acts(swapped)).toEqual(['dial', 'drop_consulted', 'end', 'hold_caller', 'leave', 'merge', 'swap', 'window']);
  expect(acts(three)).toEqual(['dial', 'drop_consulted', 'end', 'hold_caller', 'leave', 'window']);
  expect(acts(left)).toEqual(['return', 'take_back']);
  // Alone with the caller one does not leave: one ends the call.
  expect(possible(talking).has('leave')).toBe(false);
  expect(acts(call({ state: 'ended' }))).toEqual([]);
  expect(acts(call({ state: 'closing' }))).toEqual(['end']);
  expect(acts({ ...three, standing: 'professional', mine: 3, may: PROFESSIONAL })).toEqual(['window']);
});

test('with two of the department, one key lets go the one aside, and nobody when it is not clear who', () => {
  const both = [leg(3, 'professional'), leg(4, 'guest')];
  expect(consultedOf(call({ legs: [leg(1, 'caller'), leg(2, 'operator'), ...both] }))).toBeNull();
  const [, guest] = both;
  const legs = [
    leg(1, 'caller'),
    leg(2, 'operator', { place: 'aside' }),
    both[0]!,
    { ...guest!, place: 'aside' as const },
  ];
  expect(consultedOf(call({ legs }))?.leg).toBe(4);
});

test('with each party only what one may and what makes sense', () => {
  const [caller, me, professional] = three.legs;
  expect(possibleWith(three, caller!)).toEqual(['mute', 'hold']);
  expect(possibleWith(three, me!)).toEqual(['mute']);
  expect(possibleWith(three, professional!)).toEqual(['mute', 'hold', 'whisper', 'drop']);
  // The caller on hold comes back by a swap or a merge, as long as the operator is aside.
  expect(possibleWith(consulting, consulting.legs[0]!)).toEqual(['mute']);
  const theirs = { ...three, standing: 'professional' as const, mine: 3, may: PROFESSIONAL };
  expect(theirs.legs.map((one) => possibleWith(theirs, one))).toEqual([[], ['whisper'], ['mute']]);
  const supervised = call({ legs: [...talking.legs, leg(5, 'supervisor', { isMuted: true })] });
  expect(possibleWith(supervised, supervised.legs[2]!)).toEqual(['whisper']);
});

test('a press becomes the command with the right leg', () => {
  expect(legCommand('cl_1', 'unmute', 3)).toEqual({ type: 'mute', call: 'cl_1', leg: 3, muted: false });
  expect(legCommand('cl_1', 'whisper', 3)).toEqual({ type: 'whisper', call: 'cl_1', to: 3 });
  expect(legCommand('cl_1', 'unwhisper', 3)).toEqual({ type: 'whisper', call: 'cl_1' });
  expect(actCommand(consulting, 'drop_consulted')).toEqual({ type: 'drop', call: 'cl_1', leg: 3 });
  expect(actCommand(three, 'hold_caller')).toEqual({ type: 'hold', call: 'cl_1', leg: 1 });
  expect(actCommand(left, 'take_back')).toEqual({ type: 'return', call: 'cl_1', takesBack: true });
  expect(actCommand(three, 'dial')).toBeNull();
});

test('the request that is shown is the open one, then the one that nobody answered, never an answered one', () => {
  const failed = request({
    endedAt: AT + 45_000,
    result: 'nobody_reached',
    attempts: [attempt(3, { cause: 'no_answer' })],
  });
  const reached = request({ number: 2, endedAt: AT + 60_000, result: 'reached' });
  const open = request({ number: 3 });
  expect(shownRequest(call({ requests: [failed] }))?.number).toBe(1);
  expect(shownRequest(call({ requests: [failed, reached] }))).toBeNull();
  expect(shownRequest(call({ requests: [failed, reached, open] }))?.number).toBe(3);
});

test('a ring of 20 s counts down to nothing', () => {
  const one = attempt(3);
  expect(ringLeft(one, AT + 5_000)).toEqual({ seconds: 20, part: 1 });
  expect(ringLeft(one, AT + 24_001)).toEqual({ seconds: 1, part: 0.04995 });
  expect(ringLeft(one, AT + 26_000)).toEqual({ seconds: 0, part: 0 });
  expect(ringLeft({ since: AT }, AT)).toEqual({ seconds: 0, part: 0 });
});

test('the list has the caller first, then me, then the others; a timeline tells it in order', () => {
  const legs = [
    leg(5, 'supervisor'),
    leg(3, 'professional', { since: AT + 9_000 }),
    leg(2, 'operator'),
    leg(1, 'caller'),
  ];
  expect(inOrder(call({ legs, mine: 3 })).map((one) => one.leg)).toEqual([1, 3, 2, 5]);
  const view = call({
    legs,
    requests: [
      request({
        endedAt: AT + 9_000,
        result: 'reached',
        attempts: [attempt(4, { cause: 'busy' }), attempt(3, { cause: 'answered', since: AT + 6_000 })],
      }),
    ],
  });
  expect(stepsOf(view).map(({ what }) => what.kind)).toEqual([
    'began',
    'answered',
    'asked',
    'tried',
    'decided',
    'came',
  ]);
});

test('an older state never replaces a newer one; who waits longest is first, behind enterprises', () => {
  expect(newer({ version: 3 }, { version: 2 }).version).toBe(3);
  expect(newer({ version: 3 }, { version: 3, mark: 1 })).toEqual({ version: 3, mark: 1 });
  const live = (id: string, more: Partial<LiveCallView>): LiveCallView => ({
    call: id,
    state: 'waiting',
    origin: 'hotline',
    team: 't',
    isFirst: false,
    caller: '',
    since: AT,
    people: [],
    isRequesting: false,
    ...more,
  });
  const all = [
    live('a', {}),
    live('b', { since: AT - 9_000 }),
    live('c', { isFirst: true, since: AT + 1 }),
    live('d', { state: 'talking', people: [{ id: 'ag_1', name: '白洁' }] }),
  ];
  expect(waitingOf(all).map((one) => one.call)).toEqual(['c', 'b', 'a']);
});
