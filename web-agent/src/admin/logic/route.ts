/** Where one is: `#/units/team:residence`, `#/items/import`. Addresses can be kept and sent to colleagues. */
import { screens, type ScreenName } from './access';

export interface Route {
  screen: ScreenName | null;
  /** What comes after the screen, decoded. */
  rest: string[];
}

const names = new Set<string>(screens.map(({ name }) => name));
const isScreen = (name: string): name is ScreenName => names.has(name);

export function parseRoute(hash: string): Route {
  const parts = hash
    .replace(/^#?\/?/, '')
    .split('/')
    .filter(Boolean);
  const [first = '', ...rest] = parts.map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return isScreen(first) ? { screen: first, rest } : { screen: null, rest: [] };
}

export const routeText = (screen: ScreenName, ...rest: string[]): string =>
  `#/${[screen, ...rest].map(encodeURIComponent).join('/')}`;
