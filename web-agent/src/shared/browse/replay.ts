/** What the clerk's pane and the page that shows a citizen's page (`replay.html`) tell each other. */
import type { FieldKind } from '../../generated/protocol';
import type { PageEvent } from './events';

/** Something on the citizen's page that a clerk can point at. */
export interface ShownField {
  /** As `highlight` and `propose` name it. */
  field: string;
  /** What it is called on the page. */
  label: string;
  /** `null`: nothing to fill in. */
  kind: FieldKind | null;
  isFilled: boolean;
}

export interface ToReplay {
  events?: readonly PageEvent[];
  /** With `events`: they begin with a whole picture of another page than before. */
  isWhole?: boolean;
  /** The field to mark; `null`: none. */
  mark?: string | null;
}

export interface FromReplay {
  ready?: true;
  /** What can be filled in, in the order of the page. */
  fields?: readonly ShownField[];
  /** The clerk pressed here. */
  picked?: ShownField;
}
