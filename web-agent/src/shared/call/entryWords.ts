/** Entries about calls in words, for both sides of a conversation. */
import { computed } from 'vue';
import type { CallEnd, CallOrigin, ThreadBody } from '../../generated/protocol';
import { durationText } from '../files/kinds';
import { language, useWords } from '../words';

export type CallEntry = Extract<ThreadBody, { type: 'call_began' | 'call_answered' | 'call_ended' | 'call_back_owed' }>;

const zhEnded: Record<CallEnd, string> = {
  completed: '已结束',
  abandoned: '接通前已挂断',
  caller_hung_up: '来电人已挂断',
  caller_lost: '来电人连接中断',
  not_reached: '未能接通',
  no_operators: '当前无话务员，将回电',
  ended_by_supervisor: '值班长已结束',
  too_long: '已达最长通话时间',
  node_lost: '系统中断，将尽快回电',
};

const enEnded: Record<CallEnd, string> = {
  completed: 'over',
  abandoned: 'hung up before it was answered',
  caller_hung_up: 'the caller hung up',
  caller_lost: "the caller's connection was lost",
  not_reached: 'not reached',
  no_operators: 'no operators now; a call-back is promised',
  ended_by_supervisor: 'ended by a supervisor',
  too_long: 'as long as a call may be',
  node_lost: 'interrupted by the system; a call-back follows',
};

const zhOrigin: Record<CallOrigin, string> = {
  hotline: '热线来电',
  browser: '网页语音通话',
  call_me: '呼叫办事人',
  call_back: '回电',
};

const enOrigin: Record<CallOrigin, string> = {
  hotline: 'A call to the hotline',
  browser: 'A call from the page',
  call_me: 'The citizen is called',
  call_back: 'A call-back',
};

/** 11月25日 09:00 */
const dayAndTime = (at: number): string =>
  new Date(at).toLocaleString(language.value === 'en' ? 'en-GB' : 'zh-CN', {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });

/** A function that puts such an entry into words. */
export function useCallEntryText() {
  const words = useWords(
    {
      origin: zhOrigin,
      answered: '通话已接通',
      owed: (time: string) => `未能接通，将在 ${time} 前回电`,
      ended: (because: string) => `通话结束：${because}`,
      endedAfter: (because: string, long: string) => `通话结束，通话 ${long}：${because}`,
      because: zhEnded,
    },
    {
      origin: enOrigin,
      answered: 'The call is answered',
      owed: (time) => `Nobody was reached; you are called back by ${time}`,
      ended: (because) => `The call is over: ${because}`,
      endedAfter: (because, long) => `The call is over after ${long}: ${because}`,
      because: enEnded,
    },
  );
  return computed(() => {
    const w = words.value;
    return (body: CallEntry): string => {
      switch (body.type) {
        case 'call_began':
          return w.origin[body.origin];
        case 'call_answered':
          return w.answered;
        case 'call_back_owed':
          return w.owed(dayAndTime(body.dueAt));
        case 'call_ended':
          return body.talkSeconds > 0
            ? w.endedAfter(w.because[body.because], durationText(body.talkSeconds * 1000))
            : w.ended(w.because[body.because]);
      }
    };
  });
}
