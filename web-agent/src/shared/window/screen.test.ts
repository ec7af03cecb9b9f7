import { describe, expect, it } from 'vitest';
import type { Seat, SeatView, WindowView } from '../../generated/protocol';
import { codeOf, hasConsent, inOrder, lightOf, rightsOf, screenOf, sharer, type Here } from './screen';

const view = (more: Partial<WindowView> = {}): WindowView => ({
  window: 'wn_1',
  conversation: 'cv_1',
  version: 1,
  state: 'asked',
  until: 60_000,
  origin: 'conversation',
  askedBy: 'citizen',
  agentAgrees: false,
  consents: [],
  texts: [],
  agent: { id: 'ag_1', name: '李敏' },
  seats: [],
  inCall: false,
  picture: 0,
  isFrozen: false,
  isBrowsing: false,
  proposals: [],
  ...more,
});
const agreed = { consents: [{ purpose: 'window' as const, version: 1, at: 1 }], agentAgrees: true };
const here = (seat: Seat, more: Partial<Here> = {}): Here => ({
  seat,
  isReady: false,
  isSeated: false,
  isReplaced: false,
  refused: null,
  ...more,
});
const kind = (...parameters: Parameters<typeof screenOf>) => screenOf(...parameters).kind;

describe('what is seen of a window', () => {
  it('from the question to the end, by the citizen', () => {
    const steps: [Partial<WindowView>, Partial<Here>, string][] = [
      [{ state: 'booked', at: 5 }, {}, 'booked'],
      [{}, {}, 'consent'],
      [{ agentAgrees: true }, { isReady: true }, 'consent'],
      [{ consents: agreed.consents }, {}, 'check'],
      [{ consents: agreed.consents }, { isReady: true }, 'asking'],
      [{ ...agreed, state: 'consented' }, {}, 'check'],
      [{ ...agreed, state: 'consented' }, { isReady: true }, 'joining'],
      [{ ...agreed, state: 'consented' }, { isReady: true, isSeated: true }, 'waiting'],
      [{ ...agreed, state: 'live' }, { isReady: true, isSeated: true }, 'live'],
      [{ ...agreed, state: 'live' }, { isReady: true, isSeated: false }, 'joining'],
      [{ ...agreed, state: 'live' }, { isReady: true, isReplaced: true }, 'elsewhere'],
      [{ ...agreed, state: 'live' }, { refused: 'busy' }, 'refused'],
      [{ ...agreed, state: 'ended', endedBecause: 'declined' }, { isReady: true, isReplaced: true }, 'ended'],
    ];
    for (const [of, at, expected] of steps) expect(kind(view(of), here('citizen', at))).toBe(expected);
  });

  it('by the agent, who is asked or asks', () => {
    expect(kind(view(), here('agent'))).toBe('incoming');
    expect(kind(view({ consents: agreed.consents }), here('agent'))).toBe('incoming');
    expect(screenOf(view({ agentAgrees: true }), here('agent'))).toEqual({ kind: 'check', waits: true, until: 60_000 });
    expect(kind(view({ agentAgrees: true }), here('agent', { isReady: true }))).toBe('asking');
    // Of a live window nothing runs out.
    expect(screenOf(view({ ...agreed, state: 'live' }), here('agent'))).toEqual({
      kind: 'check',
      waits: false,
      until: undefined,
    });
  });

  it('by guests: nothing before everybody has agreed; a supervisor shows nothing, so has nothing to check', () => {
    expect(kind(view(), here('second_clerk'))).toBe('not_yet');
    expect(kind(view({ ...agreed, state: 'live' }), here('second_clerk'))).toBe('check');
    expect(kind(view({ ...agreed, state: 'live' }), here('supervisor'))).toBe('observe');
    expect(kind(view({ ...agreed, state: 'live' }), here('supervisor', { isReady: true, isSeated: true }))).toBe(
      'live',
    );
  });

  it('before the server has said anything', () => {
    expect(kind(null, here('citizen'))).toBe('loading');
    expect(screenOf(null, here('citizen', { refused: 'not_found' }))).toEqual({ kind: 'refused', code: 'not_found' });
  });
});

describe('who and how', () => {
  const seat = (seat: Seat, more: Partial<SeatView> = {}): SeatView => ({
    participant: `pa_${seat}`,
    seat,
    name: seat,
    isMe: false,
    isAway: false,
    media: [],
    ...more,
  });

  it('one’s light is the server’s word on the way, unless there is none', () => {
    const mine = view({ seats: [seat('agent', { isMe: true, quality: 'poor' })] });
    expect(lightOf(mine, true, 'up')).toBe('poor');
    expect(lightOf(view(), true, 'up')).toBe('good');
    expect(lightOf(mine, false, 'up')).toBe('lost');
    expect(lightOf(mine, true, 'interrupted')).toBe('lost');
    expect(lightOf(mine, true, null)).toBe('lost');
  });

  it('the citizen comes first, whoever only looks on last', () => {
    const seats = [seat('supervisor'), seat('second_clerk'), seat('citizen', { media: ['screen'] }), seat('agent')];
    expect(inOrder(seats).map((one) => one.seat)).toEqual(['citizen', 'agent', 'second_clerk', 'supervisor']);
    expect(sharer(view({ seats }))?.seat).toBe('citizen');
    expect(sharer(view())).toBeNull();
    expect(hasConsent(view(agreed), 'screen')).toBe(false);
  });

  it('rights are those of the rules', () => {
    expect(rightsOf('supervisor')).toEqual({
      show: false,
      draw: false,
      clear: false,
      invite: false,
      remove: true,
      end: true,
    });
    expect(rightsOf('second_clerk')).toMatchObject({ show: true, draw: true, clear: false, end: false });
    expect(rightsOf('citizen')).toMatchObject({ clear: true, invite: false, end: true });
    expect(rightsOf('agent')).toMatchObject({ clear: true, invite: true, remove: true, end: true });
  });
});

it('reads a code as people type it', () => {
  expect(codeOf('123456')).toBe('123456');
  expect(codeOf(' 123 456 ')).toBe('123456');
  expect(codeOf('123-456')).toBe('123456');
  expect(codeOf('１２３４５６')).toBe('123456');
  expect(codeOf('12345')).toBeNull();
  expect(codeOf('12345a')).toBeNull();
});
