/** What a field is, by its attributes: for whom it is to fill in, and who may propose something for it. */
import type { FieldKind } from '../../generated/protocol';

/** Kinds that only the citizen ever touches (`FieldKind::takes_proposals` of the domain has the same list). */
const OWN: ReadonlySet<FieldKind> = new Set<FieldKind>(['secret', 'submit', 'sign', 'pay', 'face']);

const NAMED: ReadonlySet<string> = new Set<FieldKind>(['text', 'choice', 'secret', 'submit', 'sign', 'pay', 'face']);

/** Values of `autocomplete` that name a secret: passwords, one-time codes, cards. */
const SECRET = /(?:^|\s)(?:current-password|new-password|one-time-code|cc-[a-z-]+)(?:\s|$)/i;

const CHOSEN = new Set(['checkbox', 'radio', 'range', 'color']);
const PRESSED = new Set(['submit', 'image', 'button', 'reset']);

export const takesProposals = (kind: FieldKind): boolean => !OWN.has(kind);

/**
 * The kind of a form's control or of whatever names its kind; `null`: not a field. What a page says (`data-bb-kind`) may
 * make a field the citizen's own, never less so: a password stays one, whatever it is called.
 */
export function kindOf(tag: string, attribute: (name: string) => string | null | undefined): FieldKind | null {
  const own = byHtml(tag, attribute);
  const said = attribute('data-bb-kind')?.trim() ?? '';
  if (!NAMED.has(said)) return own;
  return own !== null && OWN.has(own) && takesProposals(said as FieldKind) ? own : (said as FieldKind);
}

function byHtml(tag: string, attribute: (name: string) => string | null | undefined): FieldKind | null {
  switch (tag) {
    case 'textarea':
      return 'text';
    case 'select':
      return 'choice';
    case 'button':
      return 'submit';
    case 'input': {
      const type = attribute('type')?.toLowerCase() ?? 'text';
      // The recorder marks a password that is shown in clear for a while.
      const isPassword = type === 'password' || attribute('data-rr-is-password') === 'true';
      if (isPassword || type === 'file' || SECRET.test(attribute('autocomplete') ?? '')) return 'secret';
      if (type === 'hidden') return null;
      if (PRESSED.has(type)) return 'submit';
      return CHOSEN.has(type) ? 'choice' : 'text';
    }
    default:
      return null;
  }
}
