/** What stands on a shown page that a clerk can point at. */
import type { FieldKind } from '../generated/protocol';
import { kindOf, takesProposals } from '../shared/browse/kinds';
import type { ShownField } from '../shared/browse/replay';

const CONTROLS = 'input:not([type=hidden]),textarea,select,button';
/** What one points at when one presses something inside of it. */
const POINTED = `[data-bb-field],${CONTROLS},a,label,summary,legend,h1,h2,h3,h4,th,td,li,p`;

type Root = Document | ShadowRoot;

export function* roots(root: Root): Generator<Root> {
  yield root;
  for (const element of root.querySelectorAll('*')) if (element.shadowRoot) yield* roots(element.shadowRoot);
}

/** The element at a place, inside of shadow roots too. */
export function elementAt(page: Document, x: number, y: number): Element | null {
  let found = page.elementFromPoint(x, y);
  while (found?.shadowRoot) {
    const inside = found.shadowRoot.elementFromPoint(x, y);
    if (!inside || inside === found) break;
    found = inside;
  }
  return found;
}

/** The field, button or text around an element. */
export function pointedAt(element: Element): Element {
  const named = element.closest('[data-bb-field]');
  const label = element.closest('label');
  const control = label && ((label as HTMLLabelElement).control ?? label.querySelector(CONTROLS));
  return named ?? control?.closest('[data-bb-field]') ?? control ?? element.closest(POINTED) ?? element;
}

const trimmed = (text: string | null | undefined): string => (text ?? '').replace(/\s+/g, ' ').trim();

function labelOf(field: Element): string {
  const control = (field.matches(CONTROLS) ? field : (field.querySelector(CONTROLS) ?? field)) as HTMLInputElement;
  const isOneOfMany = control.matches('[type=radio],[type=checkbox]') && !field.matches(CONTROLS);
  const legend = trimmed(field.closest('fieldset')?.querySelector('legend')?.textContent);
  const labels = control.labels ? trimmed([...control.labels].map((one) => one.textContent).join(' ')) : '';
  const own = field.matches('input,select,textarea') ? '' : trimmed(field.textContent);
  return ((isOneOfMany && legend) || labels || legend || own).slice(0, 40);
}

function kindOfField(field: Element): FieldKind | null {
  const controls = [field, ...field.querySelectorAll(CONTROLS)];
  const kinds = controls
    .map((one) => kindOf(one.localName, (name) => one.getAttribute(name)))
    .filter((kind) => kind !== null);
  return kinds.find((kind) => !takesProposals(kind)) ?? kinds[0] ?? null;
}

function isFilled(field: Element): boolean {
  const controls = field.matches(CONTROLS) ? [field] : [...field.querySelectorAll(CONTROLS)];
  return controls.some(
    (one) => !one.matches('button,[type=radio],[type=checkbox]') && (one as HTMLInputElement).value !== '',
  );
}

export function shownField(field: Element, numberOf: (node: Node) => number): ShownField {
  return {
    field: field.getAttribute('data-bb-field') ?? `node:${numberOf(field)}`,
    label: labelOf(field),
    kind: kindOfField(field),
    isFilled: isFilled(field),
  };
}

/** Everything to fill in that is seen, in the order of the page; what the page names comes by that name only. */
export function shownFields(page: Document, numberOf: (node: Node) => number): ShownField[] {
  const found: ShownField[] = [];
  const seen = new Set<Element>();
  for (const root of roots(page)) {
    for (const element of root.querySelectorAll(`[data-bb-field],${CONTROLS}`)) {
      const field = element.closest('[data-bb-field]') ?? element;
      if (seen.has(field) || field.getClientRects().length === 0) continue;
      seen.add(field);
      const shown = shownField(field, numberOf);
      // Buttons can be pressed on the page; a list of what to fill in is longer without them.
      if (shown.kind !== null && (shown.kind !== 'submit' || field.hasAttribute('data-bb-field'))) found.push(shown);
    }
  }
  return found;
}

export function findField(page: Document, name: string, nodeOf: (id: number) => Node | null): Element | null {
  const number = /^node:(\d+)$/.exec(name)?.[1];
  if (number) {
    const node = nodeOf(Number(number));
    // Of the document that is shown, so not an instance of our own window's classes.
    return node?.nodeType === 1 ? (node as Element) : null;
  }
  for (const root of roots(page)) {
    const found = root.querySelector(`[data-bb-field="${CSS.escape(name)}"]`);
    if (found) return found;
  }
  return null;
}
