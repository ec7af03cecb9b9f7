/** Which broken promises are new, so that each is announced and sounded once. */
import type { AtRisk, BoardView, Timestamp } from '../generated/protocol';
import { slaState } from '../shared/sla';

/** A request, not a conversation: who comes back within 7 days has a new clock, which can break anew. */
const name = (one: AtRisk) => `${one.conversation}@${one.clock.askedAt}`;

export class Breaches {
  /** `null` until the first look: what was broken before the page was opened is no news. */
  private known: ReadonlySet<string> | null = null;

  /** Those that broke since the last look. */
  look(view: BoardView, now: Timestamp): AtRisk[] {
    const broken = view.atRisk.filter((one) => slaState(one.clock, now) === 'breached');
    const { known } = this;
    this.known = new Set(broken.map(name));
    return known ? broken.filter((one) => !known.has(name(one))) : [];
  }
}
