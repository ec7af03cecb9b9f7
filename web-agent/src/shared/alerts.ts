/** Words of alerts that console and board share. */
import type { AlertKind, AlertView, FlagReason } from '../generated/protocol';

export const zhFlagReasons: Record<FlagReason, string> = {
  difficult: '问题超出我的能力',
  upset: '市民情绪激动',
  answer: '缺少或疑似错误的答复口径',
  system: '系统异常',
  other: '其他',
};

export const enFlagReasons: Record<FlagReason, string> = {
  difficult: 'the matter is beyond me',
  upset: 'the citizen is upset',
  answer: 'an official answer is missing or wrong',
  system: 'the system misbehaves',
  other: 'something else',
};

export const zhAlertKinds: Record<AlertKind, string> = {
  first_response_breached: '首次响应超时',
  call_back_missed: '约定回电未兑现',
  call_back_overdue: '未接来电超过 24 小时未回拨',
  flag: '坐席求助',
  coverage: '高频事项无人值守',
  connect_rate: '三方通话接通率低于 90%',
  first_response: '即将超时（45 秒）',
  next_response: '后续回复超时',
  agent_lost: '服务中坐席掉线',
  longest_wait: '排队等待过久',
  queue_full: '排队人数过多',
};

export const enAlertKinds: Record<AlertKind, string> = {
  first_response_breached: 'First response too late',
  call_back_missed: 'Call-back not kept',
  call_back_overdue: 'Not called back within 24 h',
  flag: 'An agent asks for help',
  coverage: 'Nobody for high-frequency items',
  connect_rate: 'Connect rate below 90%',
  first_response: 'Nearly too late (45 s)',
  next_response: 'Next response too late',
  agent_lost: 'Serving agent lost',
  longest_wait: 'Somebody waits for long',
  queue_full: 'Many wait',
};

/** So urgent that it looks and sounds so. */
const URGENT: ReadonlySet<AlertKind> = new Set([
  'first_response_breached',
  'call_back_missed',
  'call_back_overdue',
  'flag',
  'coverage',
] satisfies AlertKind[]);
export const isUrgent = (kind: AlertKind): boolean => URGENT.has(kind);

/** The topic of the alerts that belongs to a board's. */
export const alertsTopic = (board: string): string => board.replace(/^board/, 'alerts');

/** Which alerts are new, so that each sounds once. What was there when the page was opened is no news. */
export class NewAlerts {
  private known: ReadonlySet<string> | null = null;

  look(open: readonly AlertView[]): AlertView[] {
    const { known } = this;
    this.known = new Set(open.map((one) => one.id));
    return known ? open.filter((one) => !known.has(one.id) && !one.acknowledged) : [];
  }
}
