/**
 * Messages that were written and are not yet acknowledged. They are kept in the browser's storage before the first
 * attempt, so that neither a reload nor a lost link loses one, and are sent in order, one at a time, until the server
 * has said where they stand in the thread. Repeating is safe: the server knows a message by its client id, also when
 * two tabs share this storage and both send it.
 */
import type { ConversationId, ErrorCode } from '../generated/protocol';
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
  /** Local time of writing. */
  writtenAt: number;
  /** The server refused it for good: the person decides. */
  refused?: ErrorCode;
}

export interface OutboxOptions {
  /** `undefined`: the browser gives no storage; messages then live as long as the page. */
  storage: Storage | undefined;
  /** Storage key; contains who the person is, so that nobody sends another's messages. */
  key: string;
  /** Sends; resolves once durable. */
  send: (message: Outgoing) => Promise<unknown>;
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
  private memory: readonly Outgoing[] = [];
  private sending = false;

  constructor(private readonly options: OutboxOptions) {}

  /** What waits, in the order of writing. */
  messages(): readonly Outgoing[] {
    try {
      const text = this.options.storage?.getItem(this.options.key);
      if (text) return JSON.parse(text) as Outgoing[];
      if (this.options.storage) return [];
    } catch {
      // Storage is blocked or holds something else: what we remember is all there is.
    }
    return this.memory;
  }

  /** Keeps the message, then tries to send all that waits. Answers the client id. */
  add(message: Omit<Outgoing, 'clientId'>): string {
    const clientId = newClientId();
    this.store([...this.messages(), { ...message, clientId }]);
    void this.flush();
    return clientId;
  }

  /** The message stands in the thread, whoever sent it. */
  settle(clientId: string): void {
    const left = this.messages().filter((message) => message.clientId !== clientId);
    if (left.length !== this.messages().length) this.store(left);
  }

  /** The person does not want it any more. */
  discard(clientId: string): void {
    this.settle(clientId);
  }

  /** The person wants a refused message to be tried again. */
  retry(clientId: string): void {
    this.store(
      this.messages().map((message) => {
        if (message.clientId !== clientId) return message;
        const { refused: _, ...again } = message;
        return again;
      }),
    );
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
          await this.options.send(next);
          this.settle(next.clientId);
        } catch (error) {
          if (!(error instanceof RequestError)) throw error;
          if (error.code === 'lost') return;
          if (error.retryable) await (this.options.pause ?? aSecond)();
          else this.refuse(next.clientId, error.code);
        }
      }
    } finally {
      this.sending = false;
    }
  }

  /** Another tab changed the storage. */
  changedElsewhere(key: string | null): void {
    if (key === this.options.key) this.options.changed(this.messages());
  }

  private refuse(clientId: string, code: ErrorCode): void {
    this.store(
      this.messages().map((message) => (message.clientId === clientId ? { ...message, refused: code } : message)),
    );
  }

  private store(messages: readonly Outgoing[]): void {
    this.memory = messages;
    try {
      if (messages.length > 0) this.options.storage?.setItem(this.options.key, JSON.stringify(messages));
      else this.options.storage?.removeItem(this.options.key);
    } catch {
      // Full or blocked: the memory has it.
    }
    this.options.changed(messages);
  }
}
