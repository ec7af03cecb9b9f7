/** What a revision says, on this page: an empty one, and what differs between two. */
import type { EntryContent } from '../../generated/protocol';
import { isSame } from '../logic/diff';

export const emptyContent = (): EntryContent => ({
  question: '',
  similar: [],
  answer: '',
  spoken: '',
  items: [],
  situations: [],
  districts: [],
  audience: 'both',
  source: '',
  clause: '',
  validFrom: null,
  validTo: null,
  supersedes: null,
  base: null,
});

export const FIELDS = [
  'question',
  'similar',
  'answer',
  'spoken',
  'items',
  'situations',
  'districts',
  'audience',
  'source',
  'clause',
  'validFrom',
  'validTo',
  'supersedes',
  'base',
] as const satisfies readonly (keyof EntryContent)[];

export type Field = (typeof FIELDS)[number];

/** Fields in which two revisions differ, in the order of the form. */
export const changedFields = (before: EntryContent, after: EntryContent): Field[] =>
  FIELDS.filter((field) => !isSame(before[field], after[field]));

/** A piece of a text: on both sides, only before, or only after. */
export interface Piece {
  kind: 'same' | 'gone' | 'new';
  text: string;
}

/** Longer texts are compared by their lines: the table below grows with the product of both lengths. */
const MOST_LETTERS = 1_500;

/** What became of a text, letter by letter (of long ones line by line): the longest common subsequence stays. */
export function pieces(before: string, after: string): Piece[] {
  const isLong = before.length > MOST_LETTERS || after.length > MOST_LETTERS;
  const split = (text: string) => (isLong ? text.split(/(?<=\n)/) : [...text]);
  const [a, b] = [split(before), split(after)];
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] =
        a[i] === b[j]
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  const found: Piece[] = [];
  const add = (kind: Piece['kind'], text: string) => {
    const last = found.at(-1);
    if (last?.kind === kind) last.text += text;
    else found.push({ kind, text });
  };
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      add('same', a[i]!);
      i += 1;
      j += 1;
    } else if (i < a.length && (j === b.length || common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) {
      add('gone', a[i++]!);
    } else add('new', b[j++]!);
  }
  return found;
}
