/** The notes of this tab, as the components see them change. */
import { shallowRef } from 'vue';
import type { CallId } from '../generated/protocol';
import { Notes } from './notes';

function tabStorage(): Storage | null {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

const notes = new Notes(typeof sessionStorage === 'undefined' ? null : tabStorage());
const version = shallowRef(0);

export function useNotes() {
  return {
    of: (call: CallId): string => (version.value >= 0 ? notes.of(call) : ''),
    write: (call: CallId, text: string): void => {
      notes.write(call, text);
      version.value += 1;
    },
    forget: (call: CallId): void => {
      notes.forget(call);
      version.value += 1;
    },
  };
}
