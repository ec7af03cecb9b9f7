import type { Description } from './description';

/** Accounts have an interface of their own; they are edited like records. */
export const staff: Description = {
  kind: 'staff',
  screen: 'staff',
  title: { zh: '人员', en: 'Staff' },
  about: {
    zh: '账号、权限、技能组和登录。权限在所选单位及其下级生效，修改后立即生效。',
    en: 'Accounts, rights, teams and log-ins. A right holds in its unit and below; changes are in force at once.',
  },
  one: { zh: '人员', en: 'member of staff' },
  action: 'manage_staff',
  id: { made: () => '' },
  columns: [],
  groups: [
    {
      title: { zh: '基本信息', en: 'Basics' },
      fields: [
        { key: 'login', label: { zh: '工号', en: 'Staff number' }, control: 'text', max: 64, isRequired: true },
        {
          key: 'name',
          label: { zh: '姓名', en: 'Name' },
          hint: { zh: '市民会看到', en: 'Citizens see it' },
          control: 'text',
          max: 50,
          isRequired: true,
        },
        {
          key: 'unit',
          label: { zh: '所属单位', en: 'Unit' },
          control: 'code',
          source: 'unit',
          empty: { zh: '市级', en: 'The city' },
        },
        {
          key: 'isActive',
          label: { zh: '账号状态', en: 'Account' },
          control: 'switch',
          caption: { zh: '启用（可以登录）', en: 'Active: may log in' },
        },
      ],
    },
    {
      title: { zh: '权限', en: 'Rights' },
      fields: [{ key: 'grants', label: { zh: '授权', en: 'Grants' }, control: 'grants' }],
    },
    {
      title: { zh: '接待', en: 'Service' },
      fields: [
        { key: 'teams', label: { zh: '技能组', en: 'Teams' }, control: 'levels' },
        {
          key: 'capacity',
          label: { zh: '同时接待', en: 'Capacity' },
          control: 'number',
          min: 1,
          max: 20,
          suffix: { zh: '个会话', en: 'conversations' },
          isRequired: true,
        },
        { key: 'skills', label: { zh: '技能', en: 'Skills' }, control: 'tags', max: 40 },
        {
          key: 'languages',
          label: { zh: '语言', en: 'Languages' },
          hint: { zh: '普通话以外，如 英语、沪语、手语', en: 'Beside Mandarin, e.g. English, sign language' },
          control: 'tags',
          max: 40,
        },
      ],
    },
  ],
  fresh: () => ({
    login: '',
    name: '',
    unit: null,
    grants: [],
    teams: [],
    skills: [],
    languages: [],
    capacity: 3,
    isActive: true,
  }),
  nameOf: ({ body }) => `${String(body.name)} ${String(body.login)}`,
  unitOf: (body) => (body.unit as string | null) ?? null,
  search: { zh: '按工号或姓名查找', en: 'Find by number or name' },
  empty: { zh: '还没有人员', en: 'There is no staff yet' },
};
