/** Roles as people call them, and what each may do. */
import type { Role } from '../api';
import type { Text } from '../text';

export const roles: Record<Role, { name: Text; does: Text }> = {
  agent: { name: { zh: '帮办员', en: 'Agent' }, does: { zh: '接待市民', en: 'serves citizens' } },
  professional: {
    name: { zh: '业务部门专业人员', en: 'Department professional' },
    does: { zh: '就本部门事项接待', en: 'serves their own items' },
  },
  operator: { name: { zh: '12345 话务员', en: 'Hotline operator' }, does: { zh: '三方通话', en: 'three-way calls' } },
  supervisor: {
    name: { zh: '班长（督导）', en: 'Supervisor' },
    does: { zh: '看板、查看会话、排班、公告、常用语、黑名单', en: 'board, threads, roster, notices, blocks' },
  },
  editor: {
    name: { zh: '知识库维护', en: 'Knowledge editor' },
    does: { zh: '维护事项和知识库', en: 'keeps items and knowledge base' },
  },
  leader: { name: { zh: '领导干部', en: 'Leader' }, does: { zh: '查看看板', en: 'sees the board' } },
  auditor: { name: { zh: '审计员', en: 'Auditor' }, does: { zh: '只读全部设置和审计日志', en: 'reads everything' } },
  admin: {
    name: { zh: '系统管理员', en: 'Administrator' },
    does: { zh: '管理组织、人员、事项和策略，不能查看会话', en: 'administers; sees no threads' },
  },
};
