/** The tree of units and teams as lines on the screen. */
import type { AdminRecord, TeamBody, UnitBody } from '../api';

export interface Branch {
  kind: 'unit' | 'team';
  id: string;
  name: string;
  children: Branch[];
}

/** A visible line; levels begin at 1, as `aria-level` wants them. */
export interface Line {
  branch: Branch;
  level: number;
  parent: string | null;
  isOpen: boolean;
  /** Position among its brothers and their number, for `aria-posinset` and `aria-setsize`. */
  place: number;
  of: number;
}

export const keyOf = (branch: Pick<Branch, 'kind' | 'id'>): string => `${branch.kind}:${branch.id}`;

/** Units under their units, teams under theirs. What has no known place above it stands at the top. */
export function treeOf(units: readonly AdminRecord<UnitBody>[], teams: readonly AdminRecord<TeamBody>[]): Branch[] {
  const branches = new Map<string, Branch>();
  for (const unit of units) branches.set(unit.id, { kind: 'unit', id: unit.id, name: unit.body.name, children: [] });
  const top: Branch[] = [];
  const put = (branch: Branch, above: string | null) => {
    const parent = above === null ? undefined : branches.get(above);
    if (parent && parent !== branch) parent.children.push(branch);
    else top.push(branch);
  };
  for (const unit of units) put(branches.get(unit.id)!, unit.body.parent);
  for (const team of teams) put({ kind: 'team', id: team.id, name: team.body.name, children: [] }, team.body.unit);
  return top;
}

/** The branches that match, with everything above them. */
export function filtered(branches: readonly Branch[], text: string): Branch[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [...branches];
  return branches.flatMap((branch) => {
    const children = filtered(branch.children, wanted);
    const isIt = branch.name.toLowerCase().includes(wanted) || branch.id.toLowerCase().includes(wanted);
    return isIt || children.length > 0 ? [{ ...branch, children: isIt ? branch.children : children }] : [];
  });
}

/** What is visible while these are open. */
export function lines(branches: readonly Branch[], open: (key: string) => boolean): Line[] {
  const found: Line[] = [];
  const walk = (all: readonly Branch[], level: number, parent: string | null) => {
    for (const [at, branch] of all.entries()) {
      const key = keyOf(branch);
      const isOpen = branch.children.length > 0 && open(key);
      found.push({ branch, level, parent, isOpen, place: at + 1, of: all.length });
      if (isOpen) walk(branch.children, level + 1, key);
    }
  };
  walk(branches, 1, null);
  return found;
}

/** Codes of a unit and of all above it, nearest first; the rights of a grant hold from the unit down. */
export function lineage(unit: string | null, parents: ReadonlyMap<string, string | null>): string[] {
  const found: string[] = [];
  for (let at = unit; at !== null && !found.includes(at); at = parents.get(at) ?? null) found.push(at);
  return found;
}

/** May the unit be put there? Not under itself. */
export const mayMove = (unit: string, to: string | null, parents: ReadonlyMap<string, string | null>): boolean =>
  !lineage(to, parents).includes(unit);
