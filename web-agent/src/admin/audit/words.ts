/** What the log's words mean. An action or kind that is not here is shown as it is. */
import type { Text } from '../text';
import { descriptions } from '../kinds';
import type { Kind } from '../api';

export const actions: Record<string, Text> = {
  'record.change': { zh: '修改设置', en: 'changed' },
  'record.remove': { zh: '删除设置', en: 'removed' },
  'items.import': { zh: '导入事项', en: 'imported items' },
  'organisation.found': { zh: '初始化组织', en: 'founded the organisation' },
  'organisation.demo': { zh: '载入演示数据', en: 'loaded demo data' },
  'staff.add': { zh: '新建人员', en: 'added staff' },
  'staff.change': { zh: '修改人员', en: 'changed staff' },
  'staff.login': { zh: '登录', en: 'logged in' },
  'staff.logout': { zh: '退出登录', en: 'logged out' },
  'staff.lock': { zh: '登录被锁定', en: 'was locked out' },
  'staff.unlock': { zh: '解除锁定', en: 'unlocked' },
  'staff.password': { zh: '修改口令', en: 'changed a password' },
  'staff.totp': { zh: '变更二次验证', en: 'changed a second factor' },
  'staff.recovery': { zh: '使用恢复码', en: 'used a recovery code' },
  'staff.session_end': { zh: '结束登录', en: 'ended a session' },
  'data.reveal': { zh: '查看个人信息', en: 'revealed personal data' },
  'citizen.read': { zh: '查找市民', en: 'looked a citizen up' },
  'citizen.export': { zh: '导出个人信息', en: 'exported a person’s data' },
  'citizen.erase_asked': { zh: '申请删除个人信息', en: 'asked for an erasure' },
  'citizen.erase_refused': { zh: '驳回删除申请', en: 'refused an erasure' },
  'citizen.erase': { zh: '删除个人信息', en: 'erased a person’s data' },
  'retention.delete': { zh: '到期删除', en: 'deleted what was over' },
  'quality.draw': { zh: '抽取质检会话', en: 'drew conversations' },
  'quality.read': { zh: '查看质检会话', en: 'read an inspected conversation' },
  'quality.submit': { zh: '提交质检结果', en: 'submitted an inspection' },
  'quality.appeal': { zh: '质检申诉', en: 'appealed an inspection' },
  'quality.decide': { zh: '质检复核', en: 'decided an appeal' },
  'quality.export': { zh: '导出质检结果', en: 'exported inspections' },
  'knowledge.make': { zh: '新建知识条目', en: 'made an entry' },
  'knowledge.save': { zh: '保存知识草稿', en: 'saved a draft' },
  'knowledge.restore': { zh: '恢复旧版本', en: 'restored a revision' },
  'knowledge.submit': { zh: '提交知识审核', en: 'submitted a revision' },
  'knowledge.take_back': { zh: '撤回知识审核', en: 'took a revision back' },
  'knowledge.reject': { zh: '退回知识修订', en: 'sent a revision back' },
  'knowledge.publish': { zh: '发布知识条目', en: 'published a revision' },
  'knowledge.discard': { zh: '放弃知识草稿', en: 'gave a draft up' },
  'knowledge.retire': { zh: '停用知识条目', en: 'retired an entry' },
  'knowledge.superseded': { zh: '条目被替代', en: 'superseded an entry' },
  'knowledge.import': { zh: '导入知识条目', en: 'imported entries' },
  'knowledge.file': { zh: '上传答复的图片或附件', en: 'uploaded a file of answers' },
  'review_point.change': { zh: '保存审查要点', en: 'saved a review point' },
  'review_point.remove': { zh: '删除审查要点', en: 'removed a review point' },
  'audit.export': { zh: '导出审计日志', en: 'exported the log' },
};

export const otherKinds: Record<string, Text> = {
  staff: { zh: '人员', en: 'staff' },
  entry: { zh: '知识条目', en: 'entry' },
  answer_file: { zh: '答复的图片或附件', en: 'file of answers' },
  review_point: { zh: '审查要点', en: 'review point' },
  citizen: { zh: '市民', en: 'citizen' },
  conversation: { zh: '会话', en: 'conversation' },
  inspection: { zh: '质检', en: 'inspection' },
  organisation: { zh: '组织', en: 'organisation' },
  audit: { zh: '审计日志', en: 'audit log' },
};

export const kindText = (kind: string): Text =>
  descriptions[kind as Kind]?.one ?? otherKinds[kind] ?? { zh: kind, en: kind };
