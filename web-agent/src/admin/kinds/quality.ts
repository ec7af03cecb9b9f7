import { say, type Text } from '../text';
import { madeCode, type Description, type Field } from './description';

const unit: Field = {
  key: 'unit',
  label: { zh: '所属单位', en: 'Unit' },
  control: 'code',
  source: 'unit',
  empty: { zh: '全市', en: 'The whole city' },
};
const wholeCity: Text = { zh: '全市', en: 'The whole city' };

export const scoreCard: Description = {
  kind: 'score_card',
  screen: 'quality',
  title: { zh: '评分卡', en: 'Score cards' },
  about: {
    zh: '满分 100 分。修改后的评分卡只用于之后抽取的会话，已抽取的仍按当时的版本评分。',
    en: '100 points. A changed card is used for what is drawn from then on; what was drawn keeps its version.',
  },
  one: { zh: '评分卡', en: 'score card' },
  action: 'inspect',
  id: { made: () => madeCode('card') },
  columns: [
    { key: 'name', label: { zh: '名称', en: 'Name' }, text: ({ body }) => String(body.name), isWide: true },
    {
      key: 'questions',
      label: { zh: '题数', en: 'Questions' },
      text: ({ body }) => String((body.questions as unknown[]).length),
      isNumber: true,
    },
    {
      key: 'unit',
      label: { zh: '所属单位', en: 'Unit' },
      text: ({ body }, names) => names.unit(body.unit as string | null) ?? say(wholeCity),
    },
  ],
  groups: [
    {
      title: { zh: '评分卡', en: 'Card' },
      fields: [
        { key: 'name', label: { zh: '名称', en: 'Name' }, control: 'text', max: 100, isRequired: true },
        { key: 'nameEn', label: { zh: '英文名称', en: 'In English' }, control: 'text', max: 100 },
        unit,
      ],
    },
    {
      title: { zh: '题目', en: 'Questions' },
      fields: [
        {
          key: 'questions',
          label: { zh: '题目', en: 'Questions' },
          hint: {
            zh: '各题分值合计须为 100；勾选“否决”的题得 0 分时总分为 0',
            en: 'Their points make 100; with no point in a fatal one the total is 0',
          },
          control: 'questions',
          isRequired: true,
        },
      ],
    },
  ],
  fresh: () => ({
    name: '',
    nameEn: '',
    unit: null,
    questions: [{ section: '', sectionEn: '', text: '', textEn: '', points: 100, fatal: false }],
  }),
  nameOf: ({ body }) => String(body.name),
  unitOf: (body) => body.unit as string | null,
  search: { zh: '按名称查找', en: 'Find by name' },
  empty: { zh: '还没有评分卡', en: 'There is no score card yet' },
};

export const samplePlan: Description = {
  kind: 'sample_plan',
  screen: 'quality',
  title: { zh: '抽样方案', en: 'Sample plans' },
  about: {
    zh: '每周一起自动从上一周（周一至周日）办结的会话中抽取，每个方案每周一次；同样的种子抽出同样的会话，可以复核。',
    en: 'Each week the conversations closed in the week before are drawn of, once by each plan. The same seed draws the same.',
  },
  one: { zh: '抽样方案', en: 'sample plan' },
  action: 'inspect',
  id: { made: () => madeCode('plan') },
  columns: [
    { key: 'name', label: { zh: '名称', en: 'Name' }, text: ({ body }) => String(body.name), isWide: true },
    {
      key: 'amount',
      label: { zh: '随机抽取', en: 'At random' },
      text: ({ body }) => (body.percent === null ? String(body.count) : `${String(body.percent)}%`),
      isNumber: true,
    },
    {
      key: 'weekly',
      label: { zh: '每周自动', en: 'Weekly' },
      text: ({ body }) => say(body.weekly ? { zh: '是', en: 'yes' } : { zh: '否', en: 'no' }),
      mark: ({ body }) => (body.weekly ? 'ok' : 'plain'),
    },
    {
      key: 'unit',
      label: { zh: '所属单位', en: 'Unit' },
      text: ({ body }, names) => names.unit(body.unit as string | null) ?? say(wholeCity),
    },
  ],
  groups: [
    {
      title: { zh: '方案', en: 'Plan' },
      fields: [
        { key: 'name', label: { zh: '名称', en: 'Name' }, control: 'text', max: 100, isRequired: true },
        {
          key: 'card',
          label: { zh: '评分卡', en: 'Score card' },
          control: 'code',
          source: 'card',
          isRequired: true,
        },
        {
          key: 'weekly',
          label: { zh: '自动', en: 'Weekly' },
          control: 'switch',
          caption: { zh: '每周自动抽取', en: 'Drawn every week' },
        },
      ],
    },
    {
      title: { zh: '范围', en: 'Of whom' },
      fields: [
        unit,
        {
          key: 'teams',
          label: { zh: '技能组', en: 'Teams' },
          control: 'codes',
          source: 'team',
          empty: { zh: '该单位的所有技能组', en: 'All teams of the unit' },
        },
        {
          key: 'agents',
          label: { zh: '帮办人员', en: 'Agents' },
          control: 'codes',
          source: 'staff',
          empty: { zh: '所有帮办人员', en: 'All agents' },
        },
      ],
    },
    {
      title: { zh: '随机抽取', en: 'At random' },
      fields: [
        {
          key: 'per',
          label: { zh: '抽取单位', en: 'Of each' },
          control: 'choice',
          choices: [
            { value: 'agent', label: { zh: '每位帮办人员', en: 'agent' } },
            { value: 'team', label: { zh: '每个技能组', en: 'team' } },
            { value: 'plan', label: { zh: '合计', en: 'all together' } },
          ],
        },
        {
          key: 'count',
          label: { zh: '数量', en: 'Number' },
          hint: { zh: '数量和比例填一项', en: 'A number or a percentage' },
          control: 'number',
          min: 0,
          max: 500,
          suffix: { zh: '个', en: 'conversations' },
          empty: { zh: '按比例', en: 'by percentage' },
        },
        {
          key: 'percent',
          label: { zh: '比例', en: 'Percentage' },
          control: 'number',
          min: 1,
          max: 100,
          suffix: { zh: '%', en: '%' },
          empty: { zh: '按数量', en: 'by number' },
        },
        {
          key: 'seed',
          label: { zh: '随机种子', en: 'Seed' },
          control: 'number',
          min: 0,
          max: 4_294_967_295,
          suffix: { zh: '', en: '' },
          isRequired: true,
        },
      ],
    },
    {
      title: { zh: '另外全部抽取', en: 'All of these, too' },
      fields: [
        {
          key: 'badReviews',
          label: { zh: '差评', en: 'Bad reviews' },
          control: 'switch',
          caption: { zh: '评价 1 星或 2 星', en: 'One or two stars' },
        },
        {
          key: 'breaches',
          label: { zh: '超时', en: 'Late' },
          control: 'switch',
          caption: { zh: '首次响应超时', en: 'The first response came too late' },
        },
        {
          key: 'transfers',
          label: { zh: '转接', en: 'Transfers' },
          control: 'switch',
          caption: { zh: '转接超过两次', en: 'Handed on more than twice' },
        },
      ],
    },
  ],
  fresh: (now) => ({
    name: '',
    card: '',
    unit: null,
    teams: [],
    agents: [],
    per: 'agent',
    count: 2,
    percent: null,
    seed: Math.floor(now / 1000) % 4_294_967_296,
    badReviews: true,
    breaches: true,
    transfers: true,
    weekly: true,
  }),
  nameOf: ({ body }) => String(body.name),
  unitOf: (body) => body.unit as string | null,
  search: { zh: '按名称查找', en: 'Find by name' },
  empty: { zh: '还没有抽样方案', en: 'There is no sample plan yet' },
};
