/** Which pages there are for a member of staff; what may be done there is decided by the server. */
import type { Grant, Identity, Role } from '../../generated/protocol';

export const rolesOf = (me: Identity): Role[] =>
  me.type === 'staff' ? me.grants.map((grant: Grant) => grant.role) : [];

const CONSOLE: Role[] = ['agent', 'professional', 'operator', 'supervisor'];
const OPERATOR: Role[] = ['operator', 'agent', 'supervisor'];

/** Answers citizens, is rung for them, or takes over from those who do. */
export const hasConsole = (me: Identity): boolean => rolesOf(me).some((role) => CONSOLE.includes(role));

/** Answers calls of 12345, or takes over from those who do. */
export const hasOperator = (me: Identity): boolean => rolesOf(me).some((role) => OPERATOR.includes(role));

/** Has a desk on which work arrives. */
export const hasDesk = (me: Identity): boolean => hasConsole(me) || hasOperator(me);

/**
 * May they act on what goes on in a unit, as far as grants tell? `units`: the unit and all above it; null: the city. The server
 * decides each time.
 */
export const mayIntervene = (me: Identity, units: readonly (string | null)[]): boolean =>
  me.type === 'staff' &&
  me.grants.some((grant) => grant.role === 'supervisor' && (grant.unit === null || units.includes(grant.unit)));

const BOARD: Role[] = ['supervisor', 'leader', 'auditor', 'admin'];
const ADMIN: Role[] = ['supervisor', 'editor', 'auditor', 'admin'];

export const hasBoard = (me: Identity): boolean => rolesOf(me).some((role) => BOARD.includes(role));
export const hasAdmin = (me: Identity): boolean => rolesOf(me).some((role) => ADMIN.includes(role));

/** Whoever watches sees figures of their units; an agent their own. */
export const hasFigures = (me: Identity): boolean => hasBoard(me) || hasConsole(me);

/** The boards that one may look at: `null` is the whole city's, else a unit's. */
export function boardsOf(me: Identity): (string | null)[] {
  if (me.type !== 'staff') return [];
  const units = me.grants.filter(({ role }) => BOARD.includes(role)).map(({ unit }) => unit);
  return units.includes(null) ? [null] : [...new Set(units)];
}

export const boardTopic = (unit: string | null): string => (unit === null ? 'board' : `board:${unit}`);
