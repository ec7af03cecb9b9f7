import { madeCode, type Description } from './description';

/** Edited from the roster, which is its list. */
export const shift: Description = {
  kind: 'shift',
  screen: 'roster',
  title: { zh: '排班', en: 'Roster' },
  about: { zh: '', en: '' },
  one: { zh: '班次', en: 'shift' },
  action: 'manage_roster',
  id: { made: () => madeCode('shift') },
  columns: [],
  groups: [
    {
      title: { zh: '谁', en: 'Who' },
      fields: [
        { key: 'agent', label: { zh: '帮办员', en: 'Agent' }, control: 'code', source: 'staff', isRequired: true },
        { key: 'team', label: { zh: '技能组', en: 'Team' }, control: 'code', source: 'team', isRequired: true },
      ],
    },
    {
      title: { zh: '何时', en: 'When' },
      fields: [
        {
          key: 'weekdays',
          label: { zh: '每周', en: 'Weekdays' },
          hint: {
            zh: '法定节假日按周日计；调休上班日由周一至周五都在岗的人员值守',
            en: 'A holiday counts as a Sunday; make-up days are worked by those who work Monday to Friday',
          },
          control: 'weekdays',
        },
        { key: 'from', label: { zh: '开始', en: 'From' }, control: 'time', isRequired: true },
        {
          key: 'to',
          label: { zh: '结束', en: 'To' },
          hint: { zh: '不晚于开始时间则为次日', en: 'Not after the begin: on the next day' },
          control: 'time',
          isRequired: true,
        },
        { key: 'validFrom', label: { zh: '首日', en: 'First day' }, control: 'date', isRequired: true },
        {
          key: 'validTo',
          label: { zh: '末日', en: 'Last day' },
          control: 'date',
          empty: { zh: '长期有效', en: 'until it is changed' },
        },
        { key: 'note', label: { zh: '备注', en: 'Note' }, control: 'text', max: 200 },
      ],
    },
  ],
  fresh: () => ({
    agent: '',
    team: '',
    weekdays: [1, 2, 3, 4, 5],
    from: '09:00',
    to: '17:00',
    validFrom: '',
    validTo: null,
    note: '',
  }),
  nameOf: ({ body }) => `${String(body.from)}–${String(body.to)}`,
  unitOf: (body, teamUnit) => (body.team ? teamUnit(String(body.team)) : null),
  search: { zh: '', en: '' },
  empty: { zh: '', en: '' },
};
