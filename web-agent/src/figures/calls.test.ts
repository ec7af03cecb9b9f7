import { expect, test } from 'vitest';
import type { CallFiguresView, CallSound, ConnectNumbers } from '../generated/protocol';
import {
  causesOf,
  connectBy,
  declinesOf,
  groupOf,
  isBelow,
  lossText,
  pointsSince,
  pointsText,
  rateText,
  roundsText,
  soundText,
  zh,
} from './calls';
import { readRoute, writeRoute, type Route } from './route';

const rate = (hits: number, of: number) => ({ hits, of });

test('90% is promised to the request: 18 of 20 keep it, 17 of 19 do not, and nothing of nothing breaks nothing', () => {
  expect([isBelow(rate(18, 20), 90), isBelow(rate(17, 19), 90), isBelow(rate(0, 0), 90)]).toEqual([false, true, false]);
  expect(rateText(rate(17, 19))).toBe('89.4%');
});

test('the groups of the page are those that calls are told apart by', () => {
  expect(['unit', 'item', 'hour'].map((by) => connectBy(by as 'unit'))).toEqual(['department', 'item', 'hour']);
  expect([groupOf('team'), connectBy('agent')]).toEqual(['unit', 'department']);
});

test('points are of percent, and of nothing there are none', () => {
  expect(pointsText(pointsSince(rate(9, 10), rate(8, 10)), '个百分点')).toBe('+10.0 个百分点');
  expect(pointsText(pointsSince(rate(1, 2), rate(3, 4)), 'points')).toBe('−25.0 points');
  expect(pointsText(pointsSince(rate(9, 10), rate(0, 0)), 'points')).toBe('—');
});

test('rounds and causes are read at a glance', () => {
  const connect: ConnectNumbers = {
    all: rate(4, 5),
    withoutShort: rate(4, 5),
    first: rate(3, 5),
    rounds: [
      { round: 1, count: 3 },
      { round: 2, count: 1 },
    ],
  };
  expect(roundsText(connect, zh.round)).toBe('第 1 轮 3 · 第 2 轮 1');
  const view = { causes: { busy: 1, answered: 2, no_answer: 1 } } as unknown as CallFiguresView;
  expect(causesOf(view)[0]).toEqual({ cause: 'answered', count: 2, share: '50.0%' });
});

test('declines are told by reason, and those of telephones, which say none, last', () => {
  const of = (declined: number, declines: object) => declinesOf({ causes: { declined }, declines } as CallFiguresView);
  expect(of(6, { busy: 1, not_mine: 3 })).toEqual([
    { reason: 'not_mine', count: 3 },
    { reason: 'busy', count: 1 },
    { reason: null, count: 2 },
  ]);
  expect([of(1, { other: 1 }), of(0, {})]).toEqual([[{ reason: 'other', count: 1 }], []]);
});

test('no loss is said only when nothing was lost, and what was not measured is no number', () => {
  expect([lossText(rate(0, 9_000)), lossText(rate(1, 9_000)), lossText(rate(50, 500)), lossText(rate(0, 0))]).toEqual([
    '0.0%',
    '0.1%',
    '10.0%',
    '—',
  ]);
  const measured: CallSound = {
    loss: rate(50, 500),
    worstLoss: 180,
    poor: rate(1, 2),
    late: 2,
    concealed: 51,
    lateTicks: 3,
    jitterMs: 5,
    worstJitterMs: 6,
    roundTripMs: null,
    heardLoss: 12,
  };
  expect(soundText(measured)).toEqual({
    loss: '10.0%',
    worstLoss: '18.0%',
    heardLoss: '1.2%',
    jitter: '5 ms / 6 ms',
    roundTrip: '—',
  });
  const nothing = { ...measured, loss: rate(0, 0), jitterMs: null, worstJitterMs: null, heardLoss: null };
  expect(Object.values(soundText(nothing))).toEqual(['—', '—', '—', '—', '—']);
});

test('an address says whose requests are shown, and how they are told apart', () => {
  const start: Route = {
    screen: 'overview',
    filter: { from: '2026-11-24', to: '2026-11-24' },
    by: 'team',
    figure: 'wait',
    part: 'of',
    conversation: '',
  };
  const calls: Route = { ...start, screen: 'calls', by: 'hour', filter: { ...start.filter, unit: 'hrss' } };
  expect(writeRoute(calls)).toBe('#/calls?from=2026-11-24&to=2026-11-24&unit=hrss&by=hour');
  expect(readRoute(writeRoute(calls), start)).toEqual(calls);
  const rows: Route = { ...start, screen: 'requests', part: 'rest', conversation: 'nm_0123456789abcdef' };
  expect(readRoute(writeRoute(rows), start)).toEqual(rows);
});

test('an address says whose legs are shown, only the poor ones, and in which order', () => {
  const start: Route = {
    screen: 'overview',
    filter: { from: '2026-11-24', to: '2026-11-24' },
    by: 'team',
    figure: 'wait',
    part: 'of',
    conversation: '',
  };
  const legs: Route = { ...start, screen: 'legs', who: 'professional', part: 'hits', isLatest: true };
  const address = '#/legs?from=2026-11-24&to=2026-11-24&part=hits&who=professional&order=latest';
  expect(writeRoute(legs)).toBe(address);
  expect(readRoute(address, start)).toEqual(legs);
  expect(writeRoute({ ...start, screen: 'legs', who: undefined, isLatest: undefined })).toBe(
    '#/legs?from=2026-11-24&to=2026-11-24',
  );
  // What is no part is none, and what was chosen there is nowhere else.
  expect(readRoute('#/legs?who=everybody&order=worst', legs)).toEqual({ ...start, screen: 'legs' });
  expect(writeRoute({ ...legs, screen: 'calls', part: 'of' })).not.toContain('who');
  const one: Route = { ...start, screen: 'legs', conversation: 'nm_0123456789abcdef' };
  expect(readRoute(writeRoute(one), start)).toEqual(one);
});
