/**
 * Events in pieces that fit into a frame of the wire (`send_frames`: at most 256 KiB of text), numbered so that the
 * reader knows when one is missing. A piece is a JSON array of events; its first one says its number, and an event that
 * is larger than a piece goes as several `part` events.
 */
import { EventKind, type PageEvent } from './events';

/** Bytes of a piece; what stands around the events has room beside it. */
const MOST_BYTES = 200 * 1024;
/** Characters of a part: each is at most three bytes, or two when it has to be escaped. */
const PART = 48 * 1024;
/** More parts than any page has: a sender that announces more is not believed. */
const MOST_PARTS = 1_000;

const bytes = (text: string): number => new TextEncoder().encode(text).length;

const custom = (tag: string, payload: object): string =>
  JSON.stringify({ type: EventKind.Custom, timestamp: 0, data: { tag, payload } });

/** Slices that do not cut a character in two. */
function slices(text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length;) {
    let end = Math.min(at + PART, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last < 0xdc00) end -= 1;
    found.push(text.slice(at, end));
    at = end;
  }
  return found;
}

/** Cuts what one load of a page says. */
export class Cutter {
  private number = 0;

  cut(events: readonly PageEvent[]): string[] {
    const pieces: string[] = [];
    let open: string[] = [];
    let size = 0;
    const close = () => {
      if (open.length === 0) return;
      this.number += 1;
      pieces.push(`[${[custom('piece', { number: this.number }), ...open].join(',')}]`);
      open = [];
      size = 0;
    };
    const add = (text: string) => {
      const length = bytes(text) + 1;
      if (size + length > MOST_BYTES) close();
      open.push(text);
      size += length;
    };
    for (const event of events) {
      const text = JSON.stringify(event);
      if (bytes(text) <= MOST_BYTES) add(text);
      else slices(text).forEach((part, at, all) => add(custom('part', { at, of: all.length, text: part })));
    }
    close();
    return pieces;
  }
}

export interface Joined {
  /** Is a piece missing before these? Then they may not fit what was there. */
  isGap: boolean;
  events: PageEvent[];
}

const broken: Joined = { isGap: true, events: [] };

/** Puts together what `Cutter` cut. What is malformed counts as missing. */
export class Joiner {
  private number: number | null = null;
  private parts: string[] = [];

  join(frames: string): Joined {
    try {
      return this.read(JSON.parse(frames) as PageEvent[]);
    } catch {
      this.parts = [];
      return broken;
    }
  }

  private read([head, ...rest]: PageEvent[]): Joined {
    const { number } = head!.data.payload as { number: number };
    const isGap = this.number !== null && number !== this.number + 1;
    if (isGap) this.parts = [];
    this.number = number;
    const events: PageEvent[] = [];
    for (const event of rest) {
      if (event.type !== EventKind.Custom) {
        events.push(event);
        continue;
      }
      const { at, of, text } = event.data.payload as { at: number; of: number; text: string };
      if (at !== this.parts.length || of > MOST_PARTS) {
        this.parts = [];
        return broken;
      }
      this.parts.push(text);
      if (this.parts.length === of) {
        events.push(JSON.parse(this.parts.join('')) as PageEvent);
        this.parts = [];
      }
    }
    return { isGap, events };
  }
}
