/** What stands in the citizen's page while it is seen. */
const zh = {
  name: '页面上的坐席提示',
  seen: '坐席正在查看此页面，您填写的内容已遮挡',
  stop: '停止',
  pointed: (field: string) => (field ? `坐席请您看“${field}”` : '坐席请您看这里'),
  gotIt: '知道了',
  proposed: (field: string) => (field ? `坐席建议“${field}”填写` : '坐席建议此处填写'),
  accept: '采用',
  decline: '不用',
  own: '这一项只能由您本人操作，不能代填',
  cannot: '没能填进去，请您自己填写或选择',
};
const en: typeof zh = {
  name: 'Hints of the clerk on this page',
  seen: 'A clerk sees this page; what you fill in is hidden',
  stop: 'Stop',
  pointed: (field) => (field ? `The clerk points at “${field}”` : 'The clerk points here'),
  gotIt: 'OK',
  proposed: (field) => (field ? `The clerk proposes for “${field}”` : 'The clerk proposes for this field'),
  accept: 'Use it',
  decline: 'No, thanks',
  own: 'Only you yourself may do this one',
  cannot: 'It did not fit; please fill it in or choose it yourself',
};

export const wordsOf = (language: 'zh' | 'en') => (language === 'en' ? en : zh);
export type OverlayWords = typeof zh;
