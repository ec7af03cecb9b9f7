/** Whom a transfer may go to. */
import type { ColleagueView } from '../../generated/protocol';

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
