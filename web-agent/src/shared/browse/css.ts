/**
 * Style sheets without what they could tell: texts (`content`), addresses (`url()`), values of attributes in selectors,
 * comments. What is left is what a page looks like. The replay loads nothing, so addresses would be of no use there.
 *
 * A scanner, not a parser: it looks at strings, comments, brackets and `url(` and lets everything else pass.
 */

/** Attributes whose values in selectors are words of HTML. */
const SELECTED = /^(?:type|role|dir|lang|class|hidden|open|disabled|readonly|required|aria-[a-z]+)$/i;
/** At-rules that load or name something. */
const DROPPED_RULE = /^@(?:import|charset|namespace)\b/i;

/** Numbers without needless places; none as long as somebody's number. */
function shortNumbers(text: string): string {
  return text.replace(/(\.\d{3})\d+/g, '$1').replace(/\d{11,}/g, '0');
}

/** Index behind the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  const quote = text[at];
  let end = at + 1;
  while (end < text.length && text[end] !== quote && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1;
  return Math.min(end + 1, text.length);
}

/** Index behind the `)` or `]` that closes what was opened before `at`. */
function endOfBracket(text: string, at: number, close: string): number {
  let end = at;
  while (end < text.length && text[end] !== close) {
    const sign = text[end];
    if (sign === '"' || sign === "'") end = endOfString(text, end);
    else end += sign === '\\' ? 2 : 1;
  }
  return Math.min(end + 1, text.length);
}

/** What may stay of `[...]`: a selector by an attribute of HTML, names of lines of a grid. */
function bracket(inside: string): string {
  if (/^[\s\w-]*$/.test(inside)) return `[${inside}]`;
  const [, name, operator, value, flag] = /^\s*([\w-]+)\s*([~|^$*]?=)\s*("[^"]*"|'[^']*'|[\w-]+)\s*([is]?)\s*$/i.exec(
    inside,
  ) ?? [undefined, '', '', '', ''];
  const bare = value!.replace(/^["']|["']$/g, '');
  if (!SELECTED.test(name!) || !/^[a-z_-]{0,32}$/i.test(bare)) return '[bb-none]';
  return `[${name}${operator}"${bare}"${flag ? ` ${flag}` : ''}]`;
}

/** A style sheet, or a part of one, as it may be seen. */
export function cleanCss(text: string): string {
  let clean = '';
  let at = 0;
  while (at < text.length) {
    const sign = text[at]!;
    if (sign === '/' && text[at + 1] === '*') {
      const end = text.indexOf('*/', at + 2);
      at = end < 0 ? text.length : end + 2;
      clean += ' ';
    } else if (sign === '"' || sign === "'") {
      at = endOfString(text, at);
      clean += '""';
    } else if (sign === '[') {
      const end = endOfBracket(text, at + 1, ']');
      clean += bracket(text.slice(at + 1, end - 1));
      at = end;
    } else if (sign === '@' && DROPPED_RULE.test(text.slice(at, at + 11))) {
      const end = endOfBracket(text, at, ';');
      at = end;
    } else if (/^url\(/i.test(text.slice(at, at + 4))) {
      at = endOfBracket(text, at + 4, ')');
      clean += 'none';
    } else if (sign === '\\') {
      // `.md\:w-full`; an escape by number could spell anything.
      clean += /[0-9a-f\s]/i.test(text[at + 1] ?? ' ') ? '_' : text.slice(at, at + 2).replace(/[^\0-\x7f]/g, '_');
      at += 2;
    } else {
      clean += sign > '\x7f' ? '_' : sign;
      at += 1;
    }
  }
  return shortNumbers(clean);
}

/** What a custom property set on one element may be: sizes, colours and other custom properties. */
const PLAIN_VALUE =
  /^(?:[\d.%\s,/+*()-]|px|r?em|v[wh]|deg|m?s|fr|#[0-9a-f]{3,8}\b|rgba?|hsla?|calc|var|--[a-z-]{1,40})*$/i;

/** The value of one property, or `null` if it says nothing that may be seen. */
export function cleanValue(property: string, value: string): string | null {
  if (!/^-{0,2}[a-z][a-z0-9-]{0,60}$/i.test(property) || /\d{5}/.test(property)) return null;
  if (property.startsWith('--') && !PLAIN_VALUE.test(value)) return null;
  if (/^content$/i.test(property)) return '""';
  return cleanCss(value).replace(/[{};]/g, '');
}

/** The value of a `style` attribute. */
export function cleanDeclarations(text: string): string {
  const kept: string[] = [];
  // A ";" in a string or an address does not end a declaration; those are gone then.
  for (const declaration of cleanCss(text).split(';')) {
    const at = declaration.indexOf(':');
    if (at < 0) continue;
    const property = declaration.slice(0, at).trim();
    const value = cleanValue(property, declaration.slice(at + 1).trim());
    if (value !== null) kept.push(`${property}:${value}`);
  }
  return kept.join(';');
}
