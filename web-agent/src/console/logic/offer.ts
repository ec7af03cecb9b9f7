/** What to say about offers, and when. */
import type { AgentView, OfferEnd, OfferView, Timestamp } from '../../generated/protocol';

/** What has become of the offer that was shown. */
export type OfferChange =
  | { kind: 'none' }
  | { kind: 'new'; offer: OfferView }
  | { kind: 'accepted'; offer: OfferView }
  | { kind: 'ended'; reason: OfferEnd };

/** Compares two states of the desk; `before` is null after a (re)connection of this page. */
export function offerChange(before: AgentView | null, after: AgentView): OfferChange {
  if (after.offer && after.offer.id !== before?.offer?.id) return { kind: 'new', offer: after.offer };
  const gone = before?.offer;
  if (!gone || after.offer) return { kind: 'none' };
  if (after.lastOfferEnd?.offer === gone.id) return { kind: 'ended', reason: after.lastOfferEnd.reason };
  if (after.conversations.some((one) => one.id === gone.conversation)) return { kind: 'accepted', offer: gone };
  return { kind: 'none' };
}

/** Whole seconds left to accept, never negative. */
export const secondsLeft = (offer: OfferView, now: Timestamp): number =>
  Math.max(0, Math.ceil((offer.expiresAt - now) / 1000));

/** Part of the time to accept that is left, 0..1. */
export function partLeft(offer: OfferView, now: Timestamp): number {
  const whole = offer.expiresAt - offer.offeredAt;
  return whole <= 0 ? 0 : Math.min(1, Math.max(0, (offer.expiresAt - now) / whole));
}

/** Seconds until a break that a missed offer caused ends; null: no such break. */
export function breakLeft(view: Pick<AgentView, 'status' | 'breakUntil'>, now: Timestamp): number | null {
  if (view.status !== 'break' || view.breakUntil === null) return null;
  return Math.max(0, Math.ceil((view.breakUntil - now) / 1000));
}
