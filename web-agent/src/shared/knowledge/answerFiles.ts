/**
 * Pictures and documents of answers. An answer names them by their ids; where their bytes are depends on who looks: what was
 * published everybody fetches by an address, a draft's only its editors, with their token.
 */
import { inject, provide, type InjectionKey } from 'vue';
import type { AnswerFile, FileId } from '../../generated/protocol';

export type FileVariant = 'original' | 'thumb';

/** An address that the browser can show now. Throws if there is none. */
export type FileSource = (file: FileId, variant: FileVariant) => string | Promise<string>;

export const addressOf = (file: FileId, variant: FileVariant): string => `/files/answers/${file}/${variant}`;

const sourceKey: InjectionKey<FileSource> = Symbol('answer files');

export const useFileSource = (): FileSource => inject(sourceKey, addressOf);

/** Of everything below. */
export const provideFileSource = (source: FileSource): void => provide(sourceKey, source);

const ID = 'fl_[0-9a-f]{32}';
const whole = new RegExp(`^${ID}$`);
const named = new RegExp(`(!?)\\[([^[\\]]*)\\]\\(${ID}\\)`, 'g');

export const isFileId = (address: string): boolean => whole.test(address);

/** The answer with the words of its pictures and documents in their places: to be read aloud, or as one line. */
export const withoutFiles = (markdown: string): string =>
  markdown.replace(named, (_, picture: string, words: string) => (picture ? `〔${words}〕` : words));

/** The first letters of an answer; no picture or document is cut through. */
export function beginOf(markdown: string, most: number): string {
  let cut = most;
  for (const match of markdown.matchAll(named)) {
    if (match.index < most && match.index + match[0].length > most) cut = match.index;
  }
  return markdown.slice(0, cut);
}

/** How an editor writes it. */
export const markdownOf = ({ file, kind }: AnswerFile, words: string): string =>
  `${kind === 'image' ? '!' : ''}[${words.replace(/[[\]\n]/g, ' ').trim()}](${file})`;
