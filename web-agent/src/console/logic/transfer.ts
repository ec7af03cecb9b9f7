/** Whom a transfer may go to. */
import type { ColleagueView, TeamView } from '../../generated/protocol';

/** The desk names at most so many colleagues; with more, the others have to be searched for. */
export const NAMED = 20;

const rank = (one: ColleagueView): number => (one.isFree ? 0 : one.status === 'online' ? 1 : 2);

/** Colleagues whose name or team contains `filter`; the free ones first, those who cannot be asked last. */
export function colleaguesFor(colleagues: readonly ColleagueView[], filter: string): ColleagueView[] {
  const wanted = filter.trim().toLowerCase();
  const matches = ({ name, teamNames }: ColleagueView) =>
    !wanted || [name, ...teamNames].some((text) => text.toLowerCase().includes(wanted));
  return colleagues
    .filter(matches)
    .sort((one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name, 'zh-CN'));
}

/** What the server is to be asked for `filter`: part of a name, and each team whose name has it. */
export function questionsFor(filter: string, teams: readonly TeamView[]): { query: string; team?: string }[] {
  const wanted = filter.trim().toLowerCase();
  const named = teams.filter(({ name }) => name.toLowerCase().includes(wanted));
  return [{ query: filter.trim() }, ...named.map(({ code }) => ({ query: '', team: code }))];
}

/** Those found and those named by the desk, each once; the desk is always up to date. */
export function merged(found: readonly ColleagueView[], named: readonly ColleagueView[]): ColleagueView[] {
  return [...new Map([...found, ...named].map((one) => [one.id, one])).values()];
}
