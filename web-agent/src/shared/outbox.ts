/**
 * Messages that were written and are not yet acknowledged. They are kept in the browser's storage before the first
 * attempt, so that neither a reload nor a lost link loses one, and are sent in order, one at a time, until the server
 * has said where they stand in the thread. Repeating is safe: the server knows a message by its client id, also when
 * two tabs share this storage and both send it. Each message has a storage entry of its own, because two tabs that
 * rewrote one common list could each undo what the other has just written.
 */
import type { ConversationId, ErrorCode } from '../generated/protocol';
import type { Attachment } from './files/kinds';
import { RequestError } from './link';

export interface Outgoing {
  clientId: string;
  conversation: ConversationId;
  text: string;
  /** Private lane (staff). */
  note?: boolean;
  /** The knowledge entry that the text is taken from (staff), or that is chosen (`choose`). */
  entry?: string;
  /** A choice among the bot's questions instead of a typed message (citizen). */
  choose?: boolean;
  /** The message is a file; then `text` is empty. */
  attachment?: Attachment;
  /** Time of writing; the outbox moves it on by milliseconds where that is needed to keep the order of writing. */
  writtenAt: number;
  /** The server refused it for good: the person decides. */
  refused?: ErrorCode;
  /** The word of the office's list that it was refused for (staff). */
  word?: string;
}

export interface OutboxOptions {
  /** `undefined`: the browser gives no storage; messages then live as long as the page. */
  storage: Storage | undefined;
  /** Begin of the storage keys; contains who the person is, so that nobody sends another's messages. */
  key: string;
  /** Sends; resolves once durable. `change` keeps how far a file has come, for the next attempt. */
  send: (message: Outgoing, change: (more: Partial<Attachment>) => void) => Promise<unknown>;
  /** Called after every change. */
  changed: (messages: readonly Outgoing[]) => void;
  /** Waits before a refusal that may pass is tried again; default one second. */
  pause?: () => Promise<void>;
}

const aSecond = () => new Promise<void>((resolve) => setTimeout(resolve, 1_000));

/** An id that no other message has. */
export const newClientId = (): string =>
  typeof crypto.randomUUID === 'function'
    ? crypto.randomUUID()
    : // Not in insecure contexts of older browsers.
      Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

export class Outbox {
  /** What the storage would not take. */
  private readonly memory = new Map<string, Outgoing>();
  private sending = false;

  constructor(private readonly options: OutboxOptions) {}

  /** What waits, in the order of writing. */
  messages(): readonly Outgoing[] {
    const all = new Map(this.stored().map((message) => [message.clientId, message]));
    for (const message of this.memory.values()) all.set(message.clientId, message);
    return [...all.values()].sort((one, other) => one.writtenAt - other.writtenAt);
  }

  /** Keeps the message, then tries to send all that waits. Answers the client id. */
  add(message: Omit<Outgoing, 'clientId'>, clientId = newClientId()): string {
    const last = this.messages().at(-1)?.writtenAt ?? 0;
    this.keep({ ...message, clientId, writtenAt: Math.max(message.writtenAt, last + 1) });
    void this.flush();
    return clientId;
  }

  /** The message stands in the thread, whoever sent it. */
  settle(clientId: string): void {
    if (!this.messages().some((message) => message.clientId === clientId)) return;
    this.memory.delete(clientId);
    try {
      this.options.storage?.removeItem(this.keyOf(clientId));
    } catch {
      // Blocked: then it was not there.
    }
    this.changed();
  }

  /** The person does not want it any more. */
  discard(clientId: string): void {
    this.settle(clientId);
  }

  /** The person wants a refused message to be tried again. */
  retry(clientId: string): void {
    const message = this.messages().find((one) => one.clientId === clientId);
    if (message) {
      const { refused: _refused, word: _word, ...again } = message;
      this.keep(again);
    }
    void this.flush();
  }

  /** Sends all that waits; stops at the first that finds no link. Call it whenever the link opens. */
  async flush(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    try {
      for (;;) {
        const next = this.messages().find((message) => !message.refused);
        if (!next) return;
        try {
          await this.options.send(next, (more) => this.change(next.clientId, more));
          this.settle(next.clientId);
        } catch (error) {
          if (!(error instanceof RequestError)) throw error;
          if (error.code === 'lost') return;
          if (error.retryable) await (this.options.pause ?? aSecond)();
          else this.refuse(next, error.code, error.detail);
        }
      }
    } finally {
      this.sending = false;
    }
  }

  /** Another tab changed the storage. `key`: of the storage event; `null`: all of it. */
  changedElsewhere(key: string | null): void {
    if (key === null || key.startsWith(this.keyOf(''))) this.changed();
  }

  private refuse({ clientId }: Outgoing, refused: ErrorCode, detail: string): void {
    const message = this.find(clientId);
    if (message) this.keep({ ...message, refused, ...(refused === 'listed_word' ? { word: detail } : {}) });
  }

  private change(clientId: string, more: Partial<Attachment>): void {
    const message = this.find(clientId);
    if (message?.attachment) this.keep({ ...message, attachment: { ...message.attachment, ...more } });
  }

  /** Meanwhile the person, or another tab, may have taken it away. */
  private find(clientId: string): Outgoing | undefined {
    return this.messages().find((one) => one.clientId === clientId);
  }

  private keyOf(clientId: string): string {
    return `${this.options.key}/${clientId}`;
  }

  private stored(): Outgoing[] {
    const found: Outgoing[] = [];
    const { storage } = this.options;
    try {
      for (let i = 0; storage && i < storage.length; i++) {
        const key = storage.key(i);
        const message = key?.startsWith(this.keyOf('')) ? parsed(storage.getItem(key)) : null;
        if (message) found.push(message);
      }
    } catch {
      // Blocked: the memory is all there is.
    }
    return found;
  }

  private keep(message: Outgoing): void {
    if (this.wasStored(message)) this.memory.delete(message.clientId);
    else this.memory.set(message.clientId, message);
    this.changed();
  }

  /** `false`: the storage is full, blocked or not there. */
  private wasStored(message: Outgoing): boolean {
    const { storage } = this.options;
    try {
      storage?.setItem(this.keyOf(message.clientId), JSON.stringify(message));
      return storage !== undefined;
    } catch {
      return false;
    }
  }

  private changed(): void {
    this.options.changed(this.messages());
  }
}

/** A stored message; `null` if something else stands there. */
function parsed(text: string | null): Outgoing | null {
  try {
    const message = JSON.parse(text ?? 'null') as Partial<Outgoing> | null;
    return typeof message?.clientId === 'string' && typeof message.text === 'string' ? (message as Outgoing) : null;
  } catch {
    return null;
  }
}
