import { describe, expect, it, vi } from 'vitest';
import { VoiceRecorder, type RecorderEnvironment } from './recorder';

/** A browser whose recorder writes what it is told. */
function browser({ types = ['audio/webm;codecs=opus'], refuse = '' } = {}) {
  let now = 1_000;
  const stopTrack = vi.fn();
  const used: (string | undefined)[] = [];
  class Recorder {
    static isTypeSupported = (type: string) => types.includes(type);
    state = 'inactive';
    mimeType: string;
    ondataavailable: ((event: { data: Blob }) => void) | null = null;
    onstop: (() => void) | null = null;
    constructor(_stream: unknown, options: { mimeType?: string }) {
      used.push(options.mimeType);
      this.mimeType = options.mimeType ?? 'audio/x-own';
    }
    start() {
      this.state = 'recording';
    }
    stop() {
      this.state = 'inactive';
      this.ondataavailable?.({ data: new Blob(['sound']) });
      this.onstop?.();
    }
  }
  const media = {
    getUserMedia: () =>
      refuse
        ? Promise.reject(Object.assign(new Error(refuse), { name: refuse }))
        : Promise.resolve({ getTracks: () => [{ stop: stopTrack }] }),
  };
  const environment = {
    media,
    Recorder,
    AudioContext: undefined,
    now: () => now,
  } as unknown as RecorderEnvironment;
  return { environment, stopTrack, used, pass: (ms: number) => (now += ms) };
}

describe('a recording', () => {
  it('has its bytes, its length and its type, and closes the microphone', async () => {
    const { environment, stopTrack, pass } = browser();
    const recorder = new VoiceRecorder(environment);
    expect(await recorder.start()).toBeNull();
    pass(2_500);
    expect(recorder.elapsed()).toBe(2_500);
    const recording = await recorder.stop();
    expect([recording?.durationMs, recording?.blob.size, recording?.blob.type]).toEqual([2_500, 5, 'audio/webm']);
    expect(stopTrack).toHaveBeenCalledTimes(1);
    expect(await recorder.stop()).toBeNull();
  });

  it('is made as the browser can', async () => {
    for (const [types, used] of [
      [['audio/mp4'], 'audio/mp4'],
      [['audio/mp4', 'audio/ogg;codecs=opus'], 'audio/ogg;codecs=opus'],
      [[], undefined],
    ] as const) {
      const made = browser({ types: [...types] });
      await new VoiceRecorder(made.environment).start();
      expect(made.used).toEqual([used]);
    }
  });

  it('that is cancelled closes the microphone, also if the permission comes later', async () => {
    const { environment, stopTrack } = browser();
    const recorder = new VoiceRecorder(environment);
    const started = recorder.start();
    recorder.cancel();
    expect(await started).toBe('failed');
    expect(stopTrack).toHaveBeenCalledTimes(1);
  });

  it('says what stands in the way', async () => {
    for (const [name, problem] of [
      ['NotAllowedError', 'denied'],
      ['SecurityError', 'denied'],
      ['NotFoundError', 'no_microphone'],
      ['NotReadableError', 'failed'],
    ] as const) {
      expect(await new VoiceRecorder(browser({ refuse: name }).environment).start()).toBe(problem);
    }
    const { environment } = browser();
    expect(await new VoiceRecorder({ ...environment, media: undefined }).start()).toBe('unsupported');
    expect(await new VoiceRecorder({ ...environment, Recorder: undefined }).start()).toBe('unsupported');
  });
});
