import { expect, test } from 'vitest';
import { AT, call, leg } from '../../shared/call/testing';
import { citizenScene, companyOf } from './call';

const theirs = (more: Parameters<typeof call>[0] = {}) =>
  call({ mine: 1, standing: undefined, may: [], requests: [], ...more });

test('a citizen is told in five words where their call stands', () => {
  const waiting = theirs({ state: 'waiting', legs: [leg(1, 'caller')], answeredAt: undefined });
  expect(citizenScene(null)).toBe('connecting');
  expect(citizenScene(waiting)).toBe('waiting');
  expect(citizenScene(theirs())).toBe('talking');
  // In a consultation they see nobody, and hear music.
  expect(citizenScene(theirs({ legs: [leg(1, 'caller', { place: 'hold' })] }))).toBe('held');
  // Whoever was with them has gone, and somebody comes.
  expect(citizenScene(theirs({ state: 'waiting', legs: [leg(1, 'caller')], answeredAt: AT }))).toBe('held');
  expect(citizenScene(theirs({ state: 'closing' }))).toBe('closing');
  expect(citizenScene(theirs({ state: 'ended' }))).toBe('ended');
});

test('with whom they speak: those beside them, not those on hold or away', () => {
  const legs = [
    leg(1, 'caller'),
    leg(2, 'operator'),
    leg(3, 'professional', { place: 'hold' }),
    leg(4, 'guest', { isAway: true }),
  ];
  expect(companyOf(theirs({ legs })).map((one) => one.leg)).toEqual([2]);
  expect(companyOf(null)).toEqual([]);
});
