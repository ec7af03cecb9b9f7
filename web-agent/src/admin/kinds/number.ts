import { say, type Text } from '../text';
import type { Description } from './description';

const off: Text = { zh: '停用', en: 'Off' };
const direct: Text = { zh: '直转', en: 'Direct' };
const all: Text = { zh: '本单位全部事项', en: 'All items of the unit' };

/** Telephones that are rung for three-way calls. */
export const number: Description = {
  kind: 'transfer_number',
  screen: 'numbers',
  title: { zh: '转接号码', en: 'Transfer numbers' },
  about: {
    zh: '12345 三方通话转接各部门时依次呼叫的办公电话：先呼值班的业务人员，再呼这里的号码。只填单位电话，不填个人号码。',
    en: 'Office telephones that 12345 rings for three-way calls, after the professionals on duty. Telephones of offices only, never of persons.',
  },
  one: { zh: '转接号码', en: 'transfer number' },
  action: 'manage_roster',
  id: {
    typed: {
      label: { zh: '编码', en: 'Code' },
      hint: { zh: '小写字母、数字、- _ .，保存后不能更改', en: 'Small letters, digits, - _ .; cannot be changed' },
    },
  },
  columns: [
    { key: 'label', label: { zh: '名称', en: 'Label' }, text: ({ body }) => String(body.label), isWide: true },
    { key: 'number', label: { zh: '号码', en: 'Number' }, text: ({ body }) => String(body.number), isNumber: true },
    {
      key: 'unit',
      label: { zh: '单位', en: 'Unit' },
      text: ({ body }, names) => names.unit(body.unit as string) ?? '',
    },
    {
      key: 'items',
      label: { zh: '事项', en: 'Items' },
      text: ({ body }, names) => {
        const items = body.items as string[];
        if (items.length === 0) return say(all);
        return items.length === 1
          ? names.item(items[0]!)
          : say({ zh: `${items.length} 个事项`, en: `${items.length} items` });
      },
    },
    {
      key: 'rank',
      label: { zh: '次序', en: 'Order' },
      text: ({ body }) => String(body.rank),
      isNumber: true,
    },
    {
      key: 'state',
      label: { zh: '状态', en: 'State' },
      text: ({ body }) => (body.isOff ? say(off) : body.directLine ? say(direct) : ''),
      mark: ({ body }) => (body.isOff ? 'risk' : body.directLine ? 'ok' : 'plain'),
    },
  ],
  groups: [
    {
      title: { zh: '电话', en: 'Telephone' },
      fields: [
        { key: 'label', label: { zh: '名称', en: 'Label' }, control: 'text', max: 100, isRequired: true },
        {
          key: 'number',
          label: { zh: '号码', en: 'Number' },
          hint: { zh: '5 至 20 位数字，可有空格和 -', en: '5 to 20 digits; blanks and - may stand between' },
          control: 'text',
          max: 40,
          isRequired: true,
        },
        { key: 'unit', label: { zh: '所属单位', en: 'Unit' }, control: 'code', source: 'unit', isRequired: true },
      ],
    },
    {
      title: { zh: '何时呼叫', en: 'When it is rung' },
      fields: [
        {
          key: 'items',
          label: { zh: '事项', en: 'Items' },
          hint: {
            zh: '指定了事项的号码先呼，未指定的作为本单位的总机后呼',
            en: 'Numbers that name an item come first, the others are the switchboards of their unit',
          },
          control: 'codes',
          source: 'item',
          empty: all,
        },
        {
          key: 'districts',
          label: { zh: '受理区', en: 'Districts' },
          hint: { zh: '区属单位的号码只受理本区，不必填', en: 'Of a unit of a district: leave empty' },
          control: 'codes',
          source: 'district',
          empty: { zh: '全市', en: 'The whole city' },
        },
        {
          key: 'rank',
          label: { zh: '次序', en: 'Order' },
          hint: { zh: '1 至 999，小的先呼', en: '1 to 999, the smallest first' },
          control: 'number',
          min: 1,
          max: 999,
          suffix: { zh: '', en: '' },
        },
        {
          key: 'directLine',
          label: { zh: '三方直转', en: 'Direct line' },
          control: 'switch',
          caption: {
            zh: '直转专线来电时也呼叫这个号码',
            en: 'Also rung when a call is put through without an operator',
          },
        },
        {
          key: 'isOff',
          label: { zh: '停用', en: 'Off' },
          control: 'switch',
          caption: { zh: '暂不呼叫', en: 'Not rung for now' },
        },
        { key: 'note', label: { zh: '备注', en: 'Note' }, control: 'text', max: 200 },
      ],
    },
  ],
  fresh: () => ({
    label: '',
    number: '',
    unit: '',
    districts: [],
    items: [],
    rank: 100,
    directLine: false,
    isOff: false,
    note: '',
  }),
  nameOf: ({ body }) => String(body.label),
  unitOf: (body) => (body.unit ? String(body.unit) : null),
  search: { zh: '按名称、号码、单位或事项代码查找', en: 'Find by label, number, or code of unit or item' },
  empty: { zh: '还没有转接号码', en: 'There are no transfer numbers' },
};
