/** The citizen's virtual window: that of the conversation on the screen, or the one whose code they were told. */
import { computed, inject, ref, shallowRef, watch, type InjectionKey } from 'vue';
import type { ErrorCode, WindowId } from '../../generated/protocol';
import { RequestError } from '../../shared/link';
import { browserDevices } from '../../shared/window/devices';
import { createRoom, type Room } from '../../shared/window/room';
import { codeOf } from '../../shared/window/screen';
import { safeStorage } from './preferences';
import type { Widget } from './widget';

/** The window that this tab came to by a code, so that a reload finds it again; it is in no conversation of theirs. */
const CODE_KEY = 'bangban.window.by-code';

export type CitizenWindow = ReturnType<typeof createCitizenWindow>;

export const citizenWindowKey: InjectionKey<CitizenWindow> = Symbol('citizen window');

export function useCitizenWindow(): CitizenWindow {
  const windows = inject(citizenWindowKey);
  if (!windows) throw new Error('useCitizenWindow() outside of the widget');
  return windows;
}

export function createCitizenWindow(widget: Widget) {
  const session = safeStorage('sessionStorage');
  const byCode = ref<WindowId | null>(session?.getItem(CODE_KEY) ?? null);
  const room = shallowRef<Room | null>(null);
  const isAsking = ref(false);

  // One that was opened by a code is for somebody else, who has the code.
  const brief = computed(() => {
    const found = widget.thread.value.view?.window;
    return found && found.origin !== 'code' ? found : null;
  });
  const isLive = computed(() => widget.phase.value === 'live');
  const wanted = computed(() => byCode.value ?? brief.value?.window ?? null);

  function close(): void {
    room.value?.dispose();
    room.value = null;
  }

  function forgetCode(): void {
    session?.removeItem(CODE_KEY);
    byCode.value = null;
  }

  watch(
    [wanted, isLive, () => widget.me.value?.id],
    ([id, live, me], [, , before]) => {
      // Somebody else sits here now.
      if (before !== undefined && me !== before) {
        close();
        forgetCode();
      }
      if (!live || me === undefined || !id || room.value?.id === id) return;
      close();
      room.value = createRoom({
        port: widget.windowPort,
        window: id,
        seat: 'citizen',
        // Those of a device in a hall are gone with the page.
        session: session ?? null,
        devices: { ...browserDevices(), storage: safeStorage('localStorage') ?? null },
      });
    },
    { immediate: true },
  );

  const kind = computed(() => room.value?.screen.value.kind ?? null);
  // What was left of an earlier tab: nothing to say about it.
  watch(kind, (now, before) => {
    if (before !== 'loading' || (now !== 'refused' && now !== 'ended')) return;
    forgetCode();
    close();
  });

  /** Is somebody asked for something who may be looking elsewhere? */
  const calls = computed(() => kind.value === 'consent');
  watch(calls, (does) => {
    if (does && room.value) room.value.isFolded.value = false;
  });

  async function ask(): Promise<void> {
    const conversation = widget.shown.value;
    if (!conversation || isAsking.value) return;
    isAsking.value = true;
    widget.notice.value = null;
    try {
      // Whether that is a hall the server knows by the conversation's channel.
      await widget.windowPort.request({ type: 'ask_window', conversation, origin: 'conversation' });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      widget.notice.value = { code: error.code };
    } finally {
      isAsking.value = false;
    }
  }

  /** Resolves when the panel is live, or has given up. */
  const settled = () =>
    new Promise<void>((resolve) => {
      const stop = watch(
        widget.phase,
        (phase) => {
          if (phase === 'starting') return;
          resolve();
          queueMicrotask(() => stop());
        },
        { immediate: true },
      );
    });

  /** Goes to the window of this code; whoever has no name comes without one. Answers why not. */
  async function enter(typed: string): Promise<ErrorCode | 'lost' | null> {
    const code = codeOf(typed);
    if (!code) return 'bad_request';
    if (!isLive.value) {
      await widget.comeAnonymously();
      await settled();
      if (!isLive.value) return widget.notice.value?.code === 'lost' ? 'lost' : 'internal';
    }
    try {
      const answer = await widget.windowPort.request({ type: 'enter_window_code', code });
      if (answer.type !== 'opened_window') return 'internal';
      session?.setItem(CODE_KEY, answer.window);
      byCode.value = answer.window;
      return null;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return error.code;
    }
  }

  return {
    room,
    calls,
    isAsking,
    /** A person serves, and there is no window yet. */
    mayAsk: computed(
      () => widget.thread.value.view?.stage === 'serving' && !widget.thread.value.view.window && wanted.value === null,
    ),
    ask,
    enter,
    /** It is over and was read. */
    done: () => {
      forgetCode();
      close();
    },
    again: async () => {
      forgetCode();
      close();
      await ask();
    },
  };
}
