/**
 * The sounds of the console, made by WebAudio. A whole ring is scheduled at once on the audio clock, because timers of
 * hidden pages are slowed down and that is just when the ring is needed.
 */

/** A browser plays nothing before the first gesture; `none`: it cannot play at all. */
export type SoundState = 'blocked' | 'ready' | 'none';

interface Note {
  /** Seconds after the begin. */
  at: number;
  hertz: number;
  seconds: number;
}

const RING: readonly Note[] = [
  { at: 0, hertz: 784, seconds: 0.18 },
  { at: 0.2, hertz: 1047, seconds: 0.18 },
  { at: 0.4, hertz: 1319, seconds: 0.34 },
];
const RING_EVERY = 1.6;
const MESSAGE: readonly Note[] = [
  { at: 0, hertz: 988, seconds: 0.09 },
  { at: 0.11, hertz: 1319, seconds: 0.16 },
];

/** Falling, so that nobody takes it for a message. */
const LATE: readonly Note[] = [
  { at: 0, hertz: 659, seconds: 0.14 },
  { at: 0.16, hertz: 523, seconds: 0.14 },
  { at: 0.32, hertz: 659, seconds: 0.14 },
  { at: 0.48, hertz: 523, seconds: 0.22 },
];

export class Ringer {
  private context: AudioContext | undefined;
  private playing: GainNode | undefined;
  private level = 0.6;

  constructor(private readonly changed: (state: SoundState) => void) {}

  /** 0..1. */
  setVolume(level: number): void {
    this.level = level;
    if (this.playing) this.playing.gain.value = level;
  }

  /** Call it in a gesture of the person; afterwards sounds may be played. */
  async unlock(): Promise<void> {
    const context = this.open();
    if (!context) return;
    if (context.state === 'suspended') await context.resume();
    this.changed(this.state());
  }

  state(): SoundState {
    if (!this.open()) return 'none';
    return this.context?.state === 'running' ? 'ready' : 'blocked';
  }

  /** Rings again and again for `seconds`, until `stop`. */
  ring(seconds: number): void {
    this.stop();
    const times = Math.max(1, Math.floor(seconds / RING_EVERY));
    this.playing = this.play(Array.from({ length: times }, (_, round) => round * RING_EVERY).flatMap(shifted(RING)));
  }

  /** One soft sound for a new message. */
  message(): void {
    this.play(MESSAGE, 0.5);
  }

  /** An answer is late, or will be soon. */
  late(): void {
    this.play(LATE);
  }

  /** One ring, to try the volume. */
  sample(): void {
    this.play(RING);
  }

  /** Ends the ringing. */
  stop(): void {
    this.playing?.disconnect();
    this.playing = undefined;
  }

  private open(): AudioContext | undefined {
    if (!this.context && typeof AudioContext === 'function') {
      this.context = new AudioContext();
      this.context.onstatechange = () => this.changed(this.state());
    }
    return this.context;
  }

  private play(notes: readonly Note[], part = 1): GainNode | undefined {
    const context = this.open();
    if (context?.state !== 'running' || this.level === 0) return undefined;
    const out = context.createGain();
    out.gain.value = this.level * part;
    out.connect(context.destination);
    for (const { at, hertz, seconds } of notes) {
      const start = context.currentTime + 0.02 + at;
      const tone = context.createOscillator();
      const shape = context.createGain();
      tone.type = 'triangle';
      tone.frequency.value = hertz;
      // Without slopes a tone clicks.
      shape.gain.setValueAtTime(0.0001, start);
      shape.gain.exponentialRampToValueAtTime(1, start + 0.015);
      shape.gain.exponentialRampToValueAtTime(0.0001, start + seconds);
      tone.connect(shape).connect(out);
      tone.start(start);
      tone.stop(start + seconds + 0.02);
    }
    return out;
  }
}

const shifted = (notes: readonly Note[]) => (by: number) => notes.map((note) => ({ ...note, at: note.at + by }));
