/**
 * Looking for fields in a document and in the open shadow roots below it: in the citizen's own page, and in the one that
 * is shown to a clerk. The latter belongs to another window, so nothing here asks for instances of our own classes.
 */
import type { FieldKind } from '../../generated/protocol';
import { kindOf, takesProposals } from './kinds';

export type Root = Document | ShadowRoot;

/** What one fills in or presses. */
export const CONTROLS = 'input:not([type=hidden]),textarea,select,button';

/** The document or shadow root and all open ones below it; not those of our own elements. */
export function* roots(root: Root): Generator<Root> {
  yield root;
  for (const element of root.querySelectorAll('*')) {
    if (element.shadowRoot && !element.localName.startsWith('bangban-')) yield* roots(element.shadowRoot);
  }
}

export const isSeen = (element: Element): boolean => element.getClientRects().length > 0;

/** All elements that fit, those in open shadow roots too. */
export function* allOf(root: Root, selector: string): Generator<Element> {
  for (const one of roots(root)) yield* one.querySelectorAll(selector);
}

/** The nearest element around `from` that fits, also beyond the edge of a shadow root. */
export function around(from: Element | null, selector: string): Element | null {
  for (let at = from; at;) {
    const found = at.closest(selector);
    if (found) return found;
    const root = at.getRootNode() as Partial<ShadowRoot>;
    at = root.host ?? null;
  }
  return null;
}

/** Of a group that has a name the controls in it, of a control itself. */
export function controlsOf(field: Element): Element[] {
  if (field.matches(CONTROLS)) return [field];
  const inside = field.shadowRoot ? [...allOf(field.shadowRoot, CONTROLS)] : [];
  for (const element of field.querySelectorAll('*')) {
    if (element.matches(CONTROLS)) inside.push(element);
    else if (element.shadowRoot) inside.push(...allOf(element.shadowRoot, CONTROLS));
  }
  return inside;
}

const trimmed = (text: string | null | undefined): string => (text ?? '').replace(/\s+/g, ' ').trim();

/** What stands beside a control. */
export function labelOf(control: Element): string {
  const { labels } = control as HTMLInputElement;
  const said = labels ? [...labels].map((label) => label.textContent).join(' ') : '';
  return trimmed(said) || trimmed(control.getAttribute('aria-label'));
}

/** What a field is called on the page. */
export function titleOf(field: Element): string {
  const [control] = controlsOf(field);
  const legend = trimmed(around(control ?? field, 'fieldset')?.querySelector('legend')?.textContent);
  const isOneOfMany = control?.matches('[type=radio],[type=checkbox]') && control !== field;
  const own = field.matches('input,select,textarea') ? '' : trimmed(field.textContent);
  return ((isOneOfMany && legend) || (control && labelOf(control)) || legend || own).slice(0, 40);
}

/** What a field is: the strictest of all that stands in it; `null`: there is nothing to fill in. */
export function kindOfField(field: Element): FieldKind | null {
  const kinds = [field, ...controlsOf(field)]
    .map((one) => kindOf(one.localName, (name) => one.getAttribute(name)))
    .filter((kind) => kind !== null);
  return kinds.find((kind) => !takesProposals(kind)) ?? kinds[0] ?? null;
}

/** A field without a name of the page's own is called by its number in the recording. */
const NUMBERED = /^node:(\d+)$/;

/** The element of a field; `null`: it is not on this page. */
export function findField(page: Document, name: string, nodeOf: (id: number) => Node | null): Element | null {
  const number = NUMBERED.exec(name)?.[1];
  if (number) {
    const node = nodeOf(Number(number));
    return node?.nodeType === 1 && node.isConnected ? (node as Element) : null;
  }
  const named = [...allOf(page, `[data-bb-field="${CSS.escape(name)}"]`)];
  return named.find(isSeen) ?? named[0] ?? null;
}

export const nameOf = (field: Element, numberOf: (node: Node) => number): string =>
  field.getAttribute('data-bb-field') ?? `node:${numberOf(field)}`;
