/** Words that all pages about tasks share. */
import type { TaskKind, TaskState } from '../../generated/protocol';
import { useWords } from '../../shared/words';
import type { DueState, Span } from './due';

const zh = {
  kind: { gap: '补充任务', policy: '政策问答', correction: '纠错任务', call_back: '回拨任务' } as Record<
    TaskKind,
    string
  >,
  state: { open: '待认领', working: '处理中', done: '已完成', dropped: '已撤销' } as Record<TaskState, string>,
  due: {
    kept: '按时完成',
    late: '逾期完成',
    dropped: '已撤销',
    overdue: '已逾期',
    soon: '即将到期',
    open: '进行中',
  } as Record<DueState, string>,
  left: ({ unit, count }: Span) => `剩 ${count} ${{ days: '天', hours: '小时', minutes: '分钟' }[unit]}`,
  over: ({ unit, count }: Span) => `逾期 ${count} ${{ days: '天', hours: '小时', minutes: '分钟' }[unit]}`,
  provisional: '暂定：涉及尚未公布节假日的年份，公布后自动重算',
  provisionalMark: '暂定',
  noItem: '不限事项',
};
const en: typeof zh = {
  kind: { gap: 'Gap', policy: 'Policy', correction: 'Correction', call_back: 'Call-back' },
  state: { open: 'Open', working: 'In work', done: 'Done', dropped: 'Dropped' },
  due: {
    kept: 'On time',
    late: 'Done late',
    dropped: 'Dropped',
    overdue: 'Overdue',
    soon: 'Due soon',
    open: 'Running',
  },
  left: ({ unit, count }) => `${count} ${unit} left`,
  over: ({ unit, count }) => `${count} ${unit} overdue`,
  provisional: 'Provisional: the holidays of a year are not published yet; it is computed anew when they are',
  provisionalMark: 'provisional',
  noItem: 'Any item',
};

export const useTaskWords = () => useWords(zh, en);
