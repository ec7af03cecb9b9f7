/** Listens to the keyboard of the whole page. */
import { onScopeDispose } from 'vue';
import type { Calls } from '../shared/call/calls';
import { keyCommand } from './logic/keys';
import { useDesk } from './stores/desk';
import { useWindows } from './stores/windows';
import { isDialogOpen, useDialogs } from './useDialogs';
import { useTrouble } from './useTrouble';

/** The button that accepts the offer. */
export const OFFER_ID = 'accept-offer';

/** The button that sends the answer that 小申 proposes. */
export const PROPOSED_ID = 'send-proposed';

export interface KeyTargets {
  lane: (lane: 'reply' | 'note') => void;
  answer: (number: number) => void;
  /** One of the answers that may fit what the citizen wrote last. */
  assist: (number: number) => void;
  context: () => void;
  /** To the virtual window of the open conversation. */
  window: () => void;
}

const isText = (target: EventTarget | null): boolean =>
  target instanceof HTMLTextAreaElement ||
  (target instanceof HTMLInputElement && !['radio', 'checkbox', 'range', 'button'].includes(target.type));

export function useKeys(calls: Calls, targets: KeyTargets): void {
  const desk = useDesk();
  const windows = useWindows();
  const dialogs = useDialogs();
  const trouble = useTrouble();

  function pressed(event: KeyboardEvent) {
    const command = keyCommand(event, isText(event.target));
    if (!command) return;
    // Behind a dialog only the offer can be reached: it will not wait.
    if (isDialogOpen() && command.do !== 'accept' && command.do !== 'offer') return;
    event.preventDefault();
    switch (command.do) {
      case 'accept': {
        // Who rings waits for seconds only; an offer that came meanwhile is taken by the next press.
        const ring = calls.rings.value.find((one) => !one.onTelephone && !calls.isAwaited(one));
        if (ring) void calls.answer(ring.call);
        else desk.answerOffer(true).catch(trouble.tell);
        break;
      }
      case 'offer':
        document.getElementById(OFFER_ID)?.focus();
        break;
      case 'proposed':
        document.getElementById(PROPOSED_ID)?.focus();
        break;
      case 'step':
        desk.step(command.by);
        break;
      case 'reply':
      case 'note':
        targets.lane(command.do);
        break;
      case 'answer':
        targets.answer(command.number);
        break;
      case 'assist':
        targets.assist(command.number);
        break;
      case 'context':
        targets.context();
        break;
      case 'window':
        targets.window();
        break;
      case 'mute':
        if (calls.mine.value) void calls.toggleMute();
        else void windows.active?.toggle('voice');
        break;
      case 'transfer':
        if (desk.open && !desk.open.transferTo) dialogs.transfer = desk.open.id;
        break;
      case 'flag':
        if (desk.open && !desk.open.flag) dialogs.flag = desk.open.id;
        break;
      case 'close':
        if (desk.open) dialogs.close = desk.open.id;
        break;
      case 'sheet':
        dialogs.sheet = true;
        break;
    }
  }

  window.addEventListener('keydown', pressed);
  onScopeDispose(() => window.removeEventListener('keydown', pressed));
}
