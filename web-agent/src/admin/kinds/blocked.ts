import type { AdminRecord } from '../api';
import { timeStamp } from '../logic/time';
import { say, type Text } from '../text';
import { madeCode, type Description } from './description';

type State = 'proposed' | 'blocked' | 'over';

export function stateOf({ body }: AdminRecord, now: number): State {
  const { until, isProposed } = body as { until: number | null; isProposed?: boolean };
  if (until !== null && until <= now) return 'over';
  return isProposed ? 'proposed' : 'blocked';
}

const states: Record<State, Text> = {
  proposed: { zh: '▲ 待批准', en: '▲ Proposed' },
  blocked: { zh: '■ 限制中', en: '■ Blocked' },
  over: { zh: '已到期', en: 'Over' },
};
const untilLifted: Text = { zh: '至手动解除', en: 'until lifted' };

export const blocked: Description = {
  kind: 'blocked_visitor',
  screen: 'blocked',
  title: { zh: '黑名单', en: 'Blocked visitors' },
  about: {
    zh: '限制期内不能转人工或留言，小申仍会回答；进行中的会话服务到结束。删除即刻解除。',
    en: 'While blocked they reach no person and leave no messages; the assistant still answers, and open cases are served to their end. Deleting lifts it at once.',
  },
  one: { zh: '限制', en: 'block' },
  action: 'block_visitors',
  id: { made: () => madeCode('block') },
  columns: [
    {
      key: 'state',
      label: { zh: '状态', en: 'State' },
      text: (record, { now }) => say(states[stateOf(record, now)]),
      mark: (record, { now }) =>
        ({ proposed: 'risk' as const, blocked: 'breach' as const, over: 'plain' as const })[stateOf(record, now)],
    },
    {
      key: 'citizen',
      label: { zh: '访客', en: 'Visitor' },
      text: ({ body }) => [body.name, body.citizen].filter(Boolean).join(' · '),
    },
    { key: 'reason', label: { zh: '原因', en: 'Reason' }, text: ({ body }) => String(body.reason), isWide: true },
    {
      key: 'until',
      label: { zh: '限制至', en: 'Until' },
      text: ({ body }) => (body.until === null ? say(untilLifted) : timeStamp(body.until as number)),
    },
  ],
  groups: [
    {
      title: { zh: '限制', en: 'Block' },
      fields: [
        {
          key: 'citizen',
          label: { zh: '访客编号', en: 'Visitor id' },
          hint: {
            zh: '以 ct_ 开头；通常由帮办员在会话中发起，无需手工填写',
            en: 'Begins with ct_; most blocks are made from a conversation, which fills it in',
          },
          control: 'text',
          max: 64,
          isRequired: true,
        },
        { key: 'reason', label: { zh: '原因', en: 'Reason' }, control: 'area', max: 500, rows: 3, isRequired: true },
        { key: 'until', label: { zh: '限制至', en: 'Until' }, control: 'instant', empty: untilLifted },
        {
          key: 'unit',
          label: { zh: '生效范围', en: 'Where' },
          hint: { zh: '对该单位及下级单位的技能组生效', en: 'Holds for its teams and those below' },
          control: 'code',
          source: 'unit',
          empty: { zh: '全市', en: 'The whole city' },
        },
        {
          key: 'isProposed',
          label: { zh: '状态', en: 'State' },
          control: 'switch',
          caption: { zh: '仅为帮办员的建议，尚未生效', en: 'Only an agent’s proposal, not in force' },
        },
      ],
    },
  ],
  fresh: (now) => ({
    citizen: '',
    name: '',
    reason: '',
    until: Math.floor(now / 60_000) * 60_000 + 7 * 86_400_000,
    unit: null,
    conversation: null,
    isProposed: false,
  }),
  nameOf: ({ id, body }) => String(body.name || id),
  unitOf: (body) => body.unit as string | null,
  search: { zh: '按访客编号或原因查找', en: 'Find by id or reason' },
  empty: { zh: '没有被限制的访客', en: 'Nobody is blocked' },
};
