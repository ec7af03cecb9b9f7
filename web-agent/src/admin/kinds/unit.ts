import type { Text } from '../text';
import type { Description } from './description';

export const unitKinds: Record<string, Text> = {
  city: { zh: '市', en: 'City' },
  district: { zh: '区', en: 'District' },
  department: { zh: '部门', en: 'Department' },
  office: { zh: '处室、街道或中心', en: 'Office' },
};

/** Edited from the tree, which is its list. */
export const unit: Description = {
  kind: 'unit',
  screen: 'units',
  title: { zh: '组织', en: 'Organisation' },
  about: {
    zh: '市、区、部门和技能组。移动和改名都保留历史，权限和服务时段随上级单位。',
    en: 'City, districts, departments and teams. Moves keep their history; rights and hours follow the unit above.',
  },
  one: { zh: '单位', en: 'unit' },
  action: 'manage_units',
  id: {
    typed: {
      label: { zh: '单位代码', en: 'Unit code' },
      hint: { zh: '小写字母、数字、- 和 _，保存后不能修改', en: 'Small letters, digits, - and _; cannot be changed' },
    },
  },
  columns: [],
  groups: [
    {
      title: { zh: '基本信息', en: 'Basics' },
      fields: [
        { key: 'name', label: { zh: '名称', en: 'Name' }, control: 'text', max: 100, isRequired: true },
        {
          key: 'kind',
          label: { zh: '类型', en: 'Kind' },
          control: 'choice',
          choices: Object.entries(unitKinds)
            .filter(([value]) => value !== 'city')
            .map(([value, label]) => ({ value, label })),
          isRequired: true,
        },
        {
          key: 'parent',
          label: { zh: '上级单位', en: 'Unit above' },
          hint: {
            zh: '移动后，下级单位、技能组和授权随之移动',
            en: 'What is below moves along, and so do rights',
          },
          control: 'code',
          source: 'unit',
          isRequired: true,
        },
        {
          key: 'district',
          label: { zh: '所在区', en: 'District' },
          control: 'code',
          source: 'district',
          empty: { zh: '市级，不属于某个区', en: 'None: of the city' },
        },
        {
          key: 'line',
          label: { zh: '条线', en: 'Line of work' },
          hint: {
            zh: '区级单位对应的市级部门；等待较久时由相邻区同条线和市级帮忙',
            en: "The city's department whose work a district's unit does; teams of one line help each other",
          },
          control: 'code',
          source: 'unit',
          empty: { zh: '没有', en: 'None' },
        },
      ],
    },
    {
      title: { zh: '知识库', en: 'Knowledge base' },
      fields: [
        {
          key: 'answersAtOnce',
          label: { zh: '写回答复', en: 'Written back' },
          control: 'switch',
          caption: { zh: '审核前小申就可使用，并标明“未经审核”', en: '小申may use it before its review, marked so' },
        },
      ],
    },
    {
      title: { zh: '服务时段', en: 'Service hours' },
      fields: [
        {
          key: 'hours',
          label: { zh: '服务时段', en: 'Service hours' },
          control: 'hours',
          above: (body) => (body.parent as string) || null,
        },
      ],
    },
  ],
  fresh: () => ({
    name: '',
    kind: 'department',
    parent: '',
    district: null,
    line: null,
    hours: null,
    answersAtOnce: false,
  }),
  nameOf: ({ body }) => String(body.name),
  unitOf: (body) => (body.parent as string) || null,
  search: { zh: '按名称或代码查找', en: 'Find by name or code' },
  empty: { zh: '还没有单位', en: 'There are no units yet' },
};
