/** Fills a field of the page with a value that the citizen took over. */
import { takesProposals } from '../shared/browse/kinds';
import { controlsOf, kindOfField, labelOf } from '../shared/browse/dom';

const bare = (text: string): string => text.replace(/[\s*＊:：]+/g, '');

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
      (one): one is HTMLInputElement =>
        one instanceof HTMLInputElement && (bare(labelOf(one)) === bare(value) || one.value === value),
    );
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
