/** The title of the browser's tab: the one thing that is seen when another window is in front. */

export interface TitleFacts {
  base: string;
  /** Text of the open offer; null: none. */
  offer: string | null;
  /** Conversations that are owed a first response. */
  owed: number;
  unread: number;
  isLost: boolean;
  /** Changes every second, for the flashing. */
  second: number;
}

export function titleText({ base, offer, owed, unread, isLost, second }: TitleFacts): string {
  if (offer !== null) return second % 2 === 0 ? `🔔 ${offer}` : `▶ ${offer}`;
  if (isLost) return `■ ${base}`;
  const count = unread > 0 ? `(${unread > 99 ? '99+' : unread}) ` : '';
  return `${owed > 0 ? '▲ ' : ''}${count}${base}`;
}
