/** What stands on a shown page that a clerk can point at. */
import { CONTROLS, allOf, around, controlsOf, isSeen, kindOfField, nameOf, titleOf } from '../shared/browse/dom';
import type { ShownField } from '../shared/browse/replay';

/** What one points at when one presses something inside of it. */
const POINTED = `${CONTROLS},a,label,summary,legend,h1,h2,h3,h4,th,td,li,p`;

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
  const label = element.closest('label');
  const control = label && (label.control ?? label.querySelector(CONTROLS));
  return around(element, '[data-bb-field]') ?? control ?? element.closest(POINTED) ?? element;
}

const isFilled = (field: Element): boolean =>
  controlsOf(field).some(
    (one) => !one.matches('button,[type=radio],[type=checkbox]') && (one as HTMLInputElement).value !== '',
  );

export const shownField = (field: Element, numberOf: (node: Node) => number): ShownField => ({
  field: nameOf(field, numberOf),
  label: titleOf(field),
  kind: kindOfField(field),
  isFilled: isFilled(field),
});

/** Everything to fill in that is seen, in the order of the page; what the page names comes once, by that name. */
export function shownFields(page: Document, numberOf: (node: Node) => number): ShownField[] {
  const found: ShownField[] = [];
  const seen = new Set<Element>();
  for (const element of allOf(page, `[data-bb-field],${CONTROLS}`)) {
    const field = around(element, '[data-bb-field]') ?? element;
    if (seen.has(field) || !isSeen(element)) continue;
    seen.add(field);
    const shown = shownField(field, numberOf);
    // Buttons can be pressed on the page; a list of what to fill in is longer without them.
    if (shown.kind !== null && (shown.kind !== 'submit' || field.hasAttribute('data-bb-field'))) found.push(shown);
  }
  return found;
}
