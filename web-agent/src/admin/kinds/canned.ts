import { say } from '../text';
import type { Description } from './description';

export const canned: Description = {
  kind: 'canned_answer',
  screen: 'canned',
  title: { zh: '常用语', en: 'Canned answers' },
  about: {
    zh: '帮办员在输入框行首按 / 并输入代码即可插入，发送前可以修改。政策口径请维护在知识库，不要写进常用语。',
    en: 'Agents type / and the code, and may change the text before sending. Official answers belong in the knowledge base.',
  },
  one: { zh: '常用语', en: 'canned answer' },
  action: 'manage_notices',
  id: {
    typed: {
      label: { zh: '短代码', en: 'Short code' },
      hint: { zh: '在 / 之后输入，如 hy 或“欢迎”；保存后不能修改', en: 'Typed after /, e.g. hello; cannot be changed' },
    },
  },
  columns: [
    { key: 'code', label: { zh: '代码', en: 'Code' }, text: ({ id }) => `/${id}` },
    { key: 'title', label: { zh: '标题', en: 'Title' }, text: ({ body }) => String(body.title) },
    { key: 'text', label: { zh: '内容', en: 'Text' }, text: ({ body }) => String(body.text), isWide: true },
    {
      key: 'teams',
      label: { zh: '技能组', en: 'Teams' },
      text: ({ body }, names) =>
        (body.teams as string[]).map(names.team).join('、') ||
        names.unit(body.unit as string | null) ||
        say({ zh: '全部', en: 'All' }),
    },
  ],
  groups: [
    {
      title: { zh: '内容', en: 'Content' },
      fields: [
        { key: 'title', label: { zh: '标题', en: 'Title' }, control: 'text', max: 100, isRequired: true },
        {
          key: 'text',
          label: { zh: '内容', en: 'Text' },
          hint: { zh: '{me} 会替换为帮办员的姓名', en: '{me} becomes the agent’s name' },
          control: 'area',
          max: 4000,
          rows: 6,
          isRequired: true,
        },
      ],
    },
    {
      title: { zh: '谁可以用', en: 'For whom' },
      fields: [
        {
          key: 'unit',
          label: { zh: '所属单位', en: 'Unit' },
          control: 'code',
          source: 'unit',
          empty: { zh: '全市', en: 'The whole city' },
        },
        {
          key: 'teams',
          label: { zh: '技能组', en: 'Teams' },
          control: 'codes',
          source: 'team',
          empty: { zh: '该单位的所有技能组', en: 'All teams of the unit' },
        },
      ],
    },
  ],
  fresh: () => ({ title: '', text: '', teams: [], unit: null }),
  nameOf: ({ id, body }) => `/${id} ${String(body.title)}`,
  unitOf: (body) => body.unit as string | null,
  search: { zh: '按代码、标题或内容查找', en: 'Find by code, title or text' },
  empty: { zh: '还没有常用语', en: 'There are no canned answers yet' },
};
