/** Departments that a call may be put through to: searching them, and what a request then names. */
import type { CallWho, DirectoryEntry, DirectoryView, ErrorCode, WireError } from '../../generated/protocol';
import { RequestError } from '../link';

/** Throws `RequestError`; `signal` ends a search whose words were changed. */
export async function findDepartments(
  text: string,
  district: string,
  token: string,
  signal: AbortSignal,
): Promise<DirectoryView> {
  const wanted = new URLSearchParams({ q: text, ...(district ? { district } : {}) });
  let response: Response;
  try {
    response = await fetch(`/api/calls/directory?${wanted}`, {
      headers: { Authorization: `Bearer ${token}` },
      cache: 'no-store',
      signal,
    });
  } catch {
    throw new RequestError('lost', 'the directory was not reached', undefined, true);
  }
  if (response.ok) return (await response.json()) as DirectoryView;
  const body = (await response.json().catch(() => null)) as { error?: WireError } | null;
  const code: ErrorCode = body?.error?.code ?? 'internal';
  throw new RequestError(code, body?.error?.detail ?? '', body?.error?.field, false);
}

/** What a request names. */
export function whoOf({ target }: DirectoryEntry, district: string): CallWho {
  const where = district ? { district } : {};
  switch (target.kind) {
    case 'item':
      return { type: 'item', item: target.code, ...where };
    case 'department':
      return { type: 'department', department: target.code, ...where };
    case 'telephone':
      return { type: 'telephone', telephone: target.code };
  }
}

/** How many could be rung now: those on duty who are there, and telephones. */
export const reachable = (entry: DirectoryEntry): number =>
  entry.onDuty.filter((one) => one.isThere).length + entry.numbers.length;

/** A number that somebody typed: 5 to 20 digits, with blanks, `+` and `-` between them; else `null`. */
export function numberOf(text: string): string | null {
  const trimmed = text.trim();
  if (!/^[\d +-]+$/.test(trimmed)) return null;
  const digits = trimmed.replace(/\D/g, '').length;
  return digits >= 5 && digits <= 20 ? trimmed : null;
}

/** The next one to be looked at in a list of `count`, from `at` by `by`; -1 and both ends go round. */
export function stepIn(count: number, at: number, by: 1 | -1): number {
  if (count === 0) return -1;
  return at < 0 ? (by === 1 ? 0 : count - 1) : (at + by + count) % count;
}
