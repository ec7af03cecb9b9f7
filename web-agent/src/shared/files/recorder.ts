/** Records a voice message. Framework-free; the browser's parts come in by `RecorderEnvironment`. */

/** Why there is no recording. */
export type RecorderProblem = 'unsupported' | 'denied' | 'no_microphone' | 'failed';

export interface Recording {
  blob: Blob;
  durationMs: number;
}

export interface RecorderEnvironment {
  media: MediaDevices | undefined;
  Recorder: typeof MediaRecorder | undefined;
  AudioContext: typeof AudioContext | undefined;
  now: () => number;
}

export const browserRecorder = (): RecorderEnvironment => ({
  // Absent on pages without TLS.
  media: navigator.mediaDevices as MediaDevices | undefined,
  Recorder: (globalThis as { MediaRecorder?: typeof MediaRecorder }).MediaRecorder,
  AudioContext: (globalThis as { AudioContext?: typeof AudioContext }).AudioContext,
  now: () => performance.now(),
});

/** What browsers write and the server takes; Safari writes MP4 only. */
const TYPES = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4'];

export const isSupported = (environment: RecorderEnvironment): boolean =>
  typeof environment.media?.getUserMedia === 'function' && typeof environment.Recorder === 'function';

const problemOf = (error: unknown): RecorderProblem => {
  const name = error instanceof Error ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  return name === 'NotFoundError' || name === 'OverconstrainedError' ? 'no_microphone' : 'failed';
};

/** One recording, from the question for the microphone to its bytes. */
export class VoiceRecorder {
  private recorder: MediaRecorder | undefined;
  private stream: MediaStream | undefined;
  private context: AudioContext | undefined;
  private analyser: AnalyserNode | undefined;
  private samples = new Uint8Array(0) as Uint8Array<ArrayBuffer>;
  private startedAt = 0;
  private isOver = false;

  constructor(private readonly environment: RecorderEnvironment) {}

  /** Asks for the microphone and begins. Answers what stands in the way. */
  async start(): Promise<RecorderProblem | null> {
    const { media, Recorder, AudioContext, now } = this.environment;
    if (!isSupported(this.environment) || !media || !Recorder) return 'unsupported';
    try {
      const stream = await media.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
      if (this.isOver) {
        for (const track of stream.getTracks()) track.stop();
        return 'failed';
      }
      this.stream = stream;
      const type = TYPES.find((one) => Recorder.isTypeSupported(one));
      this.recorder = new Recorder(stream, { audioBitsPerSecond: 32_000, ...(type ? { mimeType: type } : {}) });
      if (AudioContext) {
        this.context = new AudioContext();
        this.analyser = this.context.createAnalyser();
        // As long as the pause between two looks, so that nothing is missed.
        this.analyser.fftSize = 4_096;
        this.samples = new Uint8Array(this.analyser.fftSize);
        this.context.createMediaStreamSource(stream).connect(this.analyser);
      }
      this.recorder.start();
      this.startedAt = now();
      return null;
    } catch (error) {
      this.release();
      return problemOf(error);
    }
  }

  /** How long it runs, in ms. */
  elapsed(): number {
    return this.startedAt === 0 ? 0 : this.environment.now() - this.startedAt;
  }

  /** How loud it is now, 0 to 1. */
  level(): number {
    if (!this.analyser) return 0;
    this.analyser.getByteTimeDomainData(this.samples);
    let most = 0;
    for (const sample of this.samples) most = Math.max(most, Math.abs(sample - 128) / 128);
    return Math.min(1, most);
  }

  /** Ends it; `null` if nothing was recorded. */
  stop(): Promise<Recording | null> {
    const { recorder } = this;
    const durationMs = this.elapsed();
    if (!recorder || recorder.state === 'inactive') {
      this.release();
      return Promise.resolve(null);
    }
    return new Promise((resolve) => {
      const parts: Blob[] = [];
      recorder.ondataavailable = (event) => parts.push(event.data);
      recorder.onstop = () => {
        this.release();
        const blob = new Blob(parts, { type: recorder.mimeType.split(';')[0] });
        resolve(blob.size > 0 ? { blob, durationMs } : null);
      };
      recorder.stop();
    });
  }

  /** Throws it away. */
  cancel(): void {
    this.isOver = true;
    if (this.recorder && this.recorder.state !== 'inactive') this.recorder.stop();
    this.release();
  }

  /** The browser's sign that the microphone is open goes out. */
  private release(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = undefined;
    this.context?.close().catch(() => {});
    this.context = undefined;
    this.analyser = undefined;
  }
}
