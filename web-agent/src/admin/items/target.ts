/** What is imported from a file, and how. */
import type { Api, ImportReport } from '../api';
import type { ScreenName } from '../logic/access';
import type { Text } from '../text';

export interface ImportTarget {
  title: Text;
  about: Text;
  back: Text;
  templateName: Text;
  done: (count: string) => Text;
  /** Endings of its files; the first one is that of the template. */
  kinds: readonly string[];
  /** Name of the template. */
  file: string;
  /** Where its list is. */
  home: [ScreenName, ...string[]];
  send: (api: Api, file: Blob, options: { format: string; dryRun: boolean; skipBad: boolean }) => Promise<ImportReport>;
  template: (api: Api) => Promise<Blob>;
}

export const numbers: ImportTarget = {
  title: { zh: '导入转接号码', en: 'Import transfer numbers' },
  about: {
    zh: '按表格批量新增或更新转接号码。先试运行，确认后才会写入；编码相同的更新，没有的新增，表格中没有的保持不变。',
    en: 'Adds and changes transfer numbers by a table. A dry run comes first; nothing is written before you confirm. Numbers that the table does not name stay.',
  },
  back: { zh: '返回转接号码', en: 'Back to the numbers' },
  templateName: { zh: '下载现有号码作模板', en: 'Download the present numbers as a template' },
  done: (count) => ({ zh: `已导入 ${count} 个号码，立即生效`, en: `${count} number(s) imported, in force at once` }),
  kinds: ['csv', 'xlsx'],
  file: 'numbers.csv',
  home: ['numbers'],
  send: (api, file, options) => api.importNumbers(file, options),
  template: (api) => api.exportNumbers('csv', null),
};

export const items: ImportTarget = {
  title: { zh: '导入事项', en: 'Import items' },
  about: {
    zh: '按表格批量新增或更新事项。先试运行，确认后才会写入；代码相同的更新，没有的新增，表格中没有的保持不变。',
    en: 'Adds and changes items by a table. A dry run comes first; nothing is written before you confirm. Items that the table does not name stay.',
  },
  back: { zh: '返回事项', en: 'Back to the items' },
  templateName: { zh: '下载现有事项作模板', en: 'Download the present items as a template' },
  done: (count) => ({ zh: `已导入 ${count} 条事项，立即生效`, en: `${count} item(s) imported, in force at once` }),
  kinds: ['csv', 'xlsx'],
  file: 'items.csv',
  home: ['items'],
  send: (api, file, options) => api.importItems(file, options),
  template: (api) => api.exportItems('csv', null),
};
