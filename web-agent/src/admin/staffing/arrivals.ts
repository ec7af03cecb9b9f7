/** A file of arrivals as requests in each half hour of a day. */

export const HALF_HOURS = 48;

/** `09:30` of half hour 19. */
export const clockOf = (slot: number): string =>
  `${String(Math.floor(slot / 2)).padStart(2, '0')}:${slot % 2 === 0 ? '00' : '30'}`;

export interface Upload {
  /** Of a day, on average. */
  arrivals: number[];
  days: number;
}

/** `line`: from 1; the file's own numbering. */
export class WrongLine extends Error {
  constructor(readonly line: number) {
    super(`line ${line}`);
    this.name = 'WrongLine';
  }
}

/**
 * One request per line, its time first: `2026-11-23 09:12` (averaged over the days that occur), or `09:12` (one day); or a
 * half hour and how many came in it: `09:00,12`. A first line that is no time is a heading.
 */
export function readArrivals(text: string): Upload {
  const arrivals = Array.from({ length: HALF_HOURS }, () => 0);
  const days = new Set<string>();
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  lines.forEach((line, at) => {
    if (line.trim() === '') return;
    const [time = '', count = ''] = line.split(/[,;\t]/).map((part) => part.trim().replace(/^"|"$/g, ''));
    const match = /^(?:(\d{4}-\d\d-\d\d)[ T])?(\d{1,2}):(\d\d)(?::\d\d(?:\.\d+)?)?$/.exec(time);
    const [hour, minute] = [Number(match?.[2]), Number(match?.[3])];
    const many = match?.[1] || count === '' ? 1 : Number(count);
    if (!match || hour > 23 || minute > 59 || !Number.isFinite(many) || many < 0) {
      if (at === 0) return;
      throw new WrongLine(at + 1);
    }
    days.add(match[1] ?? '');
    const slot = hour * 2 + (minute >= 30 ? 1 : 0);
    arrivals[slot] = arrivals[slot]! + many;
  });
  if (days.size === 0) throw new WrongLine(1);
  return { arrivals: arrivals.map((count) => count / days.size), days: days.size };
}
