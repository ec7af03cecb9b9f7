/** Two soft tones when somebody comes or writes. Silent until the browser has seen a click or key (its autoplay rule). */

let audio: AudioContext | null = null;

function tone(context: AudioContext, frequency: number, start: number): void {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.type = 'sine';
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0.0001, start);
  gain.gain.exponentialRampToValueAtTime(0.16, start + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0001, start + 0.35);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(start + 0.4);
}

/** `joined`: rising, twice, for somebody who has come; `message`: one falling pair. */
export function chime(kind: 'joined' | 'message'): void {
  if (!navigator.userActivation?.hasBeenActive && navigator.userActivation) return;
  try {
    audio ??= new AudioContext();
    void audio.resume();
    const begin = audio.currentTime + 0.02;
    const notes = kind === 'joined' ? [659, 880, 659, 880] : [784, 587];
    notes.forEach((frequency, index) => tone(audio!, frequency, begin + index * 0.16));
  } catch {
    // No sound device: the title and the badge tell as well.
  }
}
