/** Speech as a recogniser takes it: WAV, PCM of 16 bits, one channel, 16 kHz. */

export const SPEECH_RATE = 16_000;

/** Samples between -1 and 1 as WAV. */
export function encodeWav(samples: Float32Array, rate = SPEECH_RATE): ArrayBuffer {
  const bytes = new ArrayBuffer(44 + samples.length * 2);
  const view = new DataView(bytes);
  const text = (at: number, value: string) => {
    for (let n = 0; n < value.length; n += 1) view.setUint8(at + n, value.charCodeAt(n));
  };
  text(0, 'RIFF');
  view.setUint32(4, 36 + samples.length * 2, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, n) => {
    const level = Math.max(-1, Math.min(1, sample));
    view.setInt16(44 + n * 2, Math.round(level < 0 ? level * 0x8000 : level * 0x7fff), true);
  });
  return bytes;
}

/** What a browser has recorded, as WAV of at most so many seconds. */
export async function speechOf(recorded: Blob, mostSeconds: number): Promise<Blob> {
  const context = new AudioContext();
  try {
    const sound = await context.decodeAudioData(await recorded.arrayBuffer());
    const seconds = Math.min(sound.duration, mostSeconds);
    const target = new OfflineAudioContext(1, Math.max(1, Math.floor(seconds * SPEECH_RATE)), SPEECH_RATE);
    const source = target.createBufferSource();
    source.buffer = sound;
    source.connect(target.destination);
    source.start();
    const mono = await target.startRendering();
    return new Blob([encodeWav(mono.getChannelData(0))], { type: 'audio/wav' });
  } finally {
    void context.close();
  }
}
