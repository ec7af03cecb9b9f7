/** How the first-response clock (DOMAIN rule 1) looks at an instant. The server's steps decide; between them we count. */
import type { ClockView, Timestamp } from '../generated/protocol';

/** `met`: answered in time; `late`: answered after the promise; the others: not answered yet. */
export type SlaState = 'ok' | 'at_risk' | 'breached' | 'met' | 'late';

/** Always shown together with a word and a colour. */
export const slaGlyph: Record<SlaState, string> = { ok: '●', at_risk: '▲', breached: '■', met: '✓', late: '✗' };

export function slaState(clock: ClockView, now: Timestamp): SlaState {
  if (clock.answeredAt !== null) return clock.answeredAt <= clock.dueAt ? 'met' : 'late';
  if (clock.step === 'breached' || now >= clock.dueAt) return 'breached';
  // Half of the allowance is gone: 30 s by default, when the server warns too.
  return clock.step !== 'running' || now - clock.askedAt >= (clock.dueAt - clock.askedAt) / 2 ? 'at_risk' : 'ok';
}

/** Time left until the promise ends, negative once it is broken; how long the answer took, once there is one. */
export function slaMs(clock: ClockView, now: Timestamp): number {
  return clock.answeredAt === null ? clock.dueAt - now : clock.answeredAt - clock.askedAt;
}

/** `00:37`, `-00:14`, `1:02:03`. A time left rounds up, so that 00:00 is shown only when it is over. */
export function clockText(ms: number): string {
  const seconds = ms > 0 ? Math.ceil(ms / 1000) : Math.floor(-ms / 1000);
  const hours = Math.floor(seconds / 3600);
  const two = (n: number) => String(n).padStart(2, '0');
  const text = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${ms < 0 && seconds > 0 ? '-' : ''}${hours > 0 ? `${hours}:${text}` : text}`;
}
