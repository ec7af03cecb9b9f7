/** What the knowledge base takes from files. */
import type { ImportTarget } from '../items/target';

/** Entries from a file. */
export const entries: ImportTarget = {
  title: { zh: '导入知识条目', en: 'Import entries' },
  about: {
    zh: '按表格或 JSON 行批量新增或更新条目。先试运行，确认后才会写入；编号相同的成为新修订，没有编号的新增。导入的内容须由另一人审核后发布。',
    en: 'Adds entries and revisions by a table or JSON lines. A dry run comes first. What is imported is reviewed by a second person before it is published.',
  },
  back: { zh: '返回知识库', en: 'Back to the knowledge base' },
  templateName: { zh: '下载现有条目作模板', en: 'Download the present entries as a template' },
  done: (count) => ({ zh: `已导入 ${count} 条，等待审核`, en: `${count} imported, to be reviewed` }),
  kinds: ['csv', 'xlsx', 'jsonl'],
  file: 'knowledge.csv',
  home: ['knowledge'],
  send: (api, file, options) => api.importEntries(file, options),
  template: (api) => api.exportEntries('csv'),
};

/** Review points from a file. */
export const points: ImportTarget = {
  title: { zh: '导入审查要点', en: 'Import review points' },
  about: {
    zh: '按表格或 JSON 行批量新增或更新审查要点。先试运行，确认后才会写入；编号相同的更新，没有编号的新增，文件中没有的保持不变。',
    en: 'Adds and changes review points by a table or JSON lines. A dry run comes first. Points that the file does not name stay.',
  },
  back: { zh: '返回审查要点', en: 'Back to the review points' },
  templateName: { zh: '下载现有要点作模板', en: 'Download the present points as a template' },
  done: (count) => ({ zh: `已导入 ${count} 条审查要点，立即生效`, en: `${count} point(s) imported, in force at once` }),
  kinds: ['csv', 'xlsx', 'jsonl'],
  file: 'review-points.csv',
  home: ['knowledge', '+points'],
  send: (api, file, options) => api.importPoints(file, options),
  template: (api) => api.exportPoints('csv', null),
};
