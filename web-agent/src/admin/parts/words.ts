/** Names of the screens. */
import type { ScreenName } from '../logic/access';
import type { Text } from '../text';

export const screenNames: Record<ScreenName, Text> = {
  units: { zh: '组织', en: 'Organisation' },
  staff: { zh: '人员', en: 'Staff' },
  roster: { zh: '排班', en: 'Roster' },
  duty: { zh: '通话值班', en: 'Call duty' },
  numbers: { zh: '转接号码', en: 'Transfer numbers' },
  staffing: { zh: '人力测算', en: 'Staffing' },
  items: { zh: '事项', en: 'Items' },
  knowledge: { zh: '知识库', en: 'Knowledge base' },
  policies: { zh: 'SLA 策略', en: 'SLA policies' },
  queues: { zh: '队列', en: 'Queues' },
  conversations: { zh: '会话检索', en: 'Conversations' },
  quality: { zh: '质检', en: 'Quality' },
  tasks: { zh: '任务', en: 'Tasks' },
  messages: { zh: '消息通知', en: 'Messages' },
  calendar: { zh: '服务日历', en: 'Calendar' },
  notices: { zh: '公告', en: 'Notices' },
  canned: { zh: '常用语', en: 'Canned answers' },
  blocked: { zh: '黑名单', en: 'Blocked visitors' },
  retention: { zh: '保留期限', en: 'Retention' },
  people: { zh: '个人信息', en: 'Personal data' },
  audit: { zh: '审计', en: 'Audit' },
};
