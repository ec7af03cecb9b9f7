/**
 * One socket to the server: says hello, matches replies to requests, keeps subscriptions alive over lost connections,
 * and knows when the link is dead. Framework-free; whatever it needs of the browser comes in by `LinkEnvironment`, so
 * that tests own time and sockets.
 *
 * State chart: connecting → open → lost → connecting → ... ; any → stopped (by `stop()` or by a close code from 4500).
 *
 * Deliberately absent: heartbeats of our own (hidden tabs throttle timers; the server ticks and we only look at when
 * we last heard something) and the repetition of requests (only their owner knows whether they may be repeated; the
 * outbox does for messages).
 */
import type { Answer, Command, EventBody, Frame, Snapshot, Timestamp, Topic, WireError } from '../generated/protocol';

/** Version of the protocol that these pages speak. */
export const PROTOCOL = 1;

export type LinkState =
  /** `since`: as below, if there was a link before. */
  | { kind: 'connecting'; since?: number }
  | { kind: 'open' }
  /** `since`: local instant at which the link was lost; attempts that fail do not change it. */
  | { kind: 'lost'; since: number }
  /** No more attempts: `reason` tells the page what to do about it. */
  | { kind: 'stopped'; reason: StopReason };

/** `token`: get a new token or log in again; `protocol`: reload the page; `closed`: by ourselves. */
export type StopReason = 'token' | 'protocol' | 'closed';

export type Welcome = Extract<Answer, { type: 'welcome' }>;

/** A request that the server refused, or whose answer will never come because the link was lost (`code` "lost"). */
export class RequestError extends Error {
  constructor(
    readonly code: WireError['code'] | 'lost',
    readonly detail: string,
    readonly field: string | undefined,
    readonly retryable: boolean,
  ) {
    super(`${code}: ${detail}`);
    this.name = 'RequestError';
  }
}

const lost = () => new RequestError('lost', 'the link was lost before the answer came', undefined, true);

/** What the holder of a subscription wants to hear. */
export interface Subscription {
  /** Position to resume from; undefined: from the beginning. */
  after?: () => number | undefined;
  /** The state at position `seq`; also after every reconnection. */
  snapshot: (snapshot: Snapshot, seq: number) => void;
  /** An event after the snapshot. Answering `'gap'` subscribes anew from `after()`. */
  event: (body: EventBody, seq: number | undefined) => 'gap' | void;
  /** The server does not let us listen. */
  refused?: (error: RequestError) => void;
}

export interface LinkEnvironment {
  socket: (url: string) => WebSocket;
  /** Local time in milliseconds. */
  now: () => number;
  /** Number in 0..1 that spreads reconnections. */
  random: () => number;
  setTimeout: (run: () => void, ms: number) => number;
  clearTimeout: (timer: number) => void;
}

export interface LinkOptions {
  url: string;
  /** Asked before every connection. */
  token: () => string;
  onState: (state: LinkState) => void;
  onWelcome: (welcome: Welcome) => void;
  environment?: LinkEnvironment;
}

interface Topical {
  subscription: Subscription;
  /** Events that came between `subscribe` and its reply. */
  held: { body: EventBody; seq: number | undefined }[] | null;
  /** Changes with every `subscribe`, so that a late reply to an earlier one is not taken for ours. */
  attempt: number;
}

interface Pending {
  resolve: (answer: Answer) => void;
  reject: (error: RequestError) => void;
}

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
/** So many ticks without a sound, and the link is dead (protocol: `welcome.tickSeconds`). */
const SILENT_TICKS = 3;

const browser: LinkEnvironment = {
  socket: (url) => new WebSocket(url),
  now: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (run, ms) => window.setTimeout(run, ms),
  clearTimeout: (timer) => window.clearTimeout(timer),
};

/** The WebSocket address of the server that served this page. */
export function socketUrl(at: Location = location): string {
  return `${at.protocol === 'https:' ? 'wss' : 'ws'}://${at.host}/ws`;
}

export class Link {
  private readonly environment: LinkEnvironment;
  private socket: WebSocket | undefined;
  private current: LinkState = { kind: 'stopped', reason: 'closed' };
  private nextRef = 1;
  private attempts = 0;
  private timer: number | undefined;
  private watch: number | undefined;
  /** Begin of the present silence: the last frame, or the begin of the attempt. */
  private quietSince = 0;
  private frameAt: number | undefined;
  /** When the link was lost that we try to get back. */
  private lostAt: number | undefined;
  private tickMs = 15_000;
  private offsetMs = 0;
  private readonly pending = new Map<number, Pending>();
  private readonly topics = new Map<Topic, Topical>();
  private readonly sessionListeners = new Set<(body: EventBody) => void>();

  constructor(private readonly options: LinkOptions) {
    this.environment = options.environment ?? browser;
  }

  get state(): LinkState {
    return this.current;
  }

  /** The server's clock, as well as we know it. */
  serverNow(): Timestamp {
    return this.environment.now() + this.offsetMs;
  }

  /** Local instant of the last frame from the server; undefined: there was none yet. */
  get heardAt(): number | undefined {
    return this.frameAt;
  }

  /** Connects, or connects anew after a stop. */
  start(): void {
    if (this.current.kind !== 'stopped') return;
    this.attempts = 0;
    this.lostAt = undefined;
    this.connect();
  }

  /** Connects anew after a while, as after a loss: nothing can be said about the token now. */
  startLater(): void {
    if (this.current.kind === 'stopped' && this.current.reason === 'token') this.drop(this.environment.now());
  }

  /** The next token of the same session: the connection goes on with it. */
  renew(token: string): void {
    if (this.current.kind !== 'open') return;
    // Refused, it ends as if the token had expired.
    this.post({ type: 'renew', token }).catch(() => {});
  }

  /** Ends for good; requests without an answer are refused as lost. */
  stop(): void {
    this.end('closed');
  }

  /** Does not wait for the next attempt: the network is back, or the person asked for it. */
  retryNow(): void {
    if (this.current.kind !== 'lost') return;
    this.attempts = 0;
    this.connect();
  }

  /** Looks whether the link is dead; call it when a hidden page is shown again. */
  check(): void {
    if (this.current.kind === 'open' && this.isSilent()) this.drop(this.quietSince);
  }

  /** Sends a request. Rejects with `RequestError`, code "lost" if there is no link or it breaks before the answer. */
  request(body: Command): Promise<Answer> {
    if (this.current.kind !== 'open') return Promise.reject(lost());
    return this.post(body);
  }

  /** Listens to a topic until the returned function is called. One subscription per topic. */
  subscribe(topic: Topic, subscription: Subscription): () => void {
    const topical: Topical = { subscription, held: null, attempt: 0 };
    this.topics.set(topic, topical);
    if (this.current.kind === 'open') this.join(topic, topical);
    return () => {
      if (this.topics.get(topic) !== topical) return;
      this.topics.delete(topic);
      // If the link is lost the server knows already.
      if (this.current.kind === 'open') this.post({ type: 'unsubscribe', topic }).catch(() => {});
    };
  }

  /** Listens to what this one connection is told, ticks apart, until the returned function is called. */
  listenSession(listener: (body: EventBody) => void): () => void {
    this.sessionListeners.add(listener);
    return () => this.sessionListeners.delete(listener);
  }

  private setState(state: LinkState): void {
    this.current = state;
    this.options.onState(state);
  }

  private connect(): void {
    this.clearTimers();
    this.setState(this.lostAt === undefined ? { kind: 'connecting' } : { kind: 'connecting', since: this.lostAt });
    const socket = this.environment.socket(this.options.url);
    this.socket = socket;
    socket.onopen = () => this.hello(socket);
    socket.onmessage = (event) => {
      if (socket === this.socket) this.receive(JSON.parse(event.data as string) as Frame);
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.closed(event.code);
    };
    this.quietSince = this.environment.now();
    this.watchSilence();
  }

  private hello(socket: WebSocket): void {
    const asked = this.environment.now();
    this.post({ type: 'hello', token: this.options.token(), protocol: PROTOCOL }).then(
      (answer) => {
        if (socket !== this.socket || answer.type !== 'welcome') return;
        const heard = this.environment.now();
        // The server read its clock somewhere between; half way is the best guess.
        this.offsetMs = answer.now - (asked + heard) / 2;
        this.tickMs = answer.tickSeconds * 1000;
        this.attempts = 0;
        this.lostAt = undefined;
        this.setState({ kind: 'open' });
        this.options.onWelcome(answer);
        // What was subscribed by those two is on its way already.
        for (const [topic, topical] of this.topics) if (!topical.held) this.join(topic, topical);
      },
      (error: RequestError) => {
        if (socket !== this.socket) return;
        if (error.code === 'unsupported_protocol') this.end('protocol');
        else if (error.code === 'unauthenticated' || error.code === 'token_expired') this.end('token');
        else this.drop(this.environment.now());
      },
    );
  }

  private post(body: Command): Promise<Answer> {
    const ref = this.nextRef++;
    return new Promise((resolve, reject) => {
      this.pending.set(ref, { resolve, reject });
      this.socket?.send(JSON.stringify({ ref, body }));
    });
  }

  private join(topic: Topic, topical: Topical): void {
    topical.held = [];
    topical.attempt += 1;
    const { attempt, subscription } = topical;
    const after = subscription.after?.();
    const isCurrent = () => this.topics.get(topic) === topical && topical.attempt === attempt;
    this.post({ type: 'subscribe', topic, ...(after === undefined ? {} : { after }) }).then(
      (answer) => {
        if (!isCurrent() || answer.type !== 'subscribed') return;
        const held = topical.held ?? [];
        topical.held = null;
        subscription.snapshot(answer.snapshot, answer.seq);
        for (const { body, seq } of held) {
          // What the snapshot contains already.
          if (seq !== undefined && seq <= answer.seq) continue;
          this.deliver(topic, topical, body, seq);
          if (topical.held) return;
        }
      },
      (error: RequestError) => {
        if (!isCurrent() || error.code === 'lost') return;
        topical.held = null;
        if (error.retryable) {
          const again = () => {
            if (isCurrent() && this.current.kind === 'open') this.join(topic, topical);
          };
          this.environment.setTimeout(again, FIRST_PAUSE * (1 + this.environment.random()));
        } else subscription.refused?.(error);
      },
    );
  }

  private deliver(topic: Topic, topical: Topical, body: EventBody, seq: number | undefined): void {
    if (topical.subscription.event(body, seq) === 'gap') this.join(topic, topical);
  }

  private receive(frame: Frame): void {
    this.frameAt = this.quietSince = this.environment.now();
    if ('ref' in frame) {
      const pending = this.pending.get(frame.ref);
      this.pending.delete(frame.ref);
      if ('ok' in frame) pending?.resolve(frame.ok);
      else {
        const { code, detail, field, retryable } = frame.error;
        pending?.reject(new RequestError(code, detail, field, retryable));
      }
      return;
    }
    if (frame.topic === 'session') {
      if (frame.body.type === 'tick') this.tick(frame.body.now);
      else for (const listener of this.sessionListeners) listener(frame.body);
      return;
    }
    const topical = this.topics.get(frame.topic);
    if (!topical) return;
    if (topical.held) topical.held.push({ body: frame.body, seq: frame.seq });
    else this.deliver(frame.topic, topical, frame.body, frame.seq);
  }

  private tick(now: Timestamp): void {
    const offset = now - this.quietSince;
    // A tick is late by the way it took, never early; only a step of one of the clocks makes a large difference.
    if (Math.abs(offset - this.offsetMs) > 2_000) this.offsetMs = offset;
  }

  private closed(code: number): void {
    if (code === 4500 || code === 4501 || code === 4503) this.end('token');
    else if (code >= 4500 && code <= 4999) this.end('protocol');
    else this.drop(this.environment.now());
  }

  /** The link is lost since `at`: refuse what waits, try again after a pause. */
  private drop(at: number): void {
    this.discardSocket();
    this.lostAt ??= at;
    this.setState({ kind: 'lost', since: this.lostAt });
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.attempts);
    this.attempts += 1;
    // Spread, so that a restarted server is not met by everybody at once.
    this.timer = this.environment.setTimeout(() => this.connect(), pause * (0.5 + this.environment.random() / 2));
  }

  private end(reason: StopReason): void {
    this.discardSocket();
    this.setState({ kind: 'stopped', reason });
  }

  private discardSocket(): void {
    this.clearTimers();
    const { socket } = this;
    this.socket = undefined;
    socket?.close();
    for (const topical of this.topics.values()) topical.held = null;
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const { reject } of waiting) reject(lost());
  }

  private watchSilence(): void {
    this.watch = this.environment.setTimeout(() => {
      if (this.isSilent()) this.drop(this.quietSince);
      else this.watchSilence();
    }, this.tickMs);
  }

  private isSilent(): boolean {
    return this.environment.now() - this.quietSince > SILENT_TICKS * this.tickMs;
  }

  private clearTimers(): void {
    for (const timer of [this.timer, this.watch]) if (timer !== undefined) this.environment.clearTimeout(timer);
    this.timer = undefined;
    this.watch = undefined;
  }
}

/** Tells the link what the browser knows: the network came back, the page is shown again. Answers how to stop. */
export function followBrowser(link: Link): () => void {
  const online = () => link.retryNow();
  const shown = () => {
    if (document.visibilityState !== 'visible') return;
    link.check();
    link.retryNow();
  };
  window.addEventListener('online', online);
  document.addEventListener('visibilitychange', shown);
  return () => {
    window.removeEventListener('online', online);
    document.removeEventListener('visibilitychange', shown);
  };
}
