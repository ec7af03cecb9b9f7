/** The citizen's call: from their page in the conversation on the screen, or rung there by who serves it. */
import { computed, inject, ref, shallowRef, watch, type InjectionKey } from 'vue';
import type { CallView } from '../../generated/protocol';
import { createCalls, type Calls } from '../../shared/call/calls';
import { callerOf, sceneOf } from '../../shared/call/view';
import { browserDevices } from '../../shared/window/devices';
import { safeStorage } from './preferences';
import type { Widget } from './widget';

export type CitizenCall = ReturnType<typeof createCitizenCall>;

export const citizenCallKey: InjectionKey<CitizenCall> = Symbol('citizen call');

export function useCitizenCall(): CitizenCall {
  const call = inject(citizenCallKey);
  if (!call) throw new Error('useCitizenCall() outside of the widget');
  return call;
}

/** What a citizen is told of a call. */
export type CitizenScene = 'connecting' | 'waiting' | 'held' | 'talking' | 'closing' | 'ended';

export function citizenScene(view: CallView | null): CitizenScene {
  if (!view) return 'connecting';
  const scene = sceneOf(view);
  if (scene === 'ended' || scene === 'closing') return scene;
  if (scene === 'placing' || scene === 'waiting') return view.answeredAt === undefined ? 'waiting' : 'held';
  return callerOf(view)?.place === 'hold' ? 'held' : 'talking';
}

/** With whom they speak: those with them, as they may be called; who only supervises is named, too. */
export const companyOf = (view: CallView | null) =>
  (view?.legs ?? []).filter((one) => one.part !== 'caller' && one.place === 'bridge' && !one.isAway);

export function createCitizenCall(widget: Widget) {
  const calls = shallowRef<Calls | null>(null);
  /** The citizen is asked whether they want to speak. */
  const asks = ref(false);

  function close(): void {
    calls.value?.dispose();
    calls.value = null;
    asks.value = false;
  }

  watch(
    [() => widget.phase.value === 'live', () => widget.me.value?.id],
    ([isLive, me], [, before]) => {
      // Somebody else sits here now.
      if (me !== before) close();
      if (!isLive || me === undefined || calls.value) return;
      const session = safeStorage('sessionStorage');
      calls.value = createCalls({
        port: widget.windowPort,
        session: session ?? null,
        devices: { ...browserDevices(), storage: safeStorage('localStorage') ?? null },
      });
    },
    { immediate: true },
  );

  const current = computed<CallView | null>(() => calls.value?.current.value ?? null);
  const isOpen = computed(() => widget.phase.value === 'live');
  /** A call may be begun: the conversation goes on, no call does, and this is no screen that others share. */
  const mayCall = computed(() => {
    const view = widget.thread.value.view;
    if (!isOpen.value || !view || widget.hall || !calls.value || calls.value.refused.value) return false;
    return view.stage !== 'closed' && view.stage !== 'wrap_up' && !view.call && current.value === null;
  });

  /** They have agreed that the microphone is opened. */
  async function begin(): Promise<void> {
    const conversation = widget.shown.value;
    const { value: own } = calls;
    if (!conversation || !own) return;
    const answer = await own.start(conversation);
    if (answer) asks.value = false;
    if (answer?.type === 'out_of_hours')
      widget.outOfHours.value = { conversation, opensAt: answer.opensAt, slots: answer.slots };
  }

  return { calls, current, asks, mayCall, begin, close };
}
