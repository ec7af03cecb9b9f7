/** How the person wants to be called: sound and desktop notifications. Kept in the browser; nothing personal in it. */
import { defineStore } from 'pinia';
import { ref, watch } from 'vue';
import { Ringer, type SoundState } from '../../shared/ringer';

const KEY = 'bangban.console.alerts';

interface Kept {
  volume: number;
  muted: boolean;
}

function kept(): Kept {
  try {
    const { volume, muted } = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Kept>;
    const isVolume = typeof volume === 'number' && volume >= 0 && volume <= 100;
    return { volume: isVolume ? volume : 60, muted: muted === true };
  } catch {
    return { volume: 60, muted: false };
  }
}

export const useAlertSettings = defineStore('alerts', () => {
  const { volume: keptVolume, muted: keptMuted } = kept();
  /** 0..100. */
  const volume = ref(keptVolume);
  const muted = ref(keptMuted);
  const sound = ref<SoundState>('blocked');
  const canNotify = typeof Notification === 'function';
  const permission = ref<NotificationPermission>(canNotify ? Notification.permission : 'denied');
  const ringer = new Ringer((state) => {
    sound.value = state;
  });
  sound.value = ringer.state();

  watch(
    [volume, muted],
    () => {
      ringer.setVolume(muted.value ? 0 : volume.value / 100);
      if (muted.value) ringer.stop();
      try {
        localStorage.setItem(KEY, JSON.stringify({ volume: volume.value, muted: muted.value } satisfies Kept));
      } catch {
        // Without storage the setting lives as long as the page.
      }
    },
    { immediate: true },
  );

  // Any gesture will do, once.
  const gesture = () => {
    void ringer.unlock().then(() => {
      if (sound.value !== 'ready') return;
      document.removeEventListener('pointerdown', gesture, true);
      document.removeEventListener('keydown', gesture, true);
    });
  };
  document.addEventListener('pointerdown', gesture, true);
  document.addEventListener('keydown', gesture, true);

  async function askPermission() {
    if (canNotify) permission.value = await Notification.requestPermission();
  }

  /** Shows a desktop notification if that is allowed and the page is not looked at. Answers how to take it away. */
  function notify(title: string, body: string, tag: string): () => void {
    if (!canNotify || permission.value !== 'granted' || document.hasFocus()) return () => {};
    const shown = new Notification(title, { body, tag, silent: true });
    shown.onclick = () => {
      window.focus();
      shown.close();
    };
    return () => shown.close();
  }

  return { volume, muted, sound, canNotify, permission, askPermission, notify, ringer };
});
