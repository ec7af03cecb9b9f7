/**
 * Which attributes of an element may be seen: a list of what is let through, with the form that its values have. All
 * others are dropped on every element, among them `value`, `placeholder`, `title`, `alt`, `aria-label`, `href`, `src`,
 * `name`, every `data-*` but our own, and every handler.
 */
import { cleanDeclarations } from './css';
import { hideNumbers, safeName } from './text';

const FLAG = /^(?:|true|until-found)$/;
const SIZE = /^\d{1,4}(?:\.\d{1,3})?(?:px|%|r?em)?$/;
const WORD = /^[a-z][a-z-]{0,24}$/i;
const STATE = /^(?:true|false|mixed|page|step|location|date|time|grammar|spelling)$/;
const PIXELS = /^\d{1,5}(?:\.\d+)?px$/;
const COLOUR = /^(?:#[0-9a-f]{3,8}|[a-z]{1,24}|(?:rgb|hsl)a?\([\d.,%\s/]{1,40}\)|url\(#[a-z][\w-]{0,40}\))$/i;
const SHAPE = /^[MLHVCSQTAZmlhvcsqtaz0-9eE.,\s+-]{0,1500}$/;
const TRANSFORM = /^[a-zA-Z0-9.,()\s+-]{0,200}$/;
/** A class name or an id, as frameworks make them too. */
const TOKEN = /^[\w:/.[\]%#()!&>~*+=,-]{1,80}$/;

type Rule = (value: string) => string | null;

const as =
  (form: RegExp): Rule =>
  (value) =>
    form.test(value) ? value : null;

/** Numbers one by one with commas between, so that none of them make a longer one together. */
const drawing: Rule = (value) =>
  SHAPE.test(value)
    ? (value.match(/[a-df-z]|[+-]?(?:\d*\.)?\d+(?:e[+-]?\d+)?/gi) ?? [])
        .map((part) => (/^[a-z]$/i.test(part) ? part : `${Math.round(Number(part) * 100) / 100},`))
        .join('')
        .replace(/,(?=[a-z]|$)/gi, '')
    : null;

const tokens: Rule = (value) =>
  value
    .split(/\s+/)
    .filter((token) => TOKEN.test(token) && hideNumbers(token) === token)
    .join(' ') || null;

const token: Rule = (value) => (TOKEN.test(value) && hideNumbers(value) === value ? value : null);

const rules = new Map<string, Rule>();
const rule = (names: string, check: Rule) => names.split(' ').forEach((name) => rules.set(name, check));

rule('class', tokens);
rule('id for', token);
rule('style', (value) => cleanDeclarations(value) || null);
rule('hidden disabled readonly required multiple open reversed nowrap inert', as(FLAG));
rule('width height colspan rowspan span rows cols size border cellpadding cellspacing start', as(SIZE));
rule('align valign dir role wrap', as(WORD));
rule('lang', as(/^[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,2}$/i));
rule('aria-hidden aria-expanded aria-invalid aria-disabled aria-required aria-current aria-modal aria-busy', as(STATE));
rule('data-bb-item data-bb-step data-bb-field data-bb-error data-bb-kind', safeName);
rule('viewbox d points', drawing);
rule('x y x1 x2 y1 y2 cx cy r rx ry dx dy offset', as(/^-?\d{1,4}(?:\.\d{1,4})?%?$/));
rule('stroke-width stroke-miterlimit stroke-dashoffset opacity fill-opacity stroke-opacity', as(/^[\d.]{1,8}(?:px)?$/));
rule('stroke-dasharray', as(/^[\d.,\s]{1,40}$/));
rule('fill stroke stop-color color', as(COLOUR));
rule('stroke-linecap stroke-linejoin fill-rule clip-rule text-anchor gradientunits', as(WORD));
rule('preserveaspectratio', as(/^[a-z\s]{1,24}$/i));
rule('transform gradienttransform', as(TRANSFORM));
rule('rr_width rr_height', as(PIXELS));
rule('rr_open_mode', as(/^(?:non-)?modal$/));

/** May it be seen at all, whatever its value? Its removal may. */
export const isShown = (name: string): boolean => rules.has(name.toLowerCase());

/** The value as it may be seen; `null`: not at all. */
export function shownValue(name: string, value: unknown): string | number | null {
  if (name === 'rr_scrollLeft' || name === 'rr_scrollTop')
    return typeof value === 'number' && Number.isFinite(value) ? Math.round(value) : null;
  const check = rules.get(name.toLowerCase());
  if (!check) return null;
  if (value === true) return check('');
  return typeof value === 'string' ? check(value) : typeof value === 'number' ? check(`${value}`) : null;
}
