/** The real binary on a data folder of its own: started, killed without warning, started again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const targetDir = process.env.CARGO_TARGET_DIR ?? join(homedir(), '.cache/bangban-target');
const binary = process.env.BANGBAN_BIN ?? join(targetDir, 'debug/bangban');

/** Configuration as environment variables without their prefix: `{ SLA__OFFER_SECONDS: '2' }`. */
export type Settings = Record<string, string>;

/** Where a server runs, if not beside the story: its address, and by which command it is started there. */
export interface Place {
  address: string;
  on: string[];
}

const PATIENCE_MS = 15_000;

export class Server {
  /** Holds the database; survives `kill9` and `restart`. */
  readonly dir = mkdtempSync(join(tmpdir(), 'bangban-story-'));
  private child: ChildProcess | undefined;
  private port = 0;
  private log = '';

  private constructor(
    private readonly settings: Settings,
    private readonly place: Place,
  ) {}

  static async start(settings: Settings, place: Place = { address: '127.0.0.1', on: [] }): Promise<Server> {
    const server = new Server(settings, place);
    await server.launch();
    return server;
  }

  /** `127.0.0.1:PORT`, the same after every restart. */
  get address(): string {
    return `${this.place.address}:${this.port}`;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  get database(): string {
    return join(this.dir, 'bangban.db');
  }

  /** What the server has written so far, for a failing story. */
  get output(): string {
    return this.log;
  }

  /** The portal's secret, by which a story can stand for a portal and sign its citizens. */
  get portalSecret(): string {
    return readFileSync(join(this.dir, 'portal.secret'), 'utf8').trim();
  }

  /** As a power cut: no goodbye to sockets, nothing flushed. */
  async kill9(): Promise<void> {
    await this.end('SIGKILL');
  }

  async restart(): Promise<void> {
    await this.launch();
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.dir, { recursive: true, force: true });
  }

  private async launch(): Promise<void> {
    const environment: NodeJS.ProcessEnv = {
      ...process.env,
      BANGBAN__HTTP__LISTEN: this.address,
      BANGBAN__DATA__DIR: this.dir,
    };
    const { history, ...keys } = this.settings;
    for (const [key, value] of Object.entries(keys)) environment[`BANGBAN__${key}`] = value;
    const [command, ...args] = [...this.place.on, binary, 'serve', '--demo', ...(history ? ['--history'] : [])];
    const child = spawn(command!, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    const address = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${binary} said no address:\n${this.log}`)), PATIENCE_MS);
      const fail = (why: string) => {
        clearTimeout(timer);
        reject(new Error(`${binary}: ${why}\n${this.log}`));
      };
      child.on('error', (error) => fail(error.message));
      child.on('exit', (code, signal) => fail(`ended with ${code ?? signal}`));
      const listen = (line: string) => {
        this.log += `${line}\n`;
        // The first line ends with the address: ws://127.0.0.1:PORT/ws
        const found = /ws:\/\/(\S+)\/ws/.exec(line)?.[1];
        if (found) {
          clearTimeout(timer);
          resolve(found);
        }
      };
      createInterface({ input: child.stdout }).on('line', listen);
      createInterface({ input: child.stderr }).on('line', (line) => (this.log += `${line}\n`));
    });
    this.port = Number(address.split(':').at(-1));
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }
}
