import { expect, test } from 'vitest';
import type { OfferEnd } from '../../generated/protocol';
import { breakLeft, offerChange, partLeft, secondsLeft } from './offer';
import { conversation, desk, offer } from './testing';

test('an offer is new once, also when it was open before this page was', () => {
  const ringing = desk({ offer: offer() });
  expect(offerChange(null, ringing)).toEqual({ kind: 'new', offer: offer() });
  expect(offerChange(desk(), ringing).kind).toBe('new');
  expect(offerChange(ringing, ringing).kind).toBe('none');
  expect(offerChange(ringing, desk({ offer: offer({ id: 'of_2' }) })).kind).toBe('new');
});

test('an offer that ended is told with its own reason, never with that of an earlier one', () => {
  const ringing = desk({ offer: offer() });
  const reasons: OfferEnd[] = [
    'missed',
    'declined',
    'agent_unavailable',
    'conversation_gone',
    'transfer_cancelled',
    'taken',
  ];
  for (const reason of reasons) {
    const after = desk({ lastOfferEnd: { offer: 'of_1', reason } });
    expect(offerChange(ringing, after)).toEqual({ kind: 'ended', reason });
  }
  const earlier = desk({ lastOfferEnd: { offer: 'of_0', reason: 'missed' } });
  expect(offerChange(ringing, earlier).kind).toBe('none');
  expect(offerChange(null, desk({ lastOfferEnd: { offer: 'of_1', reason: 'missed' } })).kind).toBe('none');
});

test('an offer that became a conversation was accepted, perhaps in another tab', () => {
  const ringing = desk({ offer: offer() });
  expect(offerChange(ringing, desk({ conversations: [conversation('cv_1')] })).kind).toBe('accepted');
});

test('15 s: the countdown rounds up and ends at 0', () => {
  expect([1_000, 1_001, 15_001, 16_000, 20_000].map((now) => secondsLeft(offer(), now))).toEqual([15, 15, 1, 0, 0]);
  expect([1_000, 8_500, 16_000, 99_000].map((now) => partLeft(offer(), now))).toEqual([1, 0.5, 0, 0]);
});

test('only a break that a missed offer caused has an end', () => {
  expect(breakLeft(desk({ status: 'break', breakUntil: 30_000 }), 1)).toBe(30);
  expect(breakLeft(desk({ status: 'break', breakUntil: 30_000 }), 31_000)).toBe(0);
  expect(breakLeft(desk({ status: 'break' }), 1)).toBeNull();
  expect(breakLeft(desk({ status: 'online', breakUntil: 30_000 }), 1)).toBeNull();
});
