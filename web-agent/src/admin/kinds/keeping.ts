import { timeStamp } from '../logic/time';
import { say, type Text } from '../text';
import { madeCode, type Description } from './description';

/** The classes of data that the server keeps, with the least that may be set, in days. */
export const classes: Record<string, Text & { least: number }> = {
  threads: { zh: '会话内容、备注、评价文字', en: 'Threads, notes, words of ratings', least: 8 },
  files: { zh: '图片、文件和语音', en: 'Pictures, files and voice messages', least: 8 },
  people: { zh: '市民姓名和电话', en: 'Names and telephones of citizens', least: 8 },
  receipts: { zh: '已办结的回执', en: 'Settled receipts', least: 8 },
  messages: { zh: '已发出或作废的通知和提醒', en: 'Messages and reminders that were sent or given up', least: 8 },
  sessions: { zh: '人员登录记录', en: 'Ended sessions of staff', least: 183 },
  audit: { zh: '审计日志', en: 'The audit log', least: 183 },
};

const untilLifted: Text = { zh: '至手动解除', en: 'until lifted' };

/** The classes are the server's; people change only how long. */
export const retention: Description = {
  kind: 'retention',
  screen: 'retention',
  title: { zh: '保留期限', en: 'Retention' },
  about: {
    zh: '每类数据保留多久，到期后自动删除并留存删除证明。法律要求日志至少保留 6 个月。',
    en: 'How long each class of data is kept; then it is deleted, with proof. The law asks for logs of at least 6 months.',
  },
  one: { zh: '保留期限', en: 'retention time' },
  action: 'manage_retention',
  id: {
    typed: {
      label: { zh: '数据类别', en: 'Class of data' },
      hint: { zh: '系统定义的类别代码', en: 'Code of a class that the system knows' },
    },
  },
  columns: [
    { key: 'class', label: { zh: '数据类别', en: 'Class' }, text: ({ id }) => say(classes[id] ?? { zh: id, en: id }) },
    {
      key: 'days',
      label: { zh: '保留（天）', en: 'Days' },
      text: ({ body }) => String(body.days),
      isNumber: true,
    },
    { key: 'note', label: { zh: '依据', en: 'Reason' }, text: ({ body }) => String(body.note), isWide: true },
  ],
  groups: [
    {
      title: { zh: '期限', en: 'Time' },
      fields: [
        {
          key: 'days',
          label: { zh: '保留', en: 'Kept for' },
          control: 'number',
          min: 1,
          max: 36500,
          suffix: { zh: '天', en: 'days' },
          isRequired: true,
        },
        { key: 'note', label: { zh: '依据', en: 'Reason' }, control: 'area', max: 500, rows: 3 },
      ],
    },
  ],
  fresh: () => ({ days: 1095, note: '' }),
  nameOf: ({ id }) => say(classes[id] ?? { zh: id, en: id }),
  unitOf: () => null,
  search: { zh: '查找', en: 'Find' },
  empty: { zh: '没有单独设置的期限，按系统默认执行', en: 'No time was set: the defaults hold' },
};

export const hold: Description = {
  kind: 'legal_hold',
  screen: 'retention',
  title: { zh: '依法保全', en: 'Legal holds' },
  about: {
    zh: '列入保全的市民或会话，到期也不删除，直至解除。',
    en: 'What is held is not deleted, whatever its age, until the hold is lifted.',
  },
  one: { zh: '保全', en: 'legal hold' },
  action: 'manage_retention',
  id: { made: () => madeCode('hold') },
  columns: [
    { key: 'subject', label: { zh: '对象', en: 'Subject' }, text: ({ body }) => String(body.subject) },
    { key: 'reason', label: { zh: '原因', en: 'Reason' }, text: ({ body }) => String(body.reason), isWide: true },
    {
      key: 'until',
      label: { zh: '保全至', en: 'Until' },
      text: ({ body }) => (body.until === null ? say(untilLifted) : timeStamp(body.until as number)),
    },
  ],
  groups: [
    {
      title: { zh: '保全', en: 'Hold' },
      fields: [
        {
          key: 'subject',
          label: { zh: '对象编号', en: 'Subject' },
          hint: { zh: '市民 ct_… 或会话 cv_…', en: 'A citizen ct_… or a conversation cv_…' },
          control: 'text',
          max: 64,
          isRequired: true,
        },
        { key: 'reason', label: { zh: '原因', en: 'Reason' }, control: 'area', max: 500, rows: 3, isRequired: true },
        { key: 'until', label: { zh: '保全至', en: 'Until' }, control: 'instant', empty: untilLifted },
      ],
    },
  ],
  fresh: () => ({ subject: '', reason: '', until: null }),
  nameOf: ({ body }) => String(body.subject),
  unitOf: () => null,
  search: { zh: '按编号或原因查找', en: 'Find by id or reason' },
  empty: { zh: '没有保全', en: 'Nothing is held' },
};
