/** Entries about virtual windows in words, for both sides of a conversation. */
import { computed } from 'vue';
import type { EndedBecause, ThreadBody } from '../../generated/protocol';
import { durationText } from '../files/kinds';
import { useWords } from '../words';

export type WindowEntry = Extract<ThreadBody, { type: 'window_asked' | 'window_booked' | 'window_ended' }>;

const zhEnded: Record<EndedBecause, string> = {
  citizen_left: '办事人已结束',
  staff_left: '帮办人员已结束',
  supervisor_ended: '值班长已结束',
  declined: '对方未同意',
  not_answered: '对方未及时应答',
  nobody_came: '有一方未到场',
  citizen_lost: '办事人连接中断',
  staff_lost: '帮办人员连接中断',
  consent_withdrawn: '办事人撤回了同意',
  cancelled: '已取消',
  conversation_closed: '会话已结束',
};

const enEnded: Record<EndedBecause, string> = {
  citizen_left: 'ended by the citizen',
  staff_left: 'ended by the agent',
  supervisor_ended: 'ended by a supervisor',
  declined: 'declined',
  not_answered: 'no answer in time',
  nobody_came: 'somebody did not come',
  citizen_lost: "the citizen's connection was lost",
  staff_lost: "the agent's connection was lost",
  consent_withdrawn: 'the citizen took the consent back',
  cancelled: 'cancelled',
  conversation_closed: 'the conversation ended',
};

/** A function that puts such an entry into words; `time` writes an instant. */
export function useWindowEntryText() {
  const words = useWords(
    {
      asked: '发起远程虚拟窗口',
      booked: (time: string) => `预约远程虚拟窗口：${time}`,
      ended: (because: string) => `远程虚拟窗口未开始：${because}`,
      endedAfter: (because: string, long: string) => `远程虚拟窗口结束，用时 ${long}：${because}`,
      because: zhEnded,
    },
    {
      asked: 'Asked for a virtual window',
      booked: (time) => `Virtual window booked for ${time}`,
      ended: (because) => `The virtual window did not begin: ${because}`,
      endedAfter: (because, long) => `Virtual window over after ${long}: ${because}`,
      because: enEnded,
    },
  );
  return computed(() => {
    const w = words.value;
    return (body: WindowEntry, time: (at: number) => string): string => {
      switch (body.type) {
        case 'window_asked':
          return w.asked;
        case 'window_booked':
          return w.booked(time(body.at));
        case 'window_ended':
          return body.liveSeconds > 0
            ? w.endedAfter(w.because[body.because], durationText(body.liveSeconds * 1000))
            : w.ended(w.because[body.because]);
      }
    };
  });
}
