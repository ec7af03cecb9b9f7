/** What talking to 小申 is at, apart from how it is shown. Pure. */

/** A press shorter than this is a tap: talking goes on until the next one. */
export const TAP_MS = 400;

/** What is too short to be speech. */
export const LEAST_MS = 500;

/** Louder is speech, softer is not; between them nothing is known. */
const LOUD = 0.08;
const SOFT = 0.04;

/** After so long without speech somebody is done, and after so long has said nothing. */
const PAUSE_MS = 1_800;
const NOTHING_MS = 8_000;

/** Finds out when somebody is done who holds no button. */
export class EndOfSpeech {
  private spokeAt: number | null = null;

  /** Looks at how loud it is; is it over? */
  isOver(level: number, elapsedMs: number): boolean {
    if (level >= LOUD || (this.spokeAt !== null && level > SOFT)) this.spokeAt = elapsedMs;
    return this.spokeAt === null ? elapsedMs >= NOTHING_MS : elapsedMs - this.spokeAt >= PAUSE_MS;
  }
}

/** Text that was there, with what was said after it. */
export const withSaid = (before: string, said: string): string =>
  before.trim() === '' ? said : `${before.trimEnd()} ${said}`;
