/**
 * Real telephones (`baresip`, package baresip-core) on the trunk of a story's server: each says one tone in place of a voice and
 * writes down what it hears. Who hears whom is told by how loud the tones are, at telephones and in browsers by one measure.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test as base } from './fixtures';
import { BadLine } from './line';
import { freeAddress, freePort } from './ports';
import type { Settings } from './server';
import type { Page } from '@playwright/test';

/** Samples a second. */
const RATE = 8_000;
/** Heard, at least; not heard, at most: dB below the loudest sine (issue 9). */
const THERE = -15;
const NOT_THERE = -60;
/** A voice is a sine at -12 dBFS. */
export const VOICE = 0.251_19;
/** A voice is longer than any story. */
const VOICE_MS = 120_000;
/** After what has changed, until it is heard: jitter buffers on both sides, and what was on its way. */
const ON_ITS_WAY = (RATE * 2) / 5;
const PATIENCE_MS = 20_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A sine, or silence, as a WAV. */
function wav(hertz: number | null, milliseconds: number): Buffer {
  const samples = (RATE * milliseconds) / 1_000;
  const bytes = Buffer.alloc(44 + samples * 2);
  bytes.write('RIFF', 0, 'latin1');
  bytes.writeUInt32LE(36 + samples * 2, 4);
  bytes.write('WAVEfmt ', 8, 'latin1');
  bytes.writeUInt32LE(16, 16);
  // PCM, one channel.
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(RATE, 24);
  bytes.writeUInt32LE(RATE * 2, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36, 'latin1');
  bytes.writeUInt32LE(samples * 2, 40);
  for (let n = 0; hertz !== null && n < samples; n++) {
    bytes.writeInt16LE(Math.trunc(Math.sin((2 * Math.PI * hertz * n) / RATE) * 32_767 * VOICE), 44 + n * 2);
  }
  return bytes;
}

/**
 * How loud a tone is, in dB below the loudest sine: Goertzel's algorithm under a Hann window, so that other tones beside it do
 * not pass for it. `rate`: samples a second.
 */
export function level(samples: Int16Array, hertz: number, rate: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hertz) / rate);
  let one = 0;
  let two = 0;
  samples.forEach((sample, n) => {
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / samples.length);
    [one, two] = [(sample / 32_768) * window + coefficient * one - two, one];
  });
  const power = one * one + two * two - coefficient * one * two;
  // The window takes half of it.
  return 20 * Math.log10(Math.max((4 * Math.sqrt(Math.max(power, 0))) / samples.length, 1e-9));
}

/** Some sound, as it was heard. */
interface Heard {
  samples: Int16Array;
  rate: number;
}

/** Who can be heard by somebody, and how loud each tone was, in dBFS. */
export type Levels = Record<number, number>;

/**
 * Somebody hears these tones as loud as they are said, and of `all` none of the others. `listen`: what is heard from now on.
 * Gives the levels of the moment in which it was so.
 */
async function hearsExactly(
  what: string,
  listen: () => Promise<Heard>,
  tones: number[],
  all: number[],
): Promise<Levels> {
  let levels: Levels = {};
  await expect(async () => {
    const { samples, rate } = await listen();
    // A machine with too much to do leaves gaps in what is said: a part without one is enough. Nobody else is in any part.
    const part = Math.floor(samples.length / 8);
    const loudest = (hertz: number) =>
      Math.max(...Array.from({ length: 8 }, (_, n) => level(samples.subarray(n * part, (n + 1) * part), hertz, rate)));
    levels = Object.fromEntries(
      all.map((hertz) => [hertz, tones.includes(hertz) ? loudest(hertz) : level(samples, hertz, rate)]),
    );
    const isRight = all.every((hertz) =>
      tones.includes(hertz) ? levels[hertz]! >= THERE : levels[hertz]! <= NOT_THERE,
    );
    expect(isRight, `${what}: ${tones.join(', ') || 'nobody'} and nobody else; is ${JSON.stringify(levels)}`).toBe(
      true,
    );
  }).toPass({ timeout: PATIENCE_MS, intervals: [50] });
  return levels;
}

/** What a page plays in the next 0.7 s, at 48 kHz; silence where nothing is played. */
async function playedBy(page: Page): Promise<Heard> {
  const { rate, base64 } = await page.evaluate(async (ms) => {
    const player = document.querySelector<HTMLAudioElement>('audio[data-testid=call-voice]');
    if (!player?.srcObject) return { rate: 48_000, base64: '' };
    const context = new AudioContext({ sampleRate: 48_000 });
    await context.resume();
    const analyser = context.createAnalyser();
    analyser.fftSize = 32_768;
    context.createMediaStreamSource(player.srcObject as MediaStream).connect(analyser);
    // The analyser has the last 0.68 s: all of it is to be of now.
    await new Promise((resolve) => setTimeout(resolve, ms));
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    await context.close();
    const whole = Int16Array.from(samples, (sample) => Math.max(-1, Math.min(1, sample)) * 32_767);
    const bytes = new Uint8Array(whole.buffer);
    let text = '';
    for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
    return { rate: 48_000, base64: btoa(text) };
  }, 900);
  if (base64 === '') return { samples: new Int16Array(32_768), rate };
  return { samples: samplesOf(Buffer.from(base64, 'base64')), rate };
}

/** Little-endian samples, wherever the buffer begins in its memory. */
function samplesOf(bytes: Buffer): Int16Array {
  const whole = Int16Array.from({ length: Math.floor(bytes.length / 2) });
  for (let n = 0; n < whole.length; n++) whole[n] = bytes.readInt16LE(n * 2);
  return whole;
}

/** A page of a call hears these and of `all` nobody else. */
export const pageHears = (page: Page, what: string, tones: number[], all: number[]): Promise<Levels> =>
  hearsExactly(what, () => playedBy(page), tones, all);

const MODULES = ['g711.so', 'aufile.so', 'aubridge.so', 'sndfile.so', 'uuid.so'];

/** A telephone that takes every call and calls when it is told to. */
export class Telephone {
  private constructor(
    private readonly folder: string,
    private readonly child: ChildProcess,
    private readonly control: number,
    /** Where it takes calls by SIP, `127.0.0.1:PORT`. */
    readonly at: string,
  ) {}

  /** `number`: by which it calls and is called; `hertz`: what it says. */
  static async start(number: string, hertz: number): Promise<Telephone> {
    const folder = mkdtempSync(join(tmpdir(), 'bangban-telephone-'));
    const [port, control] = [await freePort(), await freePort()];
    mkdirSync(join(folder, 'rec'));
    writeFileSync(join(folder, 'voice.wav'), wav(hertz, VOICE_MS));
    writeFileSync(join(folder, 'contacts'), '');
    const account = `<sip:${number}@127.0.0.1:${port};transport=udp>;regint=0;answermode=auto;audio_codecs=PCMA/8000/1\n`;
    writeFileSync(join(folder, 'accounts'), account);
    const config = [
      'net_interface 127.0.0.1',
      'poll_method epoll',
      `sip_listen 127.0.0.1:${port}`,
      'call_local_timeout 120',
      'call_max_calls 4',
      'module_path /usr/lib/baresip/modules',
      ...MODULES.map((name) => `module ${name}`),
      'module_tmp account.so',
      'module_app menu.so',
      'module_app ctrl_tcp.so',
      `ctrl_tcp_listen 127.0.0.1:${control}`,
      // No sound device: a file speaks, and nobody listens but the file of what is heard.
      `audio_source aufile,${folder}/voice.wav`,
      'audio_player aubridge,sink',
      'audio_srate 8000',
      'audio_channels 1',
      'ausrc_srate 8000',
      'auplay_srate 8000',
      'ausrc_channels 1',
      'auplay_channels 1',
      'rtp_ports 26000-29998',
      `snd_path ${folder}/rec`,
    ];
    writeFileSync(join(folder, 'config'), `${config.join('\n')}\n`);
    const log = openSync(join(folder, 'log'), 'w');
    const child = spawn('baresip', ['-4', '-f', folder], { stdio: ['ignore', log, log] });
    const telephone = new Telephone(folder, child, control, `127.0.0.1:${port}`);
    let isMissing = false;
    child.on('error', () => (isMissing = true));
    await telephone.isUp(() => {
      if (isMissing) throw new Error('baresip is not installed (apt-get install baresip-core)');
      if (child.exitCode !== null) throw new Error(`baresip has ended: ${telephone.log}`);
    });
    return telephone;
  }

  /** What it has written, for a failing story. */
  get log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8');
  }

  /** Calls an address of SIP. */
  async dial(address: string): Promise<void> {
    await this.tell('dial', address);
  }

  async hangUp(): Promise<void> {
    await this.tell('hangup', '');
  }

  /** It hears these, and of `all` nobody else, for a whole second. */
  async hears(what: string, tones: number[], all: number[]): Promise<Levels> {
    return hearsExactly(what, () => this.nextSecond(), tones, all);
  }

  /** Ends it by its own process and forgets what it has heard. */
  stop(): void {
    this.child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A whole second of what it hears from now on. */
  private async nextSecond(): Promise<Heard> {
    const from = this.soFar().length + ON_ITS_WAY;
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const samples = this.soFar();
      if (samples.length >= from + RATE) return { samples: samples.subarray(from, from + RATE), rate: RATE };
      if (Date.now() > until) throw new Error(`nothing is heard: ${this.log}`);
      await pause(50);
    }
  }

  /** What it has heard in its last call; it writes sound as it comes. */
  private soFar(): Int16Array {
    const folder = join(this.folder, 'rec');
    const file = readdirSync(folder)
      .filter((name) => name.endsWith('dec.wav'))
      .sort()
      .at(-1);
    if (file === undefined) return new Int16Array();
    const bytes = readFileSync(join(folder, file));
    const data = bytes.indexOf('data', 0, 'latin1');
    return data < 0 ? new Int16Array() : samplesOf(bytes.subarray(data + 8));
  }

  private async isUp(stillRuns: () => void): Promise<void> {
    const tries = () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(this.control, '127.0.0.1');
        socket.on('connect', () => resolve(true));
        socket.on('error', () => resolve(false));
        socket.on('connect', () => socket.destroy());
      });
    const until = Date.now() + PATIENCE_MS;
    while (!(await tries())) {
      stillRuns();
      if (Date.now() > until) throw new Error(`baresip does not start: ${this.log}`);
      await pause(20);
    }
  }

  /** By its module ctrl_tcp: a netstring with JSON. */
  private async tell(command: string, params: string): Promise<void> {
    const json = JSON.stringify({ command, params, token: 't' });
    await new Promise<void>((resolve, reject) => {
      const socket = connect(this.control, '127.0.0.1', () => socket.write(`${json.length}:${json},`));
      socket.once('data', () => {
        socket.destroy();
        resolve();
      });
      socket.on('error', reject);
    });
  }
}

/** The city's telephones: one that calls, and one of a department, which is all that there is behind the trunk. */
export class City {
  private constructor(
    readonly caller: Telephone,
    readonly professional: Telephone,
    /** By which the department is reached, if it is a bad one. */
    private readonly line: BadLine | null,
    /** Where the server takes calls by SIP. */
    readonly sip: string,
    /** Recordings in place of the server's own. */
    private readonly prompts: string,
  ) {}

  /** `loses`: each so many-th packet of what the department says is lost; 0: none. */
  static async open(loses: number): Promise<City> {
    const prompts = mkdtempSync(join(tmpdir(), 'bangban-prompts-'));
    // Whole periods: the music goes round without a break.
    writeFileSync(join(prompts, 'music.wav'), wav(MUSIC, 2_000));
    for (const name of ['recorded', 'operator_comes', 'thanks', 'no_operators', 'nobody_reached', 'rate']) {
      writeFileSync(join(prompts, `${name}.wav`), wav(null, 100));
    }
    const caller = await Telephone.start(CALLERS_NUMBER, CALLER);
    const professional = await Telephone.start(DEPARTMENTS_NUMBER, PROFESSIONAL);
    const line = loses > 0 ? await BadLine.to(professional.at, loses) : null;
    return new City(caller, professional, line, await freeAddress(), prompts);
  }

  /** A server whose trunk leads here. */
  get settings(): Settings {
    return {
      CALLS__LISTEN: '127.0.0.1',
      CALLS__PROMPTS: this.prompts,
      MEDIA__LISTEN: '127.0.0.1:0',
      TELEPHONY__ENABLED: 'true',
      TELEPHONY__LISTEN: this.sip,
      TELEPHONY__NUMBER: '"12345"',
      TELEPHONY__TRUNKS: `[{name="city",address="${(this.line ?? this.professional).at}",sources=["127.0.0.1/32"]}]`,
      // All of it is on this machine.
      TELEPHONY__T1_MS: '100',
    };
  }

  close(): void {
    this.caller.stop();
    this.professional.stop();
    this.line?.close();
    rmSync(this.prompts, { recursive: true, force: true });
  }
}

/** What each says, and what is played to who waits. The same as in `src/server/tests/serving/telephone.rs`. */
export const CALLER = 440;
export const OPERATOR = 800;
export const PROFESSIONAL = 1_330;
export const MUSIC = 300;
export const VOICES = [CALLER, OPERATOR, PROFESSIONAL];
const CALLERS_NUMBER = '13800138000';
export const DEPARTMENTS_NUMBER = '02160009101';

/** Stories with telephones: the server's trunk leads to the city's. */
export const test = base.extend<{ loses: number; city: City }>({
  loses: [0, { option: true }],
  city: async ({ loses }, use) => {
    const city = await City.open(loses);
    await use(city);
    city.close();
  },
  settings: async ({ city }, use) => {
    await use(city.settings);
  },
});
