/** Fields of the page: how they are named to a clerk, found again, and filled with a value that the citizen took over. */
import type { FieldKind } from '../generated/protocol';
import { kindOf, takesProposals } from '../shared/browse/kinds';

/** A field without a name of the page's own is called by its number in the recording. */
const NUMBERED = /^node:(\d+)$/;

/** Document and open shadow roots below it. */
function* roots(root: Document | ShadowRoot): Generator<Document | ShadowRoot> {
  yield root;
  for (const element of root.querySelectorAll('*')) {
    if (element.shadowRoot && !element.localName.startsWith('bangban-')) yield* roots(element.shadowRoot);
  }
}

export const isSeen = (element: Element): boolean => element.getClientRects().length > 0;

/** All elements of the page that fit, those in open shadow roots too. */
export function* allOf(selector: string): Generator<Element> {
  for (const root of roots(document)) yield* root.querySelectorAll(selector);
}

/** The element that a clerk calls so; `null`: it is not on this page. */
export function fieldOf(name: string, nodeOf: (id: number) => Node | null): Element | null {
  const number = NUMBERED.exec(name)?.[1];
  if (number) {
    const node = nodeOf(Number(number));
    return node instanceof Element && node.isConnected ? node : null;
  }
  const named = [...allOf(`[data-bb-field="${CSS.escape(name)}"]`)];
  return named.find(isSeen) ?? named[0] ?? null;
}

const CONTROLS = 'input,textarea,select,button';

/** Of a group that has a name the controls, of a control itself. */
function controlsOf(field: Element): Element[] {
  return field.matches(CONTROLS) ? [field] : [...field.querySelectorAll(CONTROLS)];
}

const kindOfElement = (element: Element): FieldKind | null =>
  kindOf(element.localName, (name) => element.getAttribute(name));

/** What the field is, the strictest of what stands in it; `null`: there is nothing to fill in. */
export function kindOfField(field: Element): FieldKind | null {
  const kinds = [field, ...controlsOf(field)].map(kindOfElement).filter((kind) => kind !== null);
  return kinds.find((kind) => !takesProposals(kind)) ?? kinds[0] ?? null;
}

const bare = (text: string | null | undefined): string => (text ?? '').replace(/[\s*＊:：]+/g, '');

function labelOf(control: Element): string {
  const labels = (control as HTMLInputElement).labels;
  return labels?.length
    ? [...labels].map((label) => label.textContent).join('')
    : (control.getAttribute('aria-label') ?? '');
}

/** What the field is called on the page. */
export function titleOf(field: Element): string {
  const control = controlsOf(field)[0] ?? field;
  const legend = field.closest('fieldset')?.querySelector('legend')?.textContent;
  const isOneOfMany = control instanceof HTMLInputElement && ['radio', 'checkbox'].includes(control.type);
  const said = isOneOfMany && legend ? legend : labelOf(control) || legend || field.getAttribute('aria-label');
  return (said ?? '').replace(/\s+/g, ' ').trim().slice(0, 60);
}

/** As if it had been typed: frameworks put their own `value` in front of the element's, and listen to these events. */
function write(control: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement, value: string): void {
  const { constructor } = control;
  Object.getOwnPropertyDescriptor(constructor.prototype, 'value')!.set!.call(control, value);
  control.dispatchEvent(new Event('input', { bubbles: true, composed: true }));
  control.dispatchEvent(new Event('change', { bubbles: true, composed: true }));
}

const isOff = (control: Element): boolean =>
  control.matches(':disabled') || (control as HTMLInputElement).readOnly === true;

/**
 * Puts a value into a field, as the citizen's own doing. Answers whether it stands there now: a list may not have it, a
 * date may be none, the page may have thrown it out again. What only the citizen touches is left alone.
 */
export function fill(field: Element, value: string): boolean {
  const kind = kindOfField(field);
  if (kind === null || !takesProposals(kind)) return false;
  const controls = controlsOf(field).filter((control) => !isOff(control));
  const [first] = controls;
  if (first instanceof HTMLSelectElement) {
    const option = [...first.options].find((one) => bare(one.text) === bare(value) || one.value === value);
    if (!option || option.disabled) return false;
    write(first, option.value);
    return first.value === option.value;
  }
  if (first instanceof HTMLInputElement && (first.type === 'radio' || first.type === 'checkbox')) {
    const wanted = controls.find(
      (one) => one instanceof HTMLInputElement && (bare(labelOf(one)) === bare(value) || one.value === value),
    ) as HTMLInputElement | undefined;
    if (!wanted) return false;
    if (!wanted.checked) wanted.click();
    return wanted.checked;
  }
  if (first instanceof HTMLInputElement || first instanceof HTMLTextAreaElement) {
    write(first, value);
    return first.value === value;
  }
  return false;
}
