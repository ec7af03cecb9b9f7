/**
 * What of a page's own text is never shown, wherever it stands: what looks like a number or an address that belongs to
 * somebody. The server refuses a piece in which it finds such a thing (`privacy::mask` of the domain), so this hides
 * rather too much than too little: a hidden house number costs nothing, a refused piece costs the whole page.
 */

/** Stands for everything that is not shown. Always as long: a length tells things too. */
export const HIDDEN = '●●●●●●';

const DIGIT = '[0-9０-９]';

const RULES: readonly [RegExp, string][] = [
  // E-mail addresses, and whatever else stands around an @.
  [/[^\s@<>()（）:：,，;；"']{1,64}[@＠][^\s@<>()（）,，;；"']{1,255}/g, HIDDEN],
  // Vehicle plates (GA 36).
  [
    /[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领][A-Za-zＡ-Ｚ][·•.\s-]?[0-9A-Za-z０-９]{4,6}[学警港澳挂]?/g,
    HIDDEN,
  ],
  // Letters and digits of one code: passports, permits, credit codes.
  [new RegExp(`[A-Za-z0-9０-９Ａ-Ｚ]*${DIGIT}{5,}[A-Za-z0-9０-９Ａ-Ｚ]*`, 'g'), HIDDEN],
  // Numbers in groups: telephones, cards.
  [new RegExp(`[+＋(（]?${DIGIT}(?:[\\s().（）·•－–—-]{0,2}[0-9０-９*●]){5,}`, 'g'), HIDDEN],
  // House, building, floor and room.
  [
    new RegExp(
      `(?:${DIGIT}|[〇零一二三四五六七八九十百千两])+(?:[-－—之]${DIGIT}+)*(?=\\s*[号弄室栋幢座楼层村组甲乙支])`,
      'g',
    ),
    '●',
  ],
];

/** The text without numbers and addresses of people. */
export function hideNumbers(text: string): string {
  let shown = text;
  for (const [found, instead] of RULES) shown = shown.replace(found, instead);
  return shown;
}

/** A word that a page's developer gave to something: the name of a field, a step, an item, an error. */
const NAME = /^[\p{L}\p{N}_.:/-]{1,128}$/u;

/** The name, or `null` if it is none, or might be somebody's number. */
export function safeName(name: unknown): string | null {
  return typeof name === 'string' && NAME.test(name) && hideNumbers(name) === name ? name : null;
}
