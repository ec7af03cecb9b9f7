/** A bad network on loopback: every byte passes, is delayed, stalls in one direction, or the line is cut. */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

/** `up`: from the browser to the server; `down`: the other way. */
export type Direction = 'up' | 'down';

class Line {
  private readonly waiting: { bytes: Buffer; at: number }[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    from: Socket,
    private readonly to: Socket,
    private readonly direction: Direction,
    private readonly proxy: FaultProxy,
  ) {
    from.on('data', (bytes: Buffer) => {
      this.waiting.push({ bytes, at: Date.now() + proxy.delayMs });
      this.pump();
    });
  }

  /** Passes on, in order, what is due. */
  pump(): void {
    clearTimeout(this.timer);
    while (!this.proxy.isStalled(this.direction)) {
      const next = this.waiting[0];
      if (!next || this.to.destroyed) return;
      const rest = next.at - Date.now();
      if (rest > 0) {
        this.timer = setTimeout(() => this.pump(), rest);
        return;
      }
      this.waiting.shift();
      this.to.write(next.bytes);
    }
  }
}

export class FaultProxy {
  /** What every byte takes longer, each way. */
  delayMs = 0;
  private isCut: false | 'everything' | 'sockets' = false;
  private readonly stalled = new Set<Direction>();
  private readonly sockets = new Set<Socket>();
  private readonly lines = new Set<Line>();

  private constructor(
    private readonly listener: Server,
    /** `127.0.0.1:PORT` of the server behind. */
    private readonly target: string,
  ) {}

  static async start(target: string): Promise<FaultProxy> {
    const listener = createServer({ allowHalfOpen: false });
    const proxy = new FaultProxy(listener, target);
    listener.on('connection', (socket) => proxy.accept(socket));
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  isStalled(direction: Direction): boolean {
    return this.stalled.has(direction);
  }

  /** Nothing goes that way any more, and nobody is told. */
  stall(...directions: Direction[]): void {
    for (const direction of directions) this.stalled.add(direction);
  }

  /** Breaks every connection; new ones are refused until `pass`. `'sockets'`: pages still load, WebSockets do not open. */
  cut(what: 'everything' | 'sockets' = 'everything'): void {
    this.isCut = what;
    this.breakAll();
  }

  /** Breaks every connection once; new ones pass. */
  breakAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** A good network again; what was stalled arrives now. */
  pass(): void {
    this.isCut = false;
    this.delayMs = 0;
    this.stalled.clear();
    for (const line of this.lines) line.pump();
  }

  async stop(): Promise<void> {
    this.breakAll();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  private accept(browser: Socket): void {
    if (this.isCut === 'everything') {
      browser.destroy();
      return;
    }
    browser.once('data', (first: Buffer) => {
      if (this.isCut && first.toString('latin1').startsWith('GET /ws ')) browser.destroy();
    });
    const [host, port] = this.target.split(':') as [string, string];
    const server = connect(Number(port), host);
    const up = new Line(browser, server, 'up', this);
    const down = new Line(server, browser, 'down', this);
    for (const line of [up, down]) this.lines.add(line);
    for (const [socket, other] of [
      [browser, server],
      [server, browser],
    ] as const) {
      socket.setNoDelay(true);
      this.sockets.add(socket);
      // A broken line is this proxy's trade.
      socket.on('error', () => {});
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
        for (const line of [up, down]) this.lines.delete(line);
      });
    }
  }
}
