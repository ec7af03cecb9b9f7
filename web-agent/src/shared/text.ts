/** Small text rules that several pages share. */

/** In Unicode characters, as the server counts them. */
export const lengthOf = (text: string): number => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

/** Two digits. */
export const two = (n: number) => String(n).padStart(2, '0');

/** `09:05`. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** `09:05:07`. */
export const preciseTime = (at: number): string => `${timeOfDay(at)}:${two(new Date(at).getSeconds())}`;
