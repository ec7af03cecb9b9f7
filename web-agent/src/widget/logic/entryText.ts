/** An entry of the thread as plain words: for system lines, screen readers and reading aloud. */
import { computed } from 'vue';
import type { ThreadBody } from '../../generated/protocol';
import { actionStepText, actionText, useActionWords } from '../../shared/actions/words';
import { durationText } from '../../shared/files/kinds';
import { withoutFiles } from '../../shared/knowledge/answerFiles';
import { checklistText, stepText, useGuideWords } from '../../shared/guide/words';
import { useCallEntryText } from '../../shared/call/entryWords';
import { useWindowEntryText } from '../../shared/window/entryWords';
import { language, useSharedWords } from '../../shared/words';
import { dayAndSlot, dayAndTime } from './format';
import { useWidgetWords } from './words';

/** A function that puts a body into words, in the current language. */
export function useEntryText(): (body: ThreadBody) => string {
  const words = useWidgetWords();
  const shared = useSharedWords();
  const guide = useGuideWords();
  const action = useActionWords();
  const windowText = useWindowEntryText();
  const callText = useCallEntryText();
  const tell = computed(() => {
    const { file, system, greeting, clarify, says, handOver, closed, handedOn, answer, receipt, rating, notice } =
      words.value;
    return (body: ThreadBody): string => {
      switch (body.type) {
        case 'text':
          return body.text;
        case 'image':
          return file.image;
        case 'file':
          return file.file(body.name);
        case 'voice':
          return file.voice(durationText(body.durationMs));
        case 'bot_greeting':
          return body.itemName ? greeting.item(body.itemName) : greeting.general;
        case 'bot_answer':
          return `${withoutFiles(body.rephrased?.text ?? body.text)} ${answer.source(body.source)}`;
        case 'bot_clarify':
          return [clarify.title, ...body.options.map((option) => option.question)].join(' ');
        case 'options_refused':
          return clarify.none;
        case 'bot_says':
          return says[body.phrase];
        case 'bot_hand_over':
          return body.reason === 'blocked'
            ? notice.blocked(body.opensAt ? dayAndTime(body.opensAt, language.value) : null)
            : handOver[body.reason];
        case 'guide_started':
          return guide.value.start(body.itemName);
        case 'guide_stepped':
          return stepText(body, guide.value);
        case 'guide_asked':
          return [
            guide.value.progress(body.step, body.most),
            body.text,
            ...body.choices.map((choice) => choice.label),
          ].join(' ');
        case 'guide_several':
          return [guide.value.several, ...body.situations.map((one) => one.label)].join(' ');
        case 'guide_checklist':
          return checklistText(body.checklist, guide.value);
        case 'actions_offered':
          return action.value.offered;
        case 'action_started':
          return action.value.of(action.value.kind[body.kind], body.itemName);
        case 'action_stepped':
          return actionStepText(body, action.value);
        case 'action_asked':
          return [actionText(body, action.value), ...body.options.map((option) => option.label)].join(' ');
        case 'action_confirm':
        case 'action_ended':
          return actionText(body, action.value);
        case 'bot_feedback':
          return body.solved ? answer.wasSolved : answer.wasUnsolved;
        case 'agent_joined':
          return system.agent_joined(body.name, body.teamName);
        case 'agent_left':
          return system.agent_left(body.name);
        case 'transferred':
          return system.transferred(body.fromName, body.name, body.teamName);
        case 'supervisor_joined':
          return system.supervisor_joined(body.name);
        case 'supervisor_left':
          return system.supervisor_left(body.name);
        case 'window_asked':
        case 'window_booked':
        case 'window_ended':
          return windowText.value(body, (at) => dayAndTime(at, language.value));
        case 'call_began':
        case 'call_answered':
        case 'call_ended':
        case 'call_back_owed':
          return callText.value(body);
        case 'message_left':
          return `${receipt.title} ${receipt.number} ${body.receipt}`;
        case 'call_back_moved':
        case 'call_back_soon':
          return system[body.type](dayAndSlot(body.slot, language.value));
        case 'closed':
          return body.handOn
            ? `${closed[body.outcome]} ${handedOn.title(shared.value.handOn[body.handOn])} ${body.receipt ?? ''}`
            : closed[body.outcome];
        case 'answer_found':
          return system.answer_found(body.question);
        case 'rated':
          return system.rated(body.stars, rating.stars[body.stars - 1] ?? '');
        case 'note':
        case 'proposed_rejected':
        case 'flag':
        case 'transfer_note':
          return system.note;
        case 'human_requested':
        case 'request_cancelled':
        case 'call_back_due':
        case 'finished':
        case 'reopened':
          return system[body.type];
      }
    };
  });
  return (body) => tell.value(body);
}
