/**
 * Two machines that do not exist, and a cable between them: network namespaces `hall` (server, relay, clerks) and `home` (a
 * citizen), with a firewall that a story opens and closes. Nothing of it reaches any other network: neither namespace has
 * a way out. Needs root, `ip` and `nft`.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser } from '@playwright/test';
import config from '../../playwright.config';

export type Machine = 'hall' | 'home';

const HALL = '10.231.7.1';
const HOME = '10.231.7.2';
/** coturn's own numbers. */
const TURN_PORT = 3478;
const TURNS_PORT = 5349;
const PATIENCE_MS = 15_000;

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** What the firewall lets through besides TCP to other ports. */
export interface Open {
  udp: boolean;
  turn: boolean;
  turns: boolean;
}

export class Ground {
  /** Address of the server and the relay. */
  readonly address = HALL;
  private readonly dir = mkdtempSync(join(tmpdir(), 'bangban-ground-'));
  private readonly browsers: Browser[] = [];
  private readonly children: ChildProcess[] = [];
  private readonly ends: (() => Promise<void>)[] = [];
  private open: Open = { udp: true, turn: true, turns: true };

  private constructor(private readonly name: string) {}

  /** Why there can be none here; `null`: there can. */
  static missing(): string | null {
    if (process.getuid?.() !== 0) return 'network namespaces need root';
    const probe = `bangban-probe-${process.pid}`;
    for (const tool of ['ip', 'ss', 'nft', 'openssl', 'turnserver']) {
      if (spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0) return `${tool} is missing`;
    }
    try {
      ip('netns', 'add', probe);
      ip('netns', 'exec', probe, 'nft', 'list', 'ruleset');
      return null;
    } catch (error) {
      return `network namespaces: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`;
    } finally {
      try {
        ip('netns', 'del', probe);
      } catch {
        // It was never there.
      }
    }
  }

  static make(): Ground {
    const ground = new Ground(`bangban-${process.pid}-${Date.now() % 100_000}`);
    const [hall, home] = [ground.space('hall'), ground.space('home')];
    for (const space of [hall, home]) ip('netns', 'add', space);
    ip('-n', hall, 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'cable', 'netns', home);
    ip('-n', hall, 'addr', 'add', `${HALL}/30`, 'dev', 'cable');
    ip('-n', home, 'addr', 'add', `${HOME}/30`, 'dev', 'cable');
    for (const space of [hall, home]) {
      ip('-n', space, 'link', 'set', 'lo', 'up');
      ip('-n', space, 'link', 'set', 'cable', 'up');
    }
    ground.let({});
    return ground;
  }

  /** By which a command is run on one of the machines. */
  on(machine: Machine): string[] {
    return ['ip', 'netns', 'exec', this.space(machine)];
  }

  /**
   * What passes from now on, as far as it is said. Dropped where it arrives, so that whoever sent it hears nothing of it.
   */
  let(open: Partial<Open>): void {
    this.open = { ...this.open, ...open };
    const { udp, turn, turns } = this.open;
    const rules = [
      ...(udp ? [] : ['iifname "cable" meta l4proto udp udp dport != 53 drop']),
      ...(turn ? [] : [`iifname "cable" tcp dport ${TURN_PORT} drop`]),
      ...(turns ? [] : [`iifname "cable" tcp dport ${TURNS_PORT} drop`]),
    ];
    const chain = ['type filter hook input priority 0;', ...rules].join('\n');
    const table = `table inet story {\nchain arrives {\n${chain}\n}\n}`;
    for (const machine of ['hall', 'home'] as const) {
      const [command, ...args] = [...this.on(machine), 'nft', '-f', '-'];
      execFileSync(command!, args, {
        input: `table inet story\ndelete table inet story\n${table}\n`,
        stdio: ['pipe', 'pipe', 'pipe'],
      });
    }
  }

  /** A browser on one of the machines, which takes the server there for a safe place and knows the relay's key. */
  async browser(machine: Machine, serverUrl: string, more: string[] = []): Promise<Browser> {
    const launch = config.use?.launchOptions;
    const script = join(this.dir, `chromium-${machine}`);
    const command = [...this.on(machine), launch?.executablePath ?? '/usr/bin/chromium'].join(' ');
    writeFileSync(script, `#!/bin/sh\nexec ${command} "$@"\n`);
    chmodSync(script, 0o755);
    const browser = await chromium.launch({
      ...launch,
      executablePath: script,
      args: [...(launch?.args ?? []), `--unsafely-treat-insecure-origin-as-secure=${serverUrl}`, ...more],
    });
    this.browsers.push(browser);
    return browser;
  }

  /** Starts a real coturn in the hall. Returns what the server has to be told of it, and its key's name for browsers. */
  async turn(): Promise<{ settings: Record<string, string>; browserArgs: string[] }> {
    const [certificate, key] = [join(this.dir, 'turn.pem'), join(this.dir, 'turn.key')];
    const secret = 'a secret of the stories';
    const subject = ['-subj', '/CN=relay', '-addext', `subjectAltName=IP:${HALL}`, '-days', '2'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const made = ['req', '-x509', ...curve, '-keyout', key, '-out', certificate, ...subject];
    execFileSync('openssl', made, { stdio: 'ignore' });
    const open = execFileSync('openssl', ['x509', '-in', certificate, '-pubkey', '-noout']);
    const der = execFileSync('openssl', ['pkey', '-pubin', '-outform', 'der'], { input: open });
    const spki = createHash('sha256').update(der).digest('base64');
    const options = [
      '-n',
      '--no-cli',
      '--no-dtls',
      '--no-multicast-peers',
      '--simple-log',
      '--log-file=stdout',
      '--use-auth-secret',
      `--static-auth-secret=${secret}`,
      '--realm=story',
      `--listening-ip=${HALL}`,
      `--relay-ip=${HALL}`,
      `--listening-port=${TURN_PORT}`,
      `--tls-listening-port=${TURNS_PORT}`,
      `--cert=${certificate}`,
      `--pkey=${key}`,
      `--pidfile=${join(this.dir, 'turn.pid')}`,
      `--userdb=${join(this.dir, 'turn.db')}`,
    ];
    const [command, ...args] = [...this.on('hall'), 'turnserver', ...options];
    const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.children.push(child);
    let log = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (log += bytes.toString()));
    const began = Date.now();
    // It does not say when it listens.
    while (![TURN_PORT, TURNS_PORT].every((port) => this.listening('hall').includes(`${HALL}:${port}`))) {
      if (child.exitCode !== null || Date.now() - began > PATIENCE_MS)
        throw new Error(`coturn does not listen:\n${log}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return {
      settings: {
        MEDIA__TURN_URLS: JSON.stringify([
          `turn:${HALL}:${TURN_PORT}?transport=tcp`,
          `turns:${HALL}:${TURNS_PORT}?transport=tcp`,
        ]),
        MEDIA__TURN_SECRET: secret,
      },
      browserArgs: [`--ignore-certificate-errors-spki-list=${spki}`],
    };
  }

  /** What else has to end with it, before the machines go. */
  later(end: () => Promise<void>): void {
    this.ends.push(end);
  }

  /** Everything ends that was started here. */
  async remove(): Promise<void> {
    for (const end of this.ends.reverse()) await end();
    for (const browser of this.browsers) await browser.close();
    for (const child of this.children) child.kill('SIGKILL');
    for (const machine of ['hall', 'home'] as const) ip('netns', 'del', this.space(machine));
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** The TCP ports of a machine that are open. */
  private listening(machine: Machine): string {
    const [command, ...args] = [...this.on(machine), 'ss', '-ltnH'];
    return execFileSync(command!, args).toString();
  }

  private space(machine: Machine): string {
    return `${this.name}-${machine}`;
  }
}
