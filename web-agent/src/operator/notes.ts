/**
 * What an operator writes down while they speak: kept by call in this tab, so that a reload loses nothing, and handed over with
 * the wrap-up; then it is forgotten here.
 */
import type { CallId } from '../generated/protocol';

type Kept = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const KEY = 'bangban.operator.notes';
/** As the server takes it (docs/calls.md, `wrap_up`), in Unicode characters. */
export const MAX_NOTE = 2_000;
export const MAX_WORK_ORDER = 64;
/** So many calls' notes are kept: those of before yesterday's calls help nobody. */
const MOST = 20;

export class Notes {
  private readonly texts: Map<CallId, string>;

  constructor(private readonly storage: Kept | null) {
    this.texts = new Map(read(storage));
  }

  of(call: CallId): string {
    return this.texts.get(call) ?? '';
  }

  write(call: CallId, text: string): void {
    this.texts.delete(call);
    if (text) this.texts.set(call, text);
    const [oldest] = this.texts.keys();
    if (this.texts.size > MOST && oldest !== undefined) this.texts.delete(oldest);
    this.keep();
  }

  forget(call: CallId): void {
    if (this.texts.delete(call)) this.keep();
  }

  private keep(): void {
    try {
      if (this.texts.size === 0) this.storage?.removeItem(KEY);
      else this.storage?.setItem(KEY, JSON.stringify([...this.texts]));
    } catch {
      // Full or blocked: it lives as long as the page.
    }
  }
}

function read(storage: Kept | null): [CallId, string][] {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(KEY) ?? '[]');
    const isPair = (one: unknown): one is [CallId, string] =>
      Array.isArray(one) && one.length === 2 && one.every((part) => typeof part === 'string');
    return Array.isArray(kept) ? kept.filter(isPair) : [];
  } catch {
    // Not ours.
    return [];
  }
}
