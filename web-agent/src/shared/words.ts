/** Words in two languages. Simplified Chinese is the original; English must have every key (checked by the compiler). */
import { computed, ref, watchEffect, type ComputedRef } from 'vue';
import type {
  AgentStatus,
  Channel,
  CitizenKind,
  ErrorCode,
  HandOnChannel,
  Language as CitizenLanguage,
  Outcome,
  ReceiptState,
  Stage,
} from '../generated/protocol';
import type { SlaState } from './sla';

export type Language = 'zh' | 'en';

/** The language that the page's address asks for, if it does. */
export const languageOfPage = new URLSearchParams(globalThis.location?.search ?? '').get('lang');

/** `?lang=en`, else Chinese; a page may change it. */
export const language = ref<Language>(languageOfPage === 'en' ? 'en' : 'zh');

if (typeof document !== 'undefined') {
  watchEffect(() => {
    document.documentElement.lang = language.value === 'en' ? 'en' : 'zh-CN';
  });
}

/** Texts and functions that make texts: the same keys with the same parameters. */
type Same<T> = {
  [K in keyof T]: T[K] extends (...parameters: infer P) => string
    ? (...parameters: P) => string
    : T[K] extends string
      ? string
      : Same<T[K]>;
};

/** The words of a page or component in the current language. */
export function useWords<T extends object>(zh: T, en: Same<T>): ComputedRef<Same<T>> {
  return computed(() => (language.value === 'en' ? en : (zh as Same<T>)));
}

const zhShared = {
  stage: {
    bot: '小申服务中',
    waiting: '排队中',
    offered: '正在接入',
    serving: '服务中',
    wrap_up: '待办结',
    call_back: '待回电',
    closed: '已结束',
  } satisfies Record<Stage, string>,
  outcome: {
    solved_by_bot: '小申已解决',
    solved: '已解决',
    unsolved: '未解决',
    abandoned: '市民已离开',
    left_message: '留言已处理',
    out_of_scope: '转专门渠道',
    abuse: '不当使用',
  } satisfies Record<Outcome, string>,
  handOn: {
    legal_advice: '12348 公共法律服务',
    litigation: '12368 诉讼服务',
    complaint: '12345 投诉举报',
    petition: '信访',
  } satisfies Record<HandOnChannel, string>,
  channel: {
    pc: '电脑端',
    mobile: '移动端',
    hall: '办事大厅',
    kiosk: '大厅自助机',
    counter: '大厅窗口',
    call: '热线电话',
  } satisfies Record<Channel, string>,
  language: { 'zh-CN': '中文', en: '英语' } satisfies Record<CitizenLanguage, string>,
  receipt: { open: '待处理', done: '已处理', cancelled: '已取消' } satisfies Record<ReceiptState, string>,
  kind: { person: '个人', enterprise: '企业' } satisfies Record<CitizenKind, string>,
  status: { online: '空闲可接', break: '小休', offline: '离线' } satisfies Record<AgentStatus, string>,
  sla: {
    ok: '正常',
    at_risk: '临期',
    breached: '超时',
    met: '已响应',
    late: '超时响应',
  } satisfies Record<SlaState, string>,
  error: {
    lost: '网络已断开，请稍后再试',
    bad_request: '填写的内容有误，请检查',
    too_large: '内容太长或文件太大',
    unauthenticated: '登录已失效，请重新登录',
    token_expired: '登录已过期，请重新登录',
    forbidden: '没有权限进行此操作',
    not_found: '没有找到，可能已被移除',
    unknown_item: '没有这个事项',
    invalid_stage: '当前状态下不能这样操作',
    offer_gone: '该接入请求已失效',
    agent_full: '该坐席已满负荷或在小休，如仍要指派请填写理由',
    slot_full: '该时段已约满，请另选时段',
    slot_past: '该时段已过，请另选时段',
    rate_limited: '操作太频繁，请稍后再试',
    busy: '系统繁忙，请稍后再试',
    unsupported_file: '不支持这种文件，或文件内容与名称不符',
    infected: '文件未通过安全检查，已删除',
    quota_used: '一小时内上传太多，请稍后再试',
    outdated: '内容已被他人修改，请刷新后再改',
    in_use: '仍被其他记录引用，不能删除',
    listed_word: '含有不允许发送的词语',
    unsupported_protocol: '页面版本过旧，请刷新',
    internal: '系统出错，请稍后再试',
  } satisfies Record<ErrorCode | 'lost', string>,
};

const enShared: Same<typeof zhShared> = {
  stage: {
    bot: 'With the assistant',
    waiting: 'Waiting',
    offered: 'Connecting',
    serving: 'In service',
    wrap_up: 'To be closed',
    call_back: 'Call-back promised',
    closed: 'Closed',
  },
  outcome: {
    solved_by_bot: 'Solved by the assistant',
    solved: 'Solved',
    unsolved: 'Not solved',
    abandoned: 'Citizen left',
    left_message: 'Message dealt with',
    out_of_scope: 'Handed to another channel',
    abuse: 'Misuse',
  },
  handOn: {
    legal_advice: '12348 legal services',
    litigation: '12368 court services',
    complaint: '12345 complaints',
    petition: 'Petition office',
  },
  channel: {
    pc: 'Computer',
    mobile: 'Mobile',
    hall: 'Service hall',
    kiosk: 'Hall kiosk',
    counter: 'Hall counter',
    call: 'Hotline',
  },
  language: { 'zh-CN': 'Chinese', en: 'English' },
  receipt: { open: 'Open', done: 'Dealt with', cancelled: 'Cancelled' },
  kind: { person: 'Person', enterprise: 'Enterprise' },
  status: { online: 'Available', break: 'Break', offline: 'Offline' },
  sla: { ok: 'On time', at_risk: 'At risk', breached: 'Overdue', met: 'Answered', late: 'Answered late' },
  error: {
    lost: 'The connection was lost; try again shortly',
    bad_request: 'Something in it is not right; please check',
    too_large: 'Too long, or the file is too large',
    unauthenticated: 'Your log-in is no longer valid; log in again',
    token_expired: 'Your log-in has expired; log in again',
    forbidden: 'You may not do this',
    not_found: 'Not found; it may have been removed',
    unknown_item: 'There is no such service item',
    invalid_stage: 'Not possible in the current state',
    offer_gone: 'This offer is no longer open',
    agent_full: 'This agent is full or on a break; give a reason to assign it anyway',
    slot_full: 'This time is fully booked; choose another',
    slot_past: 'This time is over; choose another',
    rate_limited: 'Too many requests; try again shortly',
    busy: 'The system is busy; try again shortly',
    unsupported_file: 'Files of this type are not taken, or it is not what its name says',
    infected: 'The file did not pass the security check and was deleted',
    quota_used: 'Too much was uploaded within an hour; try again later',
    outdated: 'Somebody else has changed it meanwhile; reload and change it again',
    in_use: 'Other records still refer to it, so it cannot be removed',
    listed_word: 'It holds a word that must not be sent',
    unsupported_protocol: 'This page is out of date; reload it',
    internal: 'Something went wrong; try again shortly',
  },
};

/** Words that several pages share. */
export const useSharedWords = () => useWords(zhShared, enShared);
