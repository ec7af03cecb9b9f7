/** Where in the form one is, as the page's own tags say (docs/cobrowse.md). */
import type { FormContext } from '../generated/protocol';
import { safeName } from '../shared/browse/text';
import { allOf, around, isSeen } from '../shared/browse/dom';

/** What has the focus, also in a shadow root. */
export function focused(): Element | null {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at;
}

const firstSeen = (selector: string): Element | null => [...allOf(document, selector)].find(isSeen) ?? null;

/** An error is there while its element is seen and has a code. */
const errorOf = (element: Element | null): string | null => safeName(element?.getAttribute('data-bb-error'));

function errorIn(field: Element | null): string | null {
  const own = field && [field, ...field.querySelectorAll('[data-bb-error]')].find((one) => isSeen(one) && errorOf(one));
  if (own) return errorOf(own);
  return errorOf([...allOf(document, '[data-bb-error]')].find((one) => isSeen(one) && errorOf(one)) ?? null);
}

export function formContext(): FormContext {
  const at = focused();
  const step = around(at, '[data-bb-step]') ?? firstSeen('[data-bb-step]');
  const item = around(step ?? at, '[data-bb-item]') ?? firstSeen('[data-bb-item]');
  const field = around(at, '[data-bb-field]');
  const context: FormContext = { step: safeName(step?.getAttribute('data-bb-step')) ?? '' };
  const names = {
    item: safeName(item?.getAttribute('data-bb-item')),
    field: safeName(field?.getAttribute('data-bb-field')),
    error: errorIn(field),
  };
  for (const [key, name] of Object.entries(names)) if (name) context[key as keyof typeof names] = name;
  return context;
}

/** Calls `changed` with every other place that one comes to, until the returned function is called. */
export function watchForm(changed: (context: FormContext) => void): () => void {
  let said = '';
  let timer = 0;
  const look = () => {
    timer = 0;
    const context = formContext();
    const text = JSON.stringify(context);
    if (text === said) return;
    said = text;
    changed(context);
  };
  // One change of a page comes in many parts.
  const soon = () => {
    timer ||= window.setTimeout(look, 200);
  };
  const observer = new MutationObserver(soon);
  observer.observe(document.documentElement, {
    subtree: true,
    childList: true,
    attributeFilter: ['hidden', 'class', 'style', 'data-bb-item', 'data-bb-step', 'data-bb-field', 'data-bb-error'],
  });
  document.addEventListener('focusin', soon);
  document.addEventListener('focusout', soon);
  look();
  return () => {
    window.clearTimeout(timer);
    observer.disconnect();
    document.removeEventListener('focusin', soon);
    document.removeEventListener('focusout', soon);
  };
}
