/** What the person chose about the page itself; kept in this browser. */
import { ref, watchEffect } from 'vue';
import { hall, memory } from './shared-device';

/**
 * A storage that may be missing or blocked: then choices live as long as the page. On a device that many people use it is
 * the page's memory.
 */
export function safeStorage(which: 'localStorage' | 'sessionStorage'): Storage | undefined {
  if (hall) return memory;
  try {
    const storage = window[which];
    storage.getItem('bangban');
    return storage;
  } catch {
    return undefined;
  }
}

export function remember(storage: Storage | undefined, key: string, value: string): void {
  try {
    storage?.setItem(key, value);
  } catch {
    // Full: the choice lives as long as the page.
  }
}

const ELDER = 'bangban.elder';
const SOUND = 'bangban.sound';

const local = safeStorage('localStorage');
const chosen = local?.getItem(ELDER) ?? null;

/** 长者版: larger text and targets, read-aloud. */
export const elder = ref(
  chosen === null
    ? hall?.channel === 'kiosk' || new URLSearchParams(location.search).get('elder') === '1'
    : chosen === '1',
);

/** As for the next person. */
export function resetPreferences(): void {
  elder.value = hall?.channel === 'kiosk';
  sound.value = true;
}

/** The portal's wish; the person's own choice is stronger. */
export function wishElder(wish: boolean): void {
  if ((local?.getItem(ELDER) ?? null) === null) elder.value = wish;
}

export function chooseElder(choice: boolean): void {
  elder.value = choice;
  remember(local, ELDER, choice ? '1' : '0');
}

/** A sound when somebody comes or writes. */
export const sound = ref(local?.getItem(SOUND) !== '0');

export function chooseSound(choice: boolean): void {
  sound.value = choice;
  remember(local, SOUND, choice ? '1' : '0');
}

watchEffect(() => {
  document.documentElement.dataset.elder = elder.value ? '1' : '0';
});
