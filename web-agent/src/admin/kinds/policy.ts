import { say } from '../text';
import { madeCode, type Description, type Field } from './description';

const seconds = (key: string, zh: string, en: string, hint: Field['hint']): Field => ({
  key,
  label: { zh, en },
  ...(hint ? { hint } : {}),
  control: 'number',
  min: 1,
  max: 3600,
  suffix: { zh: '秒', en: 's' },
  isRequired: true,
});

const asConfigured = { zh: '沿用系统配置', en: 'As configured' };

const optional = (key: string, zh: string, en: string, hint?: Field['hint'], min = 0): Field => ({
  key,
  label: { zh, en },
  ...(hint ? { hint } : {}),
  control: 'number',
  min,
  max: 3600,
  suffix: { zh: '秒', en: 's' },
  empty: asConfigured,
});

const CHANNELS = [
  { value: 'pc', label: { zh: '电脑端', en: 'PC' } },
  { value: 'mobile', label: { zh: '移动端', en: 'Mobile' } },
  { value: 'hall', label: { zh: '办事大厅', en: 'Service hall' } },
  { value: 'kiosk', label: { zh: '大厅自助机', en: 'Kiosk' } },
  { value: 'counter', label: { zh: '大厅窗口', en: 'Counter' } },
  { value: 'call', label: { zh: '热线电话', en: 'Hotline' } },
] as const;

const channelText = (channel: unknown): string => {
  const known = CHANNELS.find(({ value }) => value === channel);
  return say(known?.label ?? { zh: '不限', en: 'Any' });
};

const others = { zh: '其余所有技能组', en: 'All others' };

export const policy: Description = {
  kind: 'sla_policy',
  screen: 'policies',
  title: { zh: 'SLA 策略', en: 'SLA policies' },
  about: {
    zh: '市民请求人工后多久提醒、告警、超时，还问谁，以及后续多久须回复。对新的请求和发言立即生效，已在计时的不变。',
    en: 'When a request warns, alerts and breaches, who else is asked, when the next answer is due. In force at once.',
  },
  one: { zh: 'SLA 策略', en: 'SLA policy' },
  action: 'manage_policies',
  id: { made: () => madeCode('sla') },
  columns: [
    { key: 'name', label: { zh: '名称', en: 'Name' }, text: ({ body }) => String(body.name), isWide: true },
    {
      key: 'team',
      label: { zh: '适用事项或技能组', en: 'Item or team' },
      text: ({ body }, names) =>
        body.item ? names.item(String(body.item)) : body.team ? names.team(String(body.team)) : say(others),
    },
    { key: 'channel', label: { zh: '来源', en: 'Channel' }, text: ({ body }) => channelText(body.channel) },
    ...(
      [
        ['warnSeconds', '提醒', 'Warn'],
        ['alertSeconds', '告警', 'Alert'],
        ['breachSeconds', '超时', 'Breach'],
        ['offerSeconds', '接入保留', 'Offer'],
      ] as const
    ).map(([key, zh, en]) => ({
      key,
      label: { zh: `${zh}（秒）`, en: `${en} (s)` },
      text: ({ body }: { body: Record<string, unknown> }) => String(body[key]),
      isNumber: true,
    })),
  ],
  groups: [
    {
      title: { zh: '适用范围', en: 'Scope' },
      fields: [
        { key: 'name', label: { zh: '名称', en: 'Name' }, control: 'text', max: 100, isRequired: true },
        {
          key: 'team',
          label: { zh: '适用技能组', en: 'Team' },
          control: 'code',
          source: 'team',
          empty: { zh: '所有没有单独策略的技能组', en: 'All that have none of their own' },
          hint: { zh: '与事项只能填一个', en: 'Either a team or an item' },
        },
        {
          key: 'item',
          label: { zh: '适用事项', en: 'Item' },
          control: 'code',
          source: 'item',
          empty: { zh: '不限事项', en: 'Any' },
          hint: {
            zh: '最具体的策略优先：事项＋来源、事项、技能组＋来源、技能组、来源、其余',
            en: 'The most particular wins: item and channel, item, team and channel, team, channel, all others',
          },
        },
        {
          key: 'channel',
          label: { zh: '适用来源', en: 'Channel' },
          control: 'choice',
          choices: CHANNELS,
          empty: { zh: '不限', en: 'Any' },
        },
      ],
    },
    {
      title: { zh: '时限', en: 'Limits' },
      fields: [
        seconds('warnSeconds', '提醒帮办员', 'Warn the agent', undefined),
        seconds('alertSeconds', '告警督导', 'Alert supervisors', {
          zh: '必须晚于提醒',
          en: 'Later than the warning',
        }),
        seconds('breachSeconds', '记为超时', 'Breach', {
          zh: '对市民的承诺，文件要求 60 秒',
          en: 'The promise; the policy paper says 60 s',
        }),
        seconds('offerSeconds', '接入请求保留', 'An offer stands', {
          zh: '未应答则转给下一位帮办员',
          en: 'Then the next agent is asked',
        }),
      ],
    },
    {
      title: { zh: '后续响应', en: 'Next response' },
      fields: [
        optional(
          'nextResponseSeconds',
          '市民再次发言后回复',
          'Answer after the citizen wrote again',
          {
            zh: '只计服务时间，从第一条未回复的消息起算；系统默认 3 分钟',
            en: 'In service time, from the first unanswered message; 3 min as configured',
          },
          10,
        ),
        {
          key: 'steps',
          label: { zh: '步骤', en: 'Steps' },
          control: 'steps',
          hint: { zh: '按承诺时间的百分比或秒数', en: 'By percent of the promise or by seconds' },
        },
      ],
    },
    {
      title: { zh: '等待多久后扩大范围', en: 'Who else is asked, by seconds waited' },
      fields: [
        optional('neighboursSeconds', '相邻区同条线', 'Same line next door', {
          zh: '相邻各区同一条线的技能组，排队位置不变',
          en: 'Teams of the same line in neighbouring districts; the place in line is kept',
        }),
        optional('citySeconds', '市级同条线', 'City team of the line'),
        optional('generalSeconds', '综合帮办', 'General team'),
        optional('parallelSeconds', '同时询问多人', 'Several at once', {
          zh: '先接受者服务，其他人会收到提示',
          en: 'The first who accepts serves, the others are told',
        }),
        {
          key: 'parallelOffers',
          label: { zh: '同时询问人数', en: 'How many at once' },
          control: 'number',
          min: 1,
          max: 20,
          suffix: { zh: '人', en: 'people' },
          empty: asConfigured,
        },
      ],
    },
    {
      title: { zh: '要求与优先', en: 'Needs and priority' },
      fields: [
        optional('needsSeconds', '只找符合要求的人', 'Only who meets the needs', {
          zh: '语言、技能和等级；之后任何人都可接入',
          en: 'Language, skill and level; then anybody is asked',
        }),
        optional('headStartSeconds', '企业优先提前量', 'Head start of enterprises', {
          zh: '视同提前这么久提出；等待更久的市民不会被超过。0 表示不优先',
          en: 'As if asked so much earlier; nobody who has waited longer is overtaken. 0: none',
        }),
      ],
    },
  ],
  fresh: () => ({
    name: '',
    team: null,
    item: null,
    channel: null,
    nextResponseSeconds: null,
    steps: [],
    warnSeconds: 30,
    alertSeconds: 45,
    breachSeconds: 60,
    offerSeconds: 15,
    neighboursSeconds: null,
    citySeconds: null,
    generalSeconds: null,
    parallelSeconds: null,
    parallelOffers: null,
    needsSeconds: null,
    headStartSeconds: null,
  }),
  nameOf: ({ body }) => String(body.name),
  unitOf: (body, teamUnit) => (body.team ? teamUnit(String(body.team)) : null),
  search: { zh: '按名称查找', en: 'Find by name' },
  empty: { zh: '还没有单独的策略，所有技能组按系统配置执行', en: 'No policy of its own: all follow the configuration' },
};
