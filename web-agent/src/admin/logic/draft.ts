/** A form's state beside the server's: what was changed, and what to do if somebody else was faster. */
import type { Body } from '../api';
import { copyOf, isSame } from './diff';

/** A field in which both sides, or only one, changed something since `base`. */
export interface Clash {
  field: string;
  theirs: unknown;
  mine: unknown;
  /** Did I touch it at all? If not, theirs is the natural choice. */
  isMine: boolean;
}

export type Side = 'theirs' | 'mine';

/** Fields that differ between what I would save and what is there now. */
export function clashes(base: Body, theirs: Body, mine: Body): Clash[] {
  const fields = [...new Set([...Object.keys(theirs), ...Object.keys(mine)])];
  return fields
    .filter((field) => !isSame(theirs[field], mine[field]))
    .map((field) => ({
      field,
      theirs: theirs[field],
      mine: mine[field],
      isMine: !isSame(base[field], mine[field]),
    }));
}

/** What each clash is decided as before anybody chooses: whoever changed it wins, and I where both did. */
export const firstChoice = (found: readonly Clash[]): Record<string, Side> =>
  Object.fromEntries(found.map((clash) => [clash.field, clash.isMine ? 'mine' : 'theirs']));

/** Theirs, with my side of the fields that were decided so. */
export function merged(theirs: Body, mine: Body, choice: Record<string, Side>): Body {
  const result = copyOf(theirs);
  for (const [field, side] of Object.entries(choice)) {
    if (side === 'theirs') continue;
    if (mine[field] === undefined) delete result[field];
    else result[field] = copyOf(mine[field]);
  }
  return result;
}

/**
 * The form's field that a server's refusal is about: `body.hours.periods[1]` belongs to `hours`. `id` is the code; null:
 * it is not about a field of the form.
 */
export function formField(serverField: string | null, fields: readonly string[]): string | null {
  if (!serverField) return null;
  const path = serverField.replace(/^body\./, '');
  const first = /^[^.[]+/.exec(path)?.[0];
  return first !== undefined && (fields.includes(first) || first === 'id') ? first : null;
}
