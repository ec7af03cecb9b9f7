/** The file of a year's days, as `bangban calendar import` reads it too. */
export interface NamedDay {
  date: string;
  name: string;
}

export interface YearDays {
  year: string;
  daysOff: NamedDay[];
  workDays: NamedDay[];
}

function days(list: unknown): NamedDay[] | null {
  if (!Array.isArray(list)) return null;
  const read = (list as unknown[]).map((one) => {
    const { date, name = '' } = (typeof one === 'object' && one !== null ? one : {}) as Record<string, unknown>;
    return typeof date === 'string' && typeof name === 'string' ? { date, name } : null;
  });
  return read.includes(null) ? null : (read as NamedDay[]);
}

/** The years of the file, in order; null: it is not such a file. Whether the days are right, the server says. */
export function parseCalendarFile(text: string): YearDays[] | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const years = (json as { years?: unknown } | null)?.years;
  if (typeof years !== 'object' || years === null) return null;
  const read = Object.entries(years as Record<string, { days_off?: unknown; work_days?: unknown } | null>).map(
    ([year, lists]) => {
      const [daysOff, workDays] = [days(lists?.days_off), days(lists?.work_days)];
      return daysOff && workDays ? { year, daysOff, workDays } : null;
    },
  );
  if (read.length === 0 || read.includes(null)) return null;
  return (read as YearDays[]).sort((a, b) => a.year.localeCompare(b.year));
}
