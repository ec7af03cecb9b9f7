/**
 * Sends pieces one after the other, as fast as they are answered. When more waits than is worth sending, or the server
 * has no room, all of it is dropped, the page is told to be quiet, and once the way is free the page shows itself anew:
 * a picture that is late is worth less than none.
 */

/** What became of a piece. `refused`: something personal was found in it; `later`: no room, or not yet our turn; `lost`: no link. */
export type Sent = 'sent' | 'refused' | 'later' | 'lost';

export interface SenderOptions {
  send: (piece: string) => Promise<Sent>;
  /** The page may be quiet: nothing that it says is sent. */
  pause: () => void;
  /** The page shows all of itself anew. */
  anew: () => void;
  refused: () => void;
  setTimeout: (run: () => void, ms: number) => number;
  clearTimeout: (timer: number) => void;
}

/** Characters that may wait; a page with its styles has some hundred thousand. */
const MOST_WAITING = 6 * 1024 * 1024;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 16_000;

export class FrameSender {
  private waiting: string[] = [];
  private size = 0;
  private isSending = false;
  private isBehind = false;
  private timer: number | undefined;
  private pauseMs = FIRST_PAUSE;

  constructor(private readonly options: SenderOptions) {}

  push(piece: string): void {
    if (this.isBehind) return;
    this.waiting.push(piece);
    this.size += piece.length;
    if (this.size > MOST_WAITING) this.fallBehind();
    else if (!this.isSending) void this.send();
  }

  /** What waits is of no use any more: the link was lost, another page, another consent. */
  reset(): void {
    this.drop();
    this.isBehind = false;
    this.pauseMs = FIRST_PAUSE;
    if (this.timer !== undefined) this.options.clearTimeout(this.timer);
    this.timer = undefined;
  }

  private drop(): void {
    this.waiting = [];
    this.size = 0;
  }

  private fallBehind(): void {
    this.drop();
    this.isBehind = true;
    this.options.pause();
  }

  private async send(): Promise<void> {
    this.isSending = true;
    for (let piece = this.waiting.shift(); piece !== undefined; piece = this.waiting.shift()) {
      this.size -= piece.length;
      const sent = await this.options.send(piece);
      if (sent === 'sent') this.pauseMs = FIRST_PAUSE;
      else if (sent === 'later') this.fallBehind();
      else {
        this.drop();
        if (sent === 'refused') this.options.refused();
      }
    }
    this.isSending = false;
    if (this.isBehind) this.catchUp();
  }

  private catchUp(): void {
    if (this.timer !== undefined) this.options.clearTimeout(this.timer);
    this.timer = this.options.setTimeout(() => {
      this.timer = undefined;
      this.isBehind = false;
      this.options.anew();
    }, this.pauseMs);
    this.pauseMs = Math.min(LONGEST_PAUSE, this.pauseMs * 2);
  }
}
