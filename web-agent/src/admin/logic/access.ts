/** What the grants of one who is logged in allow on this page. The server decides; this only hides what it would refuse. */
import { lineage } from './tree';

/** What roles allow, in the server's words (`domain::rights::Action`). */
export type Action =
  | 'serve'
  | 'read_conversations'
  | 'reveal'
  | 'watch'
  | 'manage_units'
  | 'manage_staff'
  | 'manage_roster'
  | 'manage_items'
  | 'manage_policies'
  | 'manage_notices'
  | 'block_visitors'
  | 'manage_retention'
  | 'handle_personal_data'
  | 'inspect'
  | 'read_tasks'
  | 'work_tasks'
  | 'manage_messages'
  | 'edit_knowledge'
  | 'review_knowledge'
  | 'read_audit'
  | 'read_administration';

/** One grant as the server understands it. */
export interface Right {
  /** Null: the whole city. */
  unit: string | null;
  /** Empty: all items. */
  items: string[];
  actions: Action[];
}

export type ScreenName =
  | 'units'
  | 'staff'
  | 'roster'
  | 'duty'
  | 'numbers'
  | 'staffing'
  | 'items'
  | 'knowledge'
  | 'policies'
  | 'queues'
  | 'calendar'
  | 'conversations'
  | 'quality'
  | 'tasks'
  | 'messages'
  | 'notices'
  | 'canned'
  | 'blocked'
  | 'retention'
  | 'people'
  | 'audit';

/** In the order of the navigation. `read`: any of these opens the screen; `change`: this one changes what is on it. */
export const screens: readonly { name: ScreenName; read: Action[]; change: Action | null }[] = [
  { name: 'units', read: ['read_administration'], change: 'manage_units' },
  { name: 'staff', read: ['read_administration'], change: 'manage_staff' },
  { name: 'roster', read: ['read_administration'], change: 'manage_roster' },
  { name: 'duty', read: ['read_administration', 'manage_roster'], change: 'manage_roster' },
  { name: 'numbers', read: ['read_administration'], change: 'manage_roster' },
  { name: 'staffing', read: ['manage_roster', 'watch'], change: null },
  { name: 'items', read: ['read_administration'], change: 'manage_items' },
  {
    name: 'knowledge',
    read: ['edit_knowledge', 'review_knowledge', 'read_administration'],
    change: 'edit_knowledge',
  },
  { name: 'policies', read: ['read_administration'], change: 'manage_policies' },
  { name: 'queues', read: ['read_administration'], change: 'manage_units' },
  { name: 'calendar', read: ['read_administration'], change: 'manage_units' },
  { name: 'conversations', read: ['read_conversations'], change: null },
  { name: 'quality', read: ['inspect', 'read_administration'], change: 'inspect' },
  { name: 'tasks', read: ['read_tasks'], change: 'work_tasks' },
  { name: 'messages', read: ['manage_messages'], change: 'manage_messages' },
  { name: 'notices', read: ['read_administration'], change: 'manage_notices' },
  { name: 'canned', read: ['read_administration'], change: 'manage_notices' },
  { name: 'blocked', read: ['block_visitors', 'read_administration'], change: 'block_visitors' },
  { name: 'retention', read: ['read_administration'], change: 'manage_retention' },
  { name: 'people', read: ['handle_personal_data'], change: 'handle_personal_data' },
  { name: 'audit', read: ['read_audit'], change: null },
];

/** Allowed somewhere, for whatever item? */
export const maySomewhere = (rights: readonly Right[], action: Action): boolean =>
  rights.some((right) => right.actions.includes(action));

/** Allowed for things of this unit (null: the city's) and, if it is about one, this item? */
export function mayAt(
  rights: readonly Right[],
  action: Action,
  unit: string | null,
  parents: ReadonlyMap<string, string | null>,
  item: string | null = null,
): boolean {
  const above = lineage(unit, parents);
  return rights.some(
    (right) =>
      right.actions.includes(action) &&
      (right.unit === null || above.includes(right.unit)) &&
      (right.items.length === 0 || (item !== null && right.items.includes(item))),
  );
}

export const visibleScreens = (rights: readonly Right[]): ScreenName[] =>
  screens.filter(({ read }) => read.some((action) => maySomewhere(rights, action))).map(({ name }) => name);
