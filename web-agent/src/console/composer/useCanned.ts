/** The prepared texts of my teams, as they are when the picker is opened. */
import { shallowRef, type ShallowRef } from 'vue';
import type { CannedAnswerView } from '../../generated/protocol';
import { useSession } from '../stores/session';

/** Of the last opening: shown until the server has answered. */
let known: readonly CannedAnswerView[] = [];

export function useCanned(): Readonly<ShallowRef<readonly CannedAnswerView[]>> {
  const session = useSession();
  const answers = shallowRef(known);
  session.request({ type: 'list_canned_answers' }).then(
    (answer) => {
      if (answer.type !== 'canned_answers') return;
      known = answer.answers;
      answers.value = known;
    },
    () => {
      // The link is lost: those of the last time will do.
    },
  );
  return answers;
}
