/** Listens to the keyboard of the whole panel. */
import { onScopeDispose, ref, watch } from 'vue';
import type { CallLegView, CallView } from '../generated/protocol';
import { keyOf, type Key } from '../shared/call/keys';
import { possible, possibleWith, type Act, type LegAct } from '../shared/call/view';

const SINGLE_KEY = 'bangban.operator.single-keys';

export interface Targets {
  /** The call that the keys are for. */
  view: () => CallView | null;
  /** Something covers the panel and has the keyboard; only a ring is answered then. */
  isCovered: () => boolean;
  answer: () => void;
  decline: () => void;
  mute: () => void;
  act: (act: Act) => void;
  leg: (act: LegAct, leg: CallLegView) => void;
  find: () => void;
  note: () => void;
  status: () => void;
  check: () => void;
  sheet: () => void;
  /** Esc, when nothing else took it. */
  back: () => void;
}

const isText = (target: EventTarget | null): boolean =>
  target instanceof HTMLTextAreaElement ||
  target instanceof HTMLSelectElement ||
  (target instanceof HTMLInputElement && !['radio', 'checkbox', 'range', 'button'].includes(target.type));

/** The leg in whose row the focus is. */
function focusedLeg(view: CallView | null): CallLegView | null {
  const row = document.activeElement?.closest<HTMLElement>('[data-testid=party]');
  return (row && view?.legs.find((one) => String(one.leg) === row.dataset.leg)) || null;
}

export function useOperatorKeys(targets: Targets) {
  const single = ref(localStorage.getItem(SINGLE_KEY) !== '0');
  watch(single, (is) => localStorage.setItem(SINGLE_KEY, is ? '1' : '0'));

  function run(key: Key) {
    switch (key.do) {
      case 'act':
        targets.act(key.act);
        break;
      case 'party':
        document.getElementById(`party-${key.number}`)?.focus();
        break;
      case 'leg': {
        const leg = focusedLeg(targets.view());
        if (leg) targets.leg(key.act, leg);
        break;
      }
      default:
        targets[key.do]();
    }
  }

  function pressed(event: KeyboardEvent) {
    if (event.defaultPrevented) return;
    if (event.key === 'Escape' && !event.isComposing) {
      if (!targets.isCovered()) targets.back();
      return;
    }
    const view = targets.view();
    const leg = focusedLeg(view);
    const key = keyOf(event, {
      inText: isText(event.target),
      single: single.value,
      acts: view ? possible(view) : new Set(),
      leg: view && leg ? possibleWith(view, leg) : null,
    });
    if (!key) return;
    if (targets.isCovered() && key.do !== 'answer' && key.do !== 'decline') return;
    event.preventDefault();
    run(key);
  }

  window.addEventListener('keydown', pressed);
  onScopeDispose(() => window.removeEventListener('keydown', pressed));
  return { single };
}
