import type { Body, Hours } from '../api';
import { isAlways } from '../logic/hours';
import { say, type Text } from '../text';
import type { Description } from './description';

const asUnit: Text = { zh: '沿用所属单位', en: 'As its unit' };
const asConfigured: Text = { zh: '沿用系统配置', en: 'As configured' };

/** Also on the screen of queues: a team is its queue. */
export const team: Description = {
  kind: 'team',
  screen: 'queues',
  title: { zh: '队列', en: 'Queues' },
  about: {
    zh: '每个技能组有一个队列：服务时段、预约回电时段的长度和名额。时限由 SLA 策略决定。',
    en: 'Each team has one queue: service hours, length and room of call-back slots. SLA policies set the limits.',
  },
  one: { zh: '技能组', en: 'team' },
  action: 'manage_units',
  id: {
    typed: {
      label: { zh: '技能组代码', en: 'Team code' },
      hint: { zh: '小写字母、数字、- 和 _，保存后不能修改', en: 'Small letters, digits, - and _; cannot be changed' },
    },
  },
  columns: [
    { key: 'name', label: { zh: '名称', en: 'Name' }, text: ({ body }) => String(body.name), isWide: true },
    { key: 'code', label: { zh: '代码', en: 'Code' }, text: ({ id }) => id },
    {
      key: 'unit',
      label: { zh: '所属单位', en: 'Unit' },
      text: ({ body }, names) => names.unit(String(body.unit)) ?? '',
    },
    {
      key: 'hours',
      label: { zh: '服务时段', en: 'Hours' },
      text: ({ body }) => hoursText(body.hours as Hours | null) ?? say(asUnit),
    },
    {
      key: 'slot',
      label: { zh: '回电时段', en: 'Call-backs' },
      text: ({ body }) => slotText(body),
    },
  ],
  groups: [
    {
      title: { zh: '基本信息', en: 'Basics' },
      fields: [
        { key: 'name', label: { zh: '名称', en: 'Name' }, control: 'text', max: 100, isRequired: true },
        {
          key: 'nameEn',
          label: { zh: '英文名称', en: 'Name in English' },
          hint: { zh: '可不填，英文界面将显示中文名称', en: 'Optional; else the Chinese one is shown' },
          control: 'text',
          max: 100,
        },
        { key: 'unit', label: { zh: '所属单位', en: 'Unit' }, control: 'code', source: 'unit', isRequired: true },
      ],
    },
    {
      title: { zh: '服务时段', en: 'Service hours' },
      fields: [
        {
          key: 'hours',
          label: { zh: '服务时段', en: 'Service hours' },
          control: 'hours',
          above: (body) => (body.unit as string) || null,
        },
      ],
    },
    {
      title: { zh: '预约回电', en: 'Call-backs' },
      fields: [
        {
          key: 'slotMinutes',
          label: { zh: '每个时段', en: 'Length of a slot' },
          control: 'number',
          min: 5,
          max: 480,
          suffix: { zh: '分钟', en: 'min' },
          empty: asConfigured,
        },
        {
          key: 'slotCapacity',
          label: { zh: '每时段名额', en: 'People per slot' },
          control: 'number',
          min: 1,
          max: 1000,
          suffix: { zh: '人', en: 'people' },
          empty: asConfigured,
        },
      ],
    },
    {
      title: { zh: '对帮办员的要求', en: 'What agents need' },
      fields: [
        {
          key: 'skill',
          label: { zh: '技能', en: 'Skill' },
          hint: {
            zh: '与帮办员账号中的技能一致，如“手语”；不填表示没有要求',
            en: 'As in accounts of staff; empty: none',
          },
          control: 'text',
          max: 50,
        },
        {
          key: 'leastLevel',
          label: { zh: '最低等级', en: 'Least level' },
          control: 'number',
          min: 1,
          max: 5,
          suffix: { zh: '级', en: 'of 5' },
          empty: { zh: '没有要求', en: 'None' },
        },
      ],
    },
  ],
  fresh: () => ({
    name: '',
    nameEn: '',
    unit: '',
    hours: null,
    slotMinutes: null,
    slotCapacity: null,
    skill: '',
    leastLevel: null,
  }),
  nameOf: ({ body }) => String(body.name),
  unitOf: (body) => (body.unit as string) || null,
  search: { zh: '按名称或代码查找', en: 'Find by name or code' },
  empty: { zh: '还没有技能组', en: 'There are no teams yet' },
};

export function hoursText(hours: Hours | null): string | null {
  if (!hours) return null;
  return isAlways(hours) ? say({ zh: '全天 24 小时', en: 'Round the clock' }) : hours.periods.join(' ');
}

function slotText(body: Body): string {
  const { slotMinutes, slotCapacity } = body as { slotMinutes: number | null; slotCapacity: number | null };
  if (slotMinutes === null && slotCapacity === null) return say(asConfigured);
  const [minutes, people] = [slotMinutes ?? '—', slotCapacity ?? '—'];
  return say({ zh: `${minutes} 分钟 / ${people} 人`, en: `${minutes} min / ${people} people` });
}
