/** What the log's words mean. An action or kind that is not here is shown as it is. */
import type { Text } from '../text';
import { descriptions } from '../kinds';
import type { Kind } from '../api';

export const actions: Record<string, Text> = {
  'record.change': { zh: '修改设置', en: 'changed' },
  'record.remove': { zh: '删除设置', en: 'removed' },
};

export const otherKinds: Record<string, Text> = {
  staff: { zh: '人员', en: 'staff' },
  citizen: { zh: '市民', en: 'citizen' },
  conversation: { zh: '会话', en: 'conversation' },
};

export const kindText = (kind: string): Text =>
  descriptions[kind as Kind]?.one ?? otherKinds[kind] ?? { zh: kind, en: kind };
