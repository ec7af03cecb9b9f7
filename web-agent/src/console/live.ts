/** What screen readers are told. Only news is put here, so that opening a thread does not read its history. */
import { ref } from 'vue';

export const polite = ref('');
export const assertive = ref('');

export function say(text: string, urgency: 'polite' | 'assertive'): void {
  const region = urgency === 'polite' ? polite : assertive;
  // The same words twice are news twice: a changed space makes the reader see them.
  region.value = region.value === text ? `${text}\u00a0` : text;
}
