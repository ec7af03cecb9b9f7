/** What the pages of calls say; the numbers are the server's. */
import type {
  CallFiguresView,
  CallPart,
  CallRate,
  CallSound,
  Cause,
  ConnectNumbers,
  DeclineReason,
  FigureGroup,
  RequestEnd,
} from '../generated/protocol';
import { countText, NONE, percentText, spanText } from './numbers';

export const rateText = ({ hits, of }: CallRate): string => percentText(hits, of);
export const ratePartsText = ({ hits, of }: CallRate): string => `${countText(hits)} / ${countText(of)}`;

/** Is a rate below what is promised? Of nothing: no. */
export const isBelow = ({ hits, of }: CallRate, promised: number): boolean => hits * 100 < of * promised;

/** By what the server tells requests apart (`domain::call::figures::ConnectBy`). */
export type ConnectBy = 'nothing' | 'department' | 'item' | 'hour';

/** The page's groups are those of all figures; calls are told apart by some of them. */
const GROUPS: Partial<Record<FigureGroup, ConnectBy>> = { unit: 'department', item: 'item', hour: 'hour' };
export const CALL_GROUPS: FigureGroup[] = ['unit', 'item', 'hour'];
export const groupOf = (by: FigureGroup): FigureGroup => (GROUPS[by] ? by : 'unit');
export const connectBy = (by: FigureGroup): ConnectBy => GROUPS[groupOf(by)] ?? 'department';

/** 第 1 轮 3 · 第 2 轮 1 */
export const roundsText = ({ rounds }: ConnectNumbers, word: (round: string, count: string) => string): string =>
  rounds.map(({ round, count }) => word(String(round), countText(count))).join(' · ') || NONE;

/** Points of percent since the time before; null: nothing to compare with. */
export function pointsSince(now: CallRate, before: CallRate): number | null {
  if (now.of === 0 || before.of === 0) return null;
  return (now.hits / now.of - before.hits / before.of) * 100;
}

export const pointsText = (by: number | null, points: string): string =>
  by === null ? NONE : `${by > 0 ? '+' : by < 0 ? '−' : '±'}${Math.abs(by).toFixed(1)} ${points}`;

/** Most frequent first. */
export function causesOf({ causes }: CallFiguresView): { cause: Cause; count: number; share: string }[] {
  const all = Object.entries(causes) as [Cause, number][];
  const sum = all.reduce((total, [, count]) => total + count, 0);
  return all.sort(([, a], [, b]) => b - a).map(([cause, count]) => ({ cause, count, share: percentText(count, sum) }));
}

export interface DeclineLine {
  /** `null`: nobody said why, as telephones do. */
  reason: DeclineReason | null;
  count: number;
}

/** Why they were declined, most frequent first, those without a reason last. */
export function declinesOf({ causes, declines }: Pick<CallFiguresView, 'causes' | 'declines'>): DeclineLine[] {
  const told = Object.entries(declines) as [DeclineReason, number][];
  const lines: DeclineLine[] = told.sort(([, a], [, b]) => b - a).map(([reason, count]) => ({ reason, count }));
  const silent = (causes.declined ?? 0) - told.reduce((total, [, count]) => total + count, 0);
  return silent > 0 ? [...lines, { reason: null, count: silent }] : lines;
}

/** How long somebody rang. */
export const rangText = (from: number, to: number | null): string => (to === null ? NONE : spanText(to - from));

const msText = (ms: number | null): string => (ms === null ? NONE : `${ms} ms`);

/** Of what was lost, rounded up to a tenth: "0.0%" is said only when nothing was. */
export function lossText({ hits, of }: CallRate): string {
  if (of === 0) return NONE;
  return `${(Math.ceil((hits * 1_000) / of) / 10).toFixed(1)}%`;
}

/** How a leg sounded, as people read it. */
export const soundText = (sound: CallSound) => ({
  loss: lossText(sound.loss),
  worstLoss: sound.loss.of === 0 ? NONE : `${(sound.worstLoss / 10).toFixed(1)}%`,
  heardLoss: sound.heardLoss === null ? NONE : `${(sound.heardLoss / 10).toFixed(1)}%`,
  jitter: sound.jitterMs === null ? NONE : `${msText(sound.jitterMs)} / ${msText(sound.worstJitterMs)}`,
  roundTrip: msText(sound.roundTripMs),
});

export const zh = {
  title: '三方通话',
  demo: '含演示数据（虚构）',
  about: '按接通或结束的时间计入；仅统计已有结果的转接请求。',
  connect: '接通率',
  connectDefinition: '业务人员在任一次呼叫中接听的转接请求 ÷ 已有结果的转接请求（承诺不低于 90%）',
  withoutShort: '接通率（不含 10 秒内挂断）',
  withoutShortDefinition: '同上，分母不含来电人 10 秒内挂断的请求',
  first: '首呼接通率',
  firstDefinition: '第一轮呼叫即接听的请求 ÷ 已有结果的转接请求',
  within: '15 秒人工接听率',
  withinDefinition: '15 秒内由人工接听的来电 ÷ 进线来电（GB/T 33358）',
  abandoned: '放弃率',
  abandonedDefinition: '无人接听前挂断的来电 ÷ 已有结果的来电',
  short: (count: string) => `其中 10 秒内挂断 ${count}`,
  ring: '振铃时长',
  ringDefinition: '从开始呼叫到接听，仅统计已接听的呼叫',
  handling: '处理时长',
  handlingDefinition: '话务员通话与话后处理用时，仅统计已全部结束的通话',
  wait: '等待时长',
  mean: (mean: string, p90: string, longest: string) => `平均 ${mean} · P90 ${p90} · 最长 ${longest}`,
  rounds: '寻呼深度',
  round: (round: string, count: string) => `第 ${round} 轮 ${count}`,
  below: (percent: string) => `▼ 低于承诺的 ${percent}%`,
  before: '上期',
  points: '个百分点',
  rows: (name: string) => `${name}：查看明细`,
  open: '查看明细',
  apart: '分项接通率',
  by: '分项方式',
  groups: { unit: '按部门', item: '按事项', hour: '按时段' } as Partial<Record<FigureGroup, string>>,
  noItem: '未选事项',
  hour: (from: string, to: string) => `${from}–${to} 时`,
  requests: '请求',
  parties: '号码与人员',
  partiesHint: '接听次数 ÷ 应由其接听的呼叫（不含他人已接、已取消、来电人已挂断），接听少者在前',
  party: '号码或人员',
  answered: '接听率',
  causes: '呼叫结果',
  count: '次数',
  share: '占比',
  empty: '所选范围内没有通话',
  notHere: '按事项或时段统计时不适用',
  sound: '通话音质',
  soundHint: '所选时间内开始的通话，每 5 秒测量一次各方音质；丢包超过 8% 为音质差。“对方丢包”由对方设备报告。',
  noSound: '没有已测量的通话',
  legs: '查看各方明细',
  legsOf: (part: string) => `${part}：查看各方明细`,
  leg: '通话方',
  disturbed: '出现音质差',
  loss: '丢包',
  worstLoss: '最差 5 秒',
  heardLoss: '对方丢包',
  jitter: '抖动 平均 / 最大',
  roundTrip: '往返',
  lateTicks: '混音延迟次数',
  parts: {
    caller: '办事人',
    operator: '话务员',
    professional: '业务人员',
    guest: '第四方',
    supervisor: '班长',
  } satisfies Record<CallPart, string>,
  heard: (loss: string, jitter: string) => `丢包 ${loss} · 抖动 ${jitter}`,
  poor: (times: string) => `▲ 音质差 ${times}`,
  back: '返回通话指标',
  rung: (name: string) => `呼叫过 ${name} 的请求`,
  asked: '请求时间',
  took: '用时',
  department: '部门',
  item: '事项',
  asker: '请求人',
  direct: '直转专线',
  result: '结果',
  attempts: '各次呼叫',
  nobody: '没有可呼叫的人员或号码',
  results: {
    reached: '已接通',
    nobody_reached: '无人接听',
    cancelled: '话务员取消',
    caller_gone: '来电人挂断',
    node_lost: '系统中断',
  } satisfies Record<RequestEnd, string>,
  cause: {
    answered: '接听',
    busy: '忙',
    declined: '拒接',
    no_answer: '未接',
    no_progress: '无响应',
    unreachable: '不可达',
    congested: '线路忙',
    broken: '故障',
    elsewhere: '他人已接',
    cancelled: '已取消',
    caller_gone: '来电人已挂断',
    node_lost: '系统中断',
  } satisfies Record<Cause, string>,
  declined: { busy: '正忙', not_mine: '非本人业务', other: '其他原因' } as Record<DeclineReason, string>,
  unsaid: '未说明（话机拒接）',
};

export const en: { [K in keyof typeof zh]: (typeof zh)[K] } = {
  title: 'Three-way calls',
  demo: 'with demo data (made up)',
  about: 'Counted when a request was decided; what is still rung is in no figure.',
  connect: 'Connect rate',
  connectDefinition: 'Requests answered by a professional in any attempt ÷ requests decided (90% is promised)',
  withoutShort: 'Connect rate without short calls',
  withoutShortDefinition: 'The same without callers who hung up within 10 s',
  first: 'First-attempt rate',
  firstDefinition: 'Requests answered in the first round ÷ requests decided',
  within: 'Answered within 15 s',
  withinDefinition: 'Calls answered by a person within 15 s ÷ calls offered (GB/T 33358)',
  abandoned: 'Abandoned',
  abandonedDefinition: 'Calls that hung up before anybody spoke with them ÷ calls decided',
  short: (count) => `${count} of them within 10 s`,
  ring: 'Ring time',
  ringDefinition: 'From the ring to the answer, of attempts that were answered',
  handling: 'Handling time',
  handlingDefinition: 'What operators talked and wrapped up, of calls of which nothing goes on',
  wait: 'Waiting',
  mean: (mean, p90, longest) => `mean ${mean} · P90 ${p90} · longest ${longest}`,
  rounds: 'Hunting depth',
  round: (round, count) => `round ${round}: ${count}`,
  below: (percent) => `▼ below the promised ${percent}%`,
  before: 'before',
  points: 'points',
  rows: (name) => `Rows of ${name}`,
  open: 'Rows',
  apart: 'Connect rates apart',
  by: 'Apart by',
  groups: { unit: 'Department', item: 'Item', hour: 'Hour' },
  noItem: 'No item',
  hour: (from, to) => `${from}–${to} h`,
  requests: 'Requests',
  parties: 'Numbers and people',
  partiesHint:
    'Answered ÷ attempts that were up to them (not: answered elsewhere, cancelled, caller gone); who answers least often first',
  party: 'Number or person',
  answered: 'Answered',
  causes: 'What became of attempts',
  count: 'Count',
  share: 'Share',
  empty: 'There were no calls',
  notHere: 'Not for an item or hour',
  sound: 'Sound',
  soundHint:
    'Of calls that began in the time, each leg measured every 5 s; more than 8% lost is poor. "Lost to them" is what their device reports.',
  noSound: 'No call was measured',
  legs: 'Single legs',
  legsOf: (part) => `Single legs: ${part}`,
  leg: 'Leg',
  disturbed: 'Poor at some time',
  loss: 'Lost',
  worstLoss: 'Worst 5 s',
  heardLoss: 'Lost to them',
  jitter: 'Jitter mean / largest',
  roundTrip: 'There and back',
  lateTicks: 'Late ticks',
  parts: {
    caller: 'Caller',
    operator: 'Operator',
    professional: 'Professional',
    guest: 'Fourth party',
    supervisor: 'Supervisor',
  },
  heard: (loss, jitter) => `lost ${loss} · jitter ${jitter}`,
  poor: (times) => `▲ poor ${times}`,
  back: 'Back to the figures of calls',
  rung: (name) => `Requests that rang ${name}`,
  asked: 'Asked',
  took: 'Took',
  department: 'Department',
  item: 'Item',
  asker: 'By',
  direct: 'direct line',
  result: 'Result',
  attempts: 'Attempts',
  nobody: 'Nobody could be rung',
  results: {
    reached: 'reached',
    nobody_reached: 'nobody answered',
    cancelled: 'cancelled by the operator',
    caller_gone: 'the caller hung up',
    node_lost: 'interrupted',
  },
  cause: {
    answered: 'answered',
    busy: 'busy',
    declined: 'declined',
    no_answer: 'no answer',
    no_progress: 'no response',
    unreachable: 'unreachable',
    congested: 'lines full',
    broken: 'broken',
    elsewhere: 'answered elsewhere',
    cancelled: 'cancelled',
    caller_gone: 'caller gone',
    node_lost: 'interrupted',
  },
  declined: { busy: 'busy', not_mine: 'not their business', other: 'another reason' },
  unsaid: 'no reason (a telephone)',
};
