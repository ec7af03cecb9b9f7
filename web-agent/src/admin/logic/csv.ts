/** CSV that spreadsheets open as it is meant. */

/**
 * One cell. What a spreadsheet would take for a formula gets an apostrophe before it: the file may hold what strangers
 * wrote.
 */
function cell(value: string | number): string {
  const text = String(value);
  const harmless = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** With a byte order mark, without which Excel reads Chinese as something else. */
export const csvOf = (lines: readonly (readonly (string | number)[])[]): string =>
  `\ufeff${lines.map((line) => line.map(cell).join(',')).join('\r\n')}\r\n`;
