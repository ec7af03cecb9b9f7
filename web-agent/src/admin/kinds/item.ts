import type { Body } from '../api';
import { say, type Text } from '../text';
import type { Description, Field } from './description';

const audiences: Record<string, Text> = {
  person: { zh: '个人', en: 'Persons' },
  enterprise: { zh: '企业', en: 'Enterprises' },
  both: { zh: '个人和企业', en: 'Both' },
};

const marks: readonly [string, Text][] = [
  ['highFrequency', { zh: '高频', en: 'High-frequency' }],
  ['hotPolicy', { zh: '热点', en: 'Hot policy' }],
  ['directLine', { zh: '直转', en: 'Direct line' }],
  ['delegated', { zh: '委托', en: 'Delegated' }],
  ['virtualWindow', { zh: '虚拟窗口', en: 'Virtual window' }],
];

const flag = (key: string, zh: string, en: string, zhCaption: string, enCaption: string): Field => ({
  key,
  label: { zh, en },
  control: 'switch',
  caption: { zh: zhCaption, en: enCaption },
});

export const item: Description = {
  kind: 'item',
  screen: 'items',
  title: { zh: '事项', en: 'Items' },
  about: {
    zh: '市民可以咨询和办理的事项。每个高频事项在服务时段内都必须有人值守的技能组。',
    en: 'What citizens may ask about. Each high-frequency item needs a staffed team in every service hour.',
  },
  one: { zh: '事项', en: 'item' },
  action: 'manage_items',
  id: {
    typed: {
      label: { zh: '事项代码', en: 'Item code' },
      hint: { zh: '小写字母、数字、- 和 _，保存后不能修改', en: 'Small letters, digits, - and _; cannot be changed' },
    },
  },
  columns: [
    { key: 'name', label: { zh: '名称', en: 'Name' }, text: ({ body }) => String(body.name), isWide: true },
    { key: 'code', label: { zh: '代码', en: 'Code' }, text: ({ id }) => id },
    {
      key: 'department',
      label: { zh: '主管部门', en: 'Department' },
      text: ({ body }, names) => names.unit(body.department as string) ?? '',
    },
    { key: 'team', label: { zh: '技能组', en: 'Team' }, text: ({ body }, names) => names.team(String(body.team)) },
    {
      key: 'audience',
      label: { zh: '对象', en: 'For' },
      text: ({ body }) => say(audiences[String(body.audience)] ?? { zh: '', en: '' }),
    },
    { key: 'marks', label: { zh: '标记', en: 'Marks' }, text: ({ body }) => marksOf(body) },
  ],
  groups: [
    {
      title: { zh: '名称', en: 'Names' },
      fields: [
        { key: 'name', label: { zh: '事项名称', en: 'Name' }, control: 'text', max: 100, isRequired: true },
        { key: 'nameEn', label: { zh: '英文名称', en: 'Name in English' }, control: 'text', max: 200 },
        {
          key: 'aliases',
          label: { zh: '俗称', en: 'Aliases' },
          hint: { zh: '市民怎么说这件事，小申据此识别；回车添加', en: 'What citizens call it; Enter adds one' },
          control: 'tags',
          max: 100,
        },
        {
          key: 'situations',
          label: { zh: '情形', en: 'Situations' },
          control: 'pairs',
          parts: [
            { key: 'code', label: { zh: '代码', en: 'Code' } },
            { key: 'name', label: { zh: '名称', en: 'Name' } },
          ],
          add: { zh: '添加情形', en: 'Add a situation' },
        },
      ],
    },
    {
      title: { zh: '归属', en: 'Ownership' },
      fields: [
        {
          key: 'department',
          label: { zh: '主管部门', en: 'Department' },
          hint: { zh: '负责答复口径的市级部门', en: 'Owns the official answer' },
          control: 'code',
          source: 'unit',
          isRequired: true,
        },
        {
          key: 'districts',
          label: { zh: '办理区', en: 'Districts' },
          control: 'codes',
          source: 'district',
          empty: { zh: '全市 16 个区', en: 'All 16 districts' },
        },
        flag(
          'delegated',
          '委托事项',
          'Delegated',
          '由区代办，答复口径和办理细则都归市级部门',
          'Done by the districts; the answers stay with the city’s department',
        ),
        { key: 'team', label: { zh: '服务技能组', en: 'Team' }, control: 'code', source: 'team', isRequired: true },
        {
          key: 'audience',
          label: { zh: '服务对象', en: 'For' },
          control: 'choice',
          choices: Object.entries(audiences).map(([value, label]) => ({ value, label })),
          isRequired: true,
        },
      ],
    },
    {
      title: { zh: '服务方式', en: 'Service' },
      fields: [
        flag(
          'highFrequency',
          '高频事项',
          'High-frequency',
          '计入 520 项，必须有人值守',
          'One of the 520: must be staffed',
        ),
        flag('hotPolicy', '热点政策', 'Hot policy', '优先接入', 'First priority'),
        flag('virtualWindow', '虚拟窗口', 'Virtual window', '可视频、同屏办理', 'Video and shared screen'),
        flag('directLine', '热线直转', 'Direct line', '12345 可直接转接到下列电话', '12345 puts callers through'),
        {
          key: 'numbers',
          label: { zh: '转接电话', en: 'Numbers to ring' },
          hint: { zh: '按顺序呼叫', en: 'Rung in this order' },
          control: 'pairs',
          parts: [
            { key: 'label', label: { zh: '名称', en: 'Label' } },
            { key: 'number', label: { zh: '电话号码', en: 'Number' } },
          ],
          add: { zh: '添加电话', en: 'Add a number' },
        },
      ],
    },
  ],
  fresh: () => ({
    name: '',
    nameEn: '',
    aliases: [],
    situations: [],
    department: '',
    districts: [],
    audience: 'person',
    team: '',
    highFrequency: false,
    hotPolicy: false,
    directLine: false,
    delegated: false,
    virtualWindow: false,
    numbers: [],
  }),
  nameOf: ({ body }) => String(body.name),
  unitOf: (body) => (body.department as string) || null,
  search: { zh: '按名称、俗称或代码查找', en: 'Find by name, alias or code' },
  empty: { zh: '还没有事项，可以从表格导入', en: 'There are no items yet; import a table' },
};

const marksOf = (body: Body): string =>
  marks
    .filter(([key]) => body[key] === true)
    .map(([, text]) => say(text))
    .join(' · ');
