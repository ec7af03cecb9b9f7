/** How a kind of record is listed and edited. One small description per kind; the screens are the same. */
import type { AdminRecord, Body, Kind } from '../api';
import type { Action, ScreenName } from '../logic/access';
import type { Text } from '../text';

/** What codes stand for. */
export type CodeSource = 'unit' | 'district' | 'team' | 'item' | 'staff' | 'card';

interface Common {
  /** Name in the body. */
  key: string;
  label: Text;
  hint?: Text;
  isRequired?: boolean;
}

export type Control =
  | { control: 'text'; max: number }
  | { control: 'area'; max: number; rows: number }
  | { control: 'number'; min: number; max: number; suffix: Text; /** Null is allowed, and means this. */ empty?: Text }
  | {
      control: 'choice';
      choices: readonly { value: string; label: Text }[];
      /** Null is allowed, and means this. */ empty?: Text;
    }
  | { control: 'switch'; caption: Text }
  | { control: 'instant'; empty?: Text }
  | { control: 'date'; empty?: Text }
  | { control: 'time' }
  | { control: 'weekdays' }
  | { control: 'code'; source: CodeSource; empty?: Text }
  | { control: 'codes'; source: CodeSource; empty: Text }
  | { control: 'tags'; max: number }
  | { control: 'pairs'; parts: readonly [Part, Part]; add: Text }
  | { control: 'grants' }
  | { control: 'levels' }
  | { control: 'steps' }
  | { control: 'questions' }
  | { control: 'periods' }
  | { control: 'hours'; /** The unit whose hours are inherited. */ above: (body: Body) => string | null };

/** One half of a pair. */
export interface Part {
  key: string;
  label: Text;
  /** A day instead of a text. */
  isDate?: boolean;
}

export type Field = Common & Control;

/** Fields under a heading of their own. */
export interface Group {
  title: Text;
  fields: readonly Field[];
}

/** What a list needs to name codes. */
export interface Names {
  unit(code: string | null): string | null;
  team(code: string): string;
  item(code: string): string;
  staff(id: string): string;
  now: number;
}

export interface Column {
  key: string;
  label: Text;
  text: (record: AdminRecord, names: Names) => string;
  /** Shown as a mark with this look instead of plain text. */
  mark?: (record: AdminRecord, names: Names) => 'ok' | 'risk' | 'breach' | 'plain';
  isNumber?: boolean;
  /** Takes what width is left. */
  isWide?: boolean;
}

export interface Description {
  kind: Kind | 'staff';
  screen: ScreenName;
  /** Of the screen. */
  title: Text;
  /** What the screen is for, in a sentence. */
  about: Text;
  /** One of them, e.g. 公告. */
  one: Text;
  /** The right to change one. */
  action: Action;
  /** `typed`: people choose the code; else it is made, of the body where that is what makes it unique. */
  id: { typed: { label: Text; hint: Text } } | { made: (body: Body) => string };
  columns: readonly Column[];
  groups: readonly Group[];
  /** What a new one begins with. */
  fresh: (now: number) => Body;
  nameOf: (record: Pick<AdminRecord, 'id' | 'body'>) => string;
  /** The unit whose right is needed. */
  unitOf: (body: Body, teamUnit: (team: string) => string | null) => string | null;
  search: Text;
  empty: Text;
}

export const fieldsOf = (description: Description): Field[] => description.groups.flatMap((group) => [...group.fields]);

/** A code that nobody else makes: the time, and some chance for two in one moment. */
export const madeCode = (prefix: string): string =>
  `${prefix}-${Date.now().toString(36)}${Math.floor(Math.random() * 46_656)
    .toString(36)
    .padStart(3, '0')}`;
