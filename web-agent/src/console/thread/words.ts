/** Wording of everything that can stand in a thread. */
import { computed } from 'vue';
import type { BotPhrase, HandOverReason, ThreadBody } from '../../generated/protocol';
import { actionStepText, actionText, useActionWords } from '../../shared/actions/words';
import { durationText } from '../../shared/files/kinds';
import { checklistText, stepText, useGuideWords } from '../../shared/guide/words';
import { enFlagReasons, zhFlagReasons } from '../../shared/alerts';
import { useCallEntryText } from '../../shared/call/entryWords';
import { useWindowEntryText } from '../../shared/window/entryWords';
import { useSharedWords, useWords } from '../../shared/words';
import { dayOf, preciseTime, slotOf, timeOfDay } from '../logic/text';

export function useThreadWords() {
  const shared = useSharedWords();
  const guide = useGuideWords();
  const action = useActionWords();
  const windowText = useWindowEntryText();
  const callText = useCallEntryText();
  const words = useWords(
    {
      citizen: '市民',
      bot: '小申（机器人）',
      note: '内部备注 · 仅内部可见',
      whisper: '悄悄话 · 仅内部可见',
      greeting: (item: string) => `您好，我是小申，请问关于“${item}”有什么可以帮您？`,
      greetingNoItem: '您好，我是小申，请问有什么可以帮您？',
      clarify: '请问您想问的是哪一个？',
      refused: '以上都不是',
      says: {
        ask_again: '请换个说法再问一次，也可以转人工。',
        thanked: '不客气。',
        farewell: '再见。',
        introduction: '我是智能客服小申。',
        polite: '请告诉我要办什么事，我会继续帮您。',
      } satisfies Record<BotPhrase, string>,
      handOver: {
        wants_person: '市民要求人工服务',
        emergency: '涉及紧急情况，已提示 110 / 119 / 120',
        complaint: '涉及投诉或法律事务，已提示专门渠道',
        not_found: '小申没有找到答案，建议转人工',
        not_understood: '小申两次追问仍未弄清，已直接转人工',
        approval: '小申找到了可能的答案，已请工作人员核对',
        cannot_see: '小申无法查看文件，建议转人工',
        blocked: '市民要求人工服务，但在限制期内，已告知',
      } satisfies Record<HandOverReason, string>,
      image: '［图片］',
      file: (name: string) => `［文件］${name}`,
      voice: (time: string) => `［语音 ${time}］`,
      solved: '市民认为小申的回答已解决问题',
      unsolved: '市民认为小申的回答未解决问题',
      requested: (time: string) => `市民请求人工帮办，应在 ${time} 前首次响应`,
      cancelled: '市民取消了人工请求',
      joined: (name: string, team: string) => `${name}（${team}）已接入`,
      left: (name: string) => `${name} 已离线，会话回到队首`,
      transferred: (from: string, to: string, team: string) => `${from} 转接给 ${to}（${team}）`,
      messageLeft: (receipt: string, slot: string) => `市民留言，回执号 ${receipt}，约定 ${slot} 回电`,
      callBackMoved: (slot: string) => `市民将回电时段改为 ${slot}`,
      callBackSoon: (slot: string) => `回电提醒：约定 ${slot} 回电`,
      callBack: (time: string) => `到约定回电时间，应在 ${time} 前首次响应`,
      finished: '市民已结束会话，待登记结果',
      closed: (outcome: string) => `会话已办结：${outcome}`,
      receipt: (channel: string, receipt: string) => `（${channel}，回执号 ${receipt}）`,
      reopened: '市民再次来询，会话继续',
      answerFound: (question: string) => `已告知市民：之前咨询的“${question}”有答复了`,
      rated: (stars: string) => `市民评价 ${stars} 星`,
      flagRaised: (why: string) => `举旗求助：${why}`,
      supervisorJoined: (name: string) => `值班长 ${name} 进入会话`,
      supervisorLeft: (name: string) => `值班长 ${name} 已退出会话`,
      flagLowered: '已放下求助旗',
      rejected: (question: string) => `小申建议的答复不合适，未发送：${question}`,
      flagReason: zhFlagReasons,
      transfer: {
        requested: (name: string) => `请求转接给 ${name}`,
        declined: (name: string) => `${name} 未接受转接`,
        missed: (name: string) => `${name} 未应答转接`,
        cancelled: (name: string) => `已撤回转接给 ${name} 的请求`,
        unavailable: (name: string) => `${name} 已不在线，转接结束`,
      },
    },
    {
      citizen: 'Citizen',
      bot: '小申 (assistant)',
      note: 'Private note · seen by staff only',
      whisper: 'Whisper · seen by staff only',
      greeting: (item) => `Hello, I am 小申. What would you like to know about “${item}”?`,
      greetingNoItem: 'Hello, I am 小申. How can I help?',
      clarify: 'Which of these do you mean?',
      refused: 'None of these',
      says: {
        ask_again: 'Please ask in other words, or ask for a person.',
        thanked: 'You are welcome.',
        farewell: 'Good-bye.',
        introduction: 'I am the assistant 小申.',
        polite: 'Tell me what you want to get done.',
      },
      handOver: {
        wants_person: 'The citizen wants a person',
        emergency: 'An emergency: 110 / 119 / 120 were shown',
        complaint: 'A complaint or legal matter: its own channels were shown',
        not_understood: '小申 asked back twice in vain and called a person',
        approval: '小申 found a likely answer and asked for a person to check it',
        not_found: '小申 found no answer and suggests a person',
        cannot_see: '小申 cannot look at files and suggests a person',
        blocked: 'The citizen asked for a person, is blocked for a while, and was told so',
      },
      image: '[picture]',
      file: (name) => `[file] ${name}`,
      voice: (time) => `[voice ${time}]`,
      solved: 'The citizen says that 小申 solved it',
      unsolved: 'The citizen says that 小申 did not solve it',
      requested: (time) => `The citizen asks for a person; first response due by ${time}`,
      cancelled: 'The citizen cancelled the request',
      joined: (name, team) => `${name} (${team}) joined`,
      left: (name) => `${name} is gone; back at the head of the queue`,
      transferred: (from, to, team) => `${from} handed over to ${to} (${team})`,
      messageLeft: (receipt, slot) => `Message left, receipt ${receipt}, call-back ${slot}`,
      callBackMoved: (slot) => `The citizen moved the call-back to ${slot}`,
      callBackSoon: (slot) => `Reminder: call-back promised for ${slot}`,
      callBack: (time) => `Call-back time; first response due by ${time}`,
      finished: 'The citizen has ended it; the outcome is still to be given',
      closed: (outcome) => `Closed: ${outcome}`,
      receipt: (channel, receipt) => ` (${channel}, receipt ${receipt})`,
      reopened: 'The citizen wrote again; continued',
      answerFound: (question) => `Told the citizen that "${question}" has an answer now`,
      rated: (stars) => `Rated ${stars} stars`,
      flagRaised: (why) => `Asks for help: ${why}`,
      supervisorJoined: (name) => `Supervisor ${name} joined`,
      supervisorLeft: (name) => `Supervisor ${name} left`,
      flagLowered: 'Help is needed no more',
      rejected: (question) => `The answer that 小申 proposed does not fit and was not sent: ${question}`,
      flagReason: enFlagReasons,
      transfer: {
        requested: (name) => `Transfer to ${name} requested`,
        declined: (name) => `${name} did not accept the transfer`,
        missed: (name) => `${name} did not answer the transfer`,
        cancelled: (name) => `Transfer to ${name} taken back`,
        unavailable: (name) => `${name} is not there any more; the transfer ended`,
      },
    },
  );

  /** The text of a line across the thread; for bubbles an empty one. */
  function systemText(body: ThreadBody): string {
    const w = words.value;
    switch (body.type) {
      case 'bot_feedback':
        return body.solved ? w.solved : w.unsolved;
      case 'human_requested':
        return w.requested(preciseTime(body.dueAt));
      case 'request_cancelled':
        return w.cancelled;
      case 'agent_joined':
        return w.joined(body.name, body.teamName);
      case 'agent_left':
        return w.left(body.name);
      case 'transferred':
        return w.transferred(body.fromName, body.name, body.teamName);
      case 'supervisor_joined':
        return w.supervisorJoined(body.name);
      case 'supervisor_left':
        return w.supervisorLeft(body.name);
      case 'window_asked':
      case 'window_booked':
      case 'window_ended':
        return windowText.value(body, (at) => `${dayOf(at)} ${timeOfDay(at)}`);
      case 'call_began':
      case 'call_answered':
      case 'call_ended':
      case 'call_back_owed':
        return callText.value(body);
      case 'message_left':
        return w.messageLeft(body.receipt, slotOf(body.slot));
      case 'call_back_moved':
        return w.callBackMoved(slotOf(body.slot));
      case 'call_back_soon':
        return w.callBackSoon(slotOf(body.slot));
      case 'call_back_due':
        return w.callBack(preciseTime(body.dueAt));
      case 'finished':
        return w.finished;
      case 'closed': {
        const channel = body.handOn ? shared.value.handOn[body.handOn] : '';
        const receipt = body.receipt ? w.receipt(channel, body.receipt) : '';
        return w.closed(shared.value.outcome[body.outcome]) + receipt;
      }
      case 'reopened':
        return w.reopened;
      case 'answer_found':
        return w.answerFound(body.question);
      case 'rated':
        return w.rated(String(body.stars));
      case 'proposed_rejected':
        return w.rejected(body.question);
      case 'flag':
        return body.raised ? w.flagRaised(w.flagReason[body.reason ?? 'other']) : w.flagLowered;
      case 'transfer_note': {
        const wording = w.transfer[body.what as keyof typeof w.transfer];
        return wording ? wording(body.toName) : '';
      }
      case 'text':
      case 'image':
      case 'file':
      case 'voice':
      case 'note':
      case 'bot_greeting':
      case 'bot_answer':
      case 'bot_clarify':
      case 'bot_hand_over':
      case 'options_refused':
      case 'bot_says':
      case 'guide_started':
      case 'guide_stepped':
      case 'guide_asked':
      case 'guide_several':
      case 'guide_checklist':
      case 'actions_offered':
      case 'action_started':
      case 'action_stepped':
      case 'action_asked':
      case 'action_confirm':
      case 'action_ended':
        return '';
    }
  }

  /** The text of a bubble. */
  function bubbleText(body: ThreadBody): string {
    const w = words.value;
    switch (body.type) {
      case 'text':
      case 'note':
        return body.text;
      case 'bot_answer':
        return body.rephrased?.text ?? body.text;
      case 'bot_greeting':
        return body.itemName ? w.greeting(body.itemName) : w.greetingNoItem;
      case 'bot_clarify':
        return w.clarify;
      case 'guide_started':
        return guide.value.start(body.itemName);
      case 'guide_stepped':
        return stepText(body, guide.value);
      case 'guide_asked':
        return body.text;
      case 'guide_several':
        return guide.value.several;
      case 'guide_checklist':
        return checklistText(body.checklist, guide.value);
      case 'options_refused':
        return w.refused;
      case 'bot_says':
        return w.says[body.phrase];
      case 'actions_offered':
        return action.value.offered;
      case 'action_started':
        return action.value.of(action.value.kind[body.kind], body.itemName);
      case 'action_stepped':
        return actionStepText(body, action.value);
      case 'action_asked':
      case 'action_confirm':
      case 'action_ended':
        return actionText(body, action.value);
      case 'bot_hand_over':
        return w.handOver[body.reason];
      case 'image':
        return w.image;
      case 'file':
        return w.file(body.name);
      case 'voice':
        return w.voice(durationText(body.durationMs));
      default:
        return '';
    }
  }

  return computed(() => ({ ...words.value, systemText, bubbleText }));
}
