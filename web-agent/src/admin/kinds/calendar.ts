import type { Text } from '../text';
import { say } from '../text';
import { madeCode, type Description } from './description';

interface Days {
  daysOff: { date: string; name: string }[];
  workDays: { date: string; name: string }[];
}
const days = (list: readonly unknown[]): string => say({ zh: `${list.length} 天`, en: `${list.length} day(s)` });
const dayParts = [
  { key: 'date', label: { zh: '日期', en: 'Day' }, isDate: true },
  { key: 'name', label: { zh: '节日', en: 'Holiday' } },
] as const;
const addDay: Text = { zh: '添加一天', en: 'Add a day' };

/** The State Council's list. */
export const calendarYear: Description = {
  kind: 'calendar_year',
  screen: 'calendar',
  title: { zh: '法定节假日与调休', en: 'Holidays and make-up days' },
  about: {
    zh: '按国务院办公厅通知维护每年的放假和调休日期，决定服务时段和工作日期限。尚未公布的年份按周一至周五推算，期限标为“暂定”。',
    en: 'The days of each year as published. Service hours and deadlines follow them; a year that is not there yet counts weekdays, and its deadlines are provisional.',
  },
  one: { zh: '年份', en: 'year' },
  action: 'manage_units',
  id: { typed: { label: { zh: '年份', en: 'Year' }, hint: { zh: '例如 2027', en: 'E.g. 2027' } } },
  columns: [
    { key: 'year', label: { zh: '年份', en: 'Year' }, text: ({ id }) => id },
    { key: 'off', label: { zh: '放假', en: 'Days off' }, text: ({ body }) => days((body as unknown as Days).daysOff) },
    {
      key: 'worked',
      label: { zh: '调休上班', en: 'Make-up days' },
      text: ({ body }) => days((body as unknown as Days).workDays),
    },
    { key: 'source', label: { zh: '依据', en: 'Source' }, text: ({ body }) => String(body.source), isWide: true },
  ],
  groups: [
    {
      title: { zh: '依据', en: 'Source' },
      fields: [
        {
          key: 'source',
          label: { zh: '依据', en: 'Source' },
          hint: { zh: '通知的文号', en: 'Number of the notice' },
          control: 'text',
          max: 200,
        },
      ],
    },
    {
      title: { zh: '放假', en: 'Days off' },
      fields: [
        {
          key: 'daysOff',
          label: { zh: '放假日期', en: 'Days off' },
          hint: { zh: '含因调休而放假的工作日', en: 'With the weekdays that are free for a make-up day' },
          control: 'pairs',
          parts: dayParts,
          add: addDay,
        },
      ],
    },
    {
      title: { zh: '调休上班', en: 'Make-up days' },
      fields: [
        {
          key: 'workDays',
          label: { zh: '调休上班日期', en: 'Make-up days' },
          hint: { zh: '需要上班的周六、周日', en: 'Saturdays and Sundays that are worked' },
          control: 'pairs',
          parts: dayParts,
          add: addDay,
        },
      ],
    },
  ],
  fresh: () => ({ daysOff: [], workDays: [], source: '' }),
  nameOf: ({ id }) => id,
  unitOf: () => null,
  search: { zh: '按年份或文号查找', en: 'Find by year or source' },
  empty: { zh: '没有另外录入的年份，按系统内置的日历执行', en: 'No year was entered: the built-in calendar holds' },
};

interface Dates {
  first: string;
  last: string;
  periods: string[];
}

export const specialHours: Description = {
  kind: 'special_hours',
  screen: 'calendar',
  title: { zh: '服务日历', en: 'Calendar' },
  about: {
    zh: '某几天与平时不同的服务时段，例如周六延时服务、停电检修半天。下级单位和技能组自己的设置优先。需要立即停止服务时，请发布带“停止人工服务”的公告。',
    en: 'Days with other hours than usual, e.g. an open Saturday. What is set nearer to the team holds. To stop at once, publish a notice that closes the service.',
  },
  one: { zh: '特殊时段', en: 'exception' },
  action: 'manage_units',
  id: { made: () => madeCode('hours') },
  columns: [
    {
      key: 'days',
      label: { zh: '日期', en: 'Days' },
      text: ({ body }) => {
        const { first, last } = body as unknown as Dates;
        return first === last ? first : `${first} – ${last}`;
      },
    },
    {
      key: 'periods',
      label: { zh: '服务时段', en: 'Hours' },
      text: ({ body }) => {
        const { periods } = body as unknown as Dates;
        return periods.length === 0 ? say({ zh: '不服务', en: 'Closed' }) : periods.join(' ');
      },
      mark: ({ body }) => ((body as unknown as Dates).periods.length === 0 ? 'risk' : 'plain'),
    },
    {
      key: 'scope',
      label: { zh: '范围', en: 'Scope' },
      text: ({ body }, names) =>
        (body.teams as string[]).map(names.team).join('、') ||
        names.unit(body.unit as string | null) ||
        say({ zh: '全市', en: 'The whole city' }),
    },
    { key: 'note', label: { zh: '说明', en: 'Why' }, text: ({ body }) => String(body.note), isWide: true },
  ],
  groups: [
    {
      title: { zh: '日期', en: 'Days' },
      fields: [
        { key: 'first', label: { zh: '第一天', en: 'First day' }, control: 'date', isRequired: true },
        { key: 'last', label: { zh: '最后一天', en: 'Last day' }, control: 'date', isRequired: true },
        {
          key: 'periods',
          label: { zh: '服务时段', en: 'Hours' },
          hint: { zh: '每天都按这些时段；一段也没有表示不服务', en: 'Of each of the days; none at all: closed' },
          control: 'periods',
        },
        { key: 'note', label: { zh: '说明', en: 'Why' }, control: 'text', max: 200 },
      ],
    },
    {
      title: { zh: '范围', en: 'For whom' },
      fields: [
        {
          key: 'unit',
          label: { zh: '单位', en: 'Unit' },
          hint: { zh: '该单位及下级单位的技能组', en: 'The teams of the unit and of those below' },
          control: 'code',
          source: 'unit',
          empty: { zh: '全市', en: 'The whole city' },
        },
        {
          key: 'teams',
          label: { zh: '技能组', en: 'Teams' },
          control: 'codes',
          source: 'team',
          empty: { zh: '不限技能组', en: 'Any team' },
        },
      ],
    },
  ],
  fresh: (now) => {
    // Tomorrow in Shanghai.
    const day = new Date(now + 32 * 3_600_000).toISOString().slice(0, 10);
    return { unit: null, teams: [], first: day, last: day, periods: ['09:00-12:00'], note: '' };
  },
  nameOf: ({ body }) => `${String(body.first)} ${String(body.note)}`.trim(),
  unitOf: (body) => body.unit as string | null,
  search: { zh: '按说明查找', en: 'Find by reason' },
  empty: { zh: '没有特殊时段，按平时的服务时段执行', en: 'No exceptions: the usual hours hold' },
};
