/** What a chosen file is to people, and whether the server would take it: told before anything is sent. Pure. */
import type { FileKind, FileLimits } from '../../generated/protocol';

/** A file on its way. Its bytes are kept apart (`blobs`), because the browser's storage for texts takes none. */
export interface Attachment {
  kind: FileKind;
  name: string;
  size: number;
  /** Pictures, as the browser shows them. */
  width?: number;
  height?: number;
  /** Voice messages. */
  durationMs?: number;
  /** Where its upload is continued. */
  upload?: string;
  /** Uploaded and checked: the server's id. */
  file?: string;
}

/** Why a file is not even tried. */
export type Problem = 'empty' | 'too_large' | 'unsupported';

const pictures = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp']);

/** The ending of a name in small letters; empty: it has none. */
export const endingOf = (name: string): string => /[^.]\.([a-z0-9]{1,8})$/i.exec(name)?.[1]?.toLowerCase() ?? '';

/** Which colour a document has: to be printed, a table, or text. */
export function familyOf(name: string): 'print' | 'table' | 'text' {
  const ending = endingOf(name);
  if (ending === 'pdf' || ending === 'ofd') return 'print';
  return ['xls', 'xlsx', 'et', 'csv'].includes(ending) ? 'table' : 'text';
}

export function kindOf(file: { name: string; type: string }, limits: FileLimits): FileKind | null {
  if (pictures.has(file.type)) return 'image';
  return limits.endings.includes(endingOf(file.name)) ? 'file' : null;
}

const mostBytes = (kind: FileKind, limits: FileLimits): number =>
  ({ image: limits.imageBytes, file: limits.fileBytes, voice: limits.voiceBytes })[kind];

/** What it is sent as, or why not. */
export function attachmentOf(
  file: { name: string; type: string; size: number },
  limits: FileLimits,
): Attachment | Problem {
  const kind = kindOf(file, limits);
  if (!kind) return 'unsupported';
  if (file.size === 0) return 'empty';
  if (file.size > mostBytes(kind, limits)) return 'too_large';
  return { kind, name: file.name, size: file.size };
}

/** For the chooser: what may be chosen. */
export const acceptOf = (limits: Pick<FileLimits, 'endings'>): string =>
  [...pictures, ...limits.endings.map((ending) => `.${ending}`)].join(',');

/** `1.2 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KB', 'MB', 'GB'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** `0:07`. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** How large a picture stands in the thread: known beforehand, so that nothing moves when it comes. */
export function boxOf(width: number, height: number, most: number): { width: number; height: number } {
  if (width <= 0 || height <= 0) return { width: most, height: Math.round(most * 0.75) };
  const scale = Math.min(1, most / width, most / height);
  // A long screenshot is shown by its begin, a tiny picture large enough to be hit.
  const least = Math.min(most, 96);
  return { width: Math.max(least, Math.round(width * scale)), height: Math.max(least, Math.round(height * scale)) };
}
