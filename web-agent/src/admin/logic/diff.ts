/** What differs between two states of something, leaf by leaf. */

/** One place that differs. `undefined`: not there. */
export interface Difference {
  /** From the outside in, e.g. `hours.periods`. */
  path: string;
  before: unknown;
  after: unknown;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Same content? Keys in whatever order; lists in the same one. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, at) => isSame(one, b[at]));
  if (!isPlain(a) || !isPlain(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => isSame(a[key], b[key]));
}

/** Lists are compared whole: a moved line is one change, not many. */
export function differences(before: unknown, after: unknown, path = ''): Difference[] {
  if (isSame(before, after)) return [];
  const isInside = isPlain(before) && isPlain(after);
  // Of something that came or went as a whole every part is told, at the outermost level only.
  const isWhole = path === '' && (isPlain(before) || isPlain(after));
  if (!isInside && !isWhole) return [{ path, before, after }];
  const [from, to] = [isPlain(before) ? before : {}, isPlain(after) ? after : {}];
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return keys.flatMap((key) => differences(from[key], to[key], path ? `${path}.${key}` : key));
}

/** A copy without ties to the original. What is administered is JSON. */
export const copyOf = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
