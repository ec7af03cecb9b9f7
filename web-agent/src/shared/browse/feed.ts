/**
 * A citizen's page, as it comes on the topic of a window: kept from its last whole picture on, so that a pane that is
 * opened later, or opened again, shows it at once. One of them lives as long as the subscription.
 */
import { ref } from 'vue';
import type { EventBody } from '../../generated/protocol';
import { EventKind, Source, type PageEvent } from './events';
import { Joiner } from './pieces';

/** Events after a whole picture; a page that changes for longer is waited for anew. */
const MOST_KEPT = 50_000;
/** Where the pointer was is of no use later. */
const PASSING: readonly unknown[] = [Source.MouseMove, Source.TouchMove, Source.Drag, Source.MouseInteraction];

/** `isWhole`: they begin with a whole picture of a page that has not been seen yet. */
export type Listener = (events: readonly PageEvent[], isWhole: boolean) => void;

export class PageFeed {
  /** Is there something to look at? */
  readonly isThere = ref(false);
  private page: number | null = null;
  private joiner = new Joiner();
  private meta: PageEvent | null = null;
  private kept: PageEvent[] = [];
  private readonly listeners = new Set<Listener>();

  /** Takes every event of the window's topic. */
  heard(body: EventBody): void {
    if (body.type === 'window' && !body.view.isBrowsing) this.lose();
    if (body.type !== 'frames') return;
    if (body.page !== this.page) {
      this.page = body.page;
      this.joiner = new Joiner();
      this.lose();
    }
    const { isGap, events } = this.joiner.join(body.frames);
    // What comes now belongs to a page that we do not know; the next whole picture mends it.
    if (isGap) this.lose();
    this.take(events);
  }

  /** Hears the page from its last whole picture on, until the returned function is called. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    if (this.kept.length > 0) listener(this.kept, true);
    return () => this.listeners.delete(listener);
  }

  private take(events: readonly PageEvent[]): void {
    let fresh: PageEvent[] = [];
    let isWhole = false;
    for (const event of events) {
      if (event.type === EventKind.Meta) this.meta = event;
      else if (event.type === EventKind.FullSnapshot) {
        fresh = this.meta ? [this.meta, event] : [event];
        this.kept = [...fresh];
        isWhole = true;
      } else if (this.kept.length > 0) {
        fresh.push(event);
        if (!PASSING.includes(event.data.source)) this.kept.push(event);
      }
    }
    if (this.kept.length > MOST_KEPT) this.lose();
    this.isThere.value = this.kept.length > 0;
    if (fresh.length > 0) for (const listener of this.listeners) listener(fresh, isWhole);
  }

  private lose(): void {
    this.kept = [];
    this.meta = null;
    this.isThere.value = false;
  }
}
