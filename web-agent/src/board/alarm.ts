/** Two falling tones for a broken promise. Off until the supervisor turns it on: a browser allows no sound before. */

const KEY = 'bangban.board.sound';

export class Alarm {
  private context: AudioContext | undefined;

  /** What was chosen on this machine before. */
  static wasOn(storage: Storage = localStorage): boolean {
    try {
      return storage.getItem(KEY) === '1';
    } catch {
      return false;
    }
  }

  /** Called by a press: sounds once, so that the supervisor knows how it will sound and that it does. */
  turn(on: boolean, storage: Storage = localStorage): void {
    try {
      if (on) storage.setItem(KEY, '1');
      else storage.removeItem(KEY);
    } catch {
      // No storage: the choice lasts as long as the page.
    }
    if (on) this.sound();
  }

  sound(): void {
    this.context ??= new AudioContext();
    const { context } = this;
    // After a reload the browser may still wait for a press; it then stays silent instead of failing.
    void context.resume();
    for (const [delay, frequency] of [
      [0, 880],
      [0.25, 660],
    ] as const) {
      const begin = context.currentTime + delay;
      const tone = context.createOscillator();
      const volume = context.createGain();
      tone.frequency.value = frequency;
      volume.gain.setValueAtTime(0.0001, begin);
      volume.gain.exponentialRampToValueAtTime(0.25, begin + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, begin + 0.22);
      tone.connect(volume).connect(context.destination);
      tone.start(begin);
      tone.stop(begin + 0.24);
    }
  }
}
