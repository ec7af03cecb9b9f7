/** What the page of single legs says; the numbers are the server's. */
import type { CountedLeg } from '../generated/protocol';
import { NONE, spanText } from './numbers';

/** How long somebody was in the call. */
export const talkedText = ({ joinedAt, endedAt }: Pick<CountedLeg, 'joinedAt' | 'endedAt'>): string =>
  endedAt === null ? NONE : spanText(endedAt - joinedAt);

/** `x of y times`: how often it disturbed. */
export const timesText = ({ hits, of }: { hits: number; of: number }): string => `${hits} / ${of}`;

export const zh = {
  title: '通话音质 · 各方明细',
  count: (n: string) => `共 ${n} 条已测量`,
  hint: '一次通话的每一方各占一行。每 5 秒测量一次，丢包超过 8% 记为音质差；“对方丢包”由对方设备报告。办事人不显示姓名与号码。',
  fileHint: '导出与所选条件一致；未选“仅音质差”时还包括未测量的各方。',
  who: '通话方',
  everybody: '全部',
  which: '范围',
  all: '全部已测量',
  poorOnly: '仅音质差',
  order: '排序',
  worst: '音质最差在前',
  latest: '最近通话在前',
  only: (name: string) => `只看 ${name}`,
  notOnly: (name: string) => `不再只看 ${name}`,
  empty: '所选范围内没有已测量的通话',
  good: '所选范围内没有音质差的通话',
  widen: '查看全部已测量',
  party: '人员或号码',
  department: '部门',
  began: '通话开始',
  talked: '在线时长',
  poor: '音质差 / 测量次数',
  call: '通话编号',
};

export const en: { [K in keyof typeof zh]: (typeof zh)[K] } = {
  title: 'Sound of calls · single legs',
  count: (n) => `${n} measured`,
  hint: 'One line for each party of a call. Each is measured every 5 s; more than 8% lost is poor. "Lost to them" is what their device reports. Callers are not named.',
  fileHint: 'The file has what is chosen here, and unless "Poor only" is chosen also the legs that were not measured.',
  who: 'Leg',
  everybody: 'All',
  which: 'Which',
  all: 'All that were measured',
  poorOnly: 'Poor only',
  order: 'Order',
  worst: 'Worst sound first',
  latest: 'Latest call first',
  only: (name) => `Only ${name}`,
  notOnly: (name) => `Not only ${name} any more`,
  empty: 'No call was measured',
  good: 'No call sounded poor',
  widen: 'Show all that were measured',
  party: 'Number or person',
  department: 'Department',
  began: 'Call began',
  talked: 'In the call',
  poor: 'Poor / measured',
  call: 'Call',
};
