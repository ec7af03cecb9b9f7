import type { AdminRecord } from '../api';
import { timeStamp } from '../logic/time';
import { say, type Text } from '../text';
import { madeCode, type Description } from './description';

export const levels: Record<string, Text> = {
  info: { zh: '提示', en: 'Info' },
  warning: { zh: '提醒', en: 'Warning' },
  outage: { zh: '故障', en: 'Outage' },
};

type Span = { from: number; to: number | null };
type State = 'shown' | 'planned' | 'over';

export function stateOf({ body }: AdminRecord, now: number): State {
  const { from, to } = body as Span;
  if (now < from) return 'planned';
  return to !== null && to <= now ? 'over' : 'shown';
}

const states: Record<State, Text> = {
  shown: { zh: '● 展示中', en: '● Shown' },
  planned: { zh: '○ 未开始', en: '○ Planned' },
  over: { zh: '已结束', en: 'Over' },
};
const always: Text = { zh: '至手动撤下', en: 'until removed' };

export const notice: Description = {
  kind: 'notice',
  screen: 'notices',
  title: { zh: '公告', en: 'Notices' },
  about: {
    zh: '在市民的在线帮办窗口和帮办员工作台顶部展示，保存后数秒内生效。故障公告不能被市民关闭。',
    en: 'Shown at the top of the citizens’ panel and the agents’ console within seconds. An outage cannot be dismissed.',
  },
  one: { zh: '公告', en: 'notice' },
  action: 'manage_notices',
  id: { made: () => madeCode('notice') },
  columns: [
    {
      key: 'state',
      label: { zh: '状态', en: 'State' },
      text: (record, { now }) => say(states[stateOf(record, now)]),
      mark: (record, { now }) => (stateOf(record, now) === 'shown' ? 'ok' : 'plain'),
    },
    {
      key: 'level',
      label: { zh: '级别', en: 'Level' },
      text: ({ body }) => say(levels[String(body.level)] ?? { zh: '', en: '' }),
      mark: ({ body }) => ({ outage: 'breach' as const, warning: 'risk' as const })[String(body.level)] ?? 'plain',
    },
    { key: 'text', label: { zh: '内容', en: 'Text' }, text: ({ body }) => String(body.text), isWide: true },
    {
      key: 'scope',
      label: { zh: '范围', en: 'Scope' },
      text: ({ body }, names) => {
        const count = (body.items as string[]).length;
        const parts = (body.teams as string[]).map(names.team);
        if (count > 0) parts.push(say({ zh: `${count} 个事项`, en: `${count} item(s)` }));
        return parts.join('、') || names.unit(body.unit as string | null) || say({ zh: '全市', en: 'Everybody' });
      },
    },
    {
      key: 'span',
      label: { zh: '展示时间', en: 'Shown' },
      text: ({ body }) => {
        const { from, to } = body as Span;
        return `${timeStamp(from)} – ${to === null ? say(always) : timeStamp(to)}`;
      },
    },
  ],
  groups: [
    {
      title: { zh: '内容', en: 'Content' },
      fields: [
        {
          key: 'level',
          label: { zh: '级别', en: 'Level' },
          control: 'choice',
          choices: [
            { value: 'info', label: { zh: '提示：一般告知', en: 'Info: good to know' } },
            { value: 'warning', label: { zh: '提醒：办理有变化', en: 'Warning: something is not as usual' } },
            { value: 'outage', label: { zh: '故障：暂时无法办理', en: 'Outage: something does not work' } },
          ],
          isRequired: true,
        },
        { key: 'text', label: { zh: '内容', en: 'Text' }, control: 'area', max: 500, rows: 4, isRequired: true },
        {
          key: 'textEn',
          label: { zh: '英文内容', en: 'Text in English' },
          hint: { zh: '可不填，英文界面将显示中文', en: 'Optional; else the Chinese one is shown' },
          control: 'area',
          max: 1000,
          rows: 2,
        },
      ],
    },
    {
      title: { zh: '给谁看', en: 'For whom' },
      fields: [
        {
          key: 'unit',
          label: { zh: '发布单位', en: 'Unit' },
          hint: { zh: '只有该单位及下级单位的技能组服务的市民会看到', en: 'Only those served by its teams see it' },
          control: 'code',
          source: 'unit',
          empty: { zh: '全市', en: 'The whole city' },
        },
        {
          key: 'items',
          label: { zh: '涉及事项', en: 'Items' },
          control: 'codes',
          source: 'item',
          empty: { zh: '不限事项', en: 'Any item' },
        },
        {
          key: 'teams',
          label: { zh: '涉及技能组', en: 'Teams' },
          hint: { zh: '事项或技能组符合其一即展示', en: 'Shown where either an item or a team fits' },
          control: 'codes',
          source: 'team',
          empty: { zh: '不限技能组', en: 'Any team' },
        },
      ],
    },
    {
      title: { zh: '展示时间', en: 'When' },
      fields: [
        { key: 'from', label: { zh: '开始', en: 'From' }, control: 'instant', isRequired: true },
        { key: 'to', label: { zh: '结束', en: 'Until' }, control: 'instant', empty: always },
      ],
    },
    {
      title: { zh: '应急停止', en: 'Emergency' },
      fields: [
        {
          key: 'closes',
          label: { zh: '停止人工服务', en: 'Closes the service' },
          hint: {
            zh: '展示期间，上述范围的技能组不再接受新的人工请求，市民可留言并预约回电；已在等候和服务中的不受影响。不能按事项停止',
            en: 'While it is shown, its teams take no new requests: people leave a message and get a call-back. Who waits or is served already is not affected. Not for single items',
          },
          control: 'switch',
          caption: { zh: '展示期间停止接受人工请求', en: 'No new requests while it is shown' },
        },
      ],
    },
  ],
  // Whole minutes: that is what the field shows.
  fresh: (now) => ({
    text: '',
    textEn: '',
    level: 'info',
    items: [],
    teams: [],
    from: Math.floor(now / 60_000) * 60_000,
    to: null,
    unit: null,
    closes: false,
  }),
  nameOf: ({ body }) => String(body.text).slice(0, 30),
  unitOf: (body) => body.unit as string | null,
  search: { zh: '按内容查找', en: 'Find by text' },
  empty: { zh: '目前没有公告', en: 'There are no notices' },
};
