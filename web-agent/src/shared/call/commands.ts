/** From what is pressed to what the server is told. */
import type { CallAct, CallId, CallView } from '../../generated/protocol';
import { callerOf, consultedOf, type Act, type LegAct } from './view';

/** What is done with one party. */
export function legCommand(call: CallId, act: LegAct, leg: number): CallAct {
  switch (act) {
    case 'mute':
    case 'unmute':
      return { type: 'mute', call, leg, muted: act === 'mute' };
    case 'whisper':
      return { type: 'whisper', call, to: leg };
    case 'unwhisper':
      return { type: 'whisper', call };
    case 'hold':
    case 'resume':
    case 'drop':
      return { type: act, call, leg };
  }
}

/** What is done with the whole call; `null`: it is done on the page, or there is nobody to do it with. */
export function actCommand(view: CallView, act: Act): Extract<CallAct, { call: CallId }> | null {
  const { call } = view;
  switch (act) {
    case 'merge':
    case 'swap':
    case 'leave':
    case 'end':
      return { type: act, call };
    case 'stop':
      return { type: 'stop_request', call };
    case 'window':
      return { type: 'open_window', call };
    case 'return':
    case 'take_back':
      return { type: 'return', call, takesBack: act === 'take_back' };
    case 'hold_caller':
    case 'resume_caller': {
      const caller = callerOf(view);
      return caller && { type: act === 'hold_caller' ? 'hold' : 'resume', call, leg: caller.leg };
    }
    case 'drop_consulted': {
      const consulted = consultedOf(view);
      return consulted && { type: 'drop', call, leg: consulted.leg };
    }
    case 'dial':
      return null;
  }
}
