/** Words of messages, channels and states. */
import type { MessageChannel, MessageKind, OutboxState } from '../../generated/protocol';
import { useWords } from '../../shared/words';

const zh = {
  channel: {
    thread: '会话',
    inbox: '站内提醒',
    sms: '短信',
    email: '邮件',
    portal: '一网通办消息',
    webhook: '系统对接',
  } as Record<MessageChannel, string>,
  state: { waiting: '待发送', sent: '已送达', dead: '已放弃', dropped: '不再发送' } as Record<OutboxState, string>,
  message: {
    answer_found: '告知咨询人：有答复了',
    task_half: '任务时间过半',
    task_eve: '任务即将到期',
    task_overdue: '任务已逾期',
    published_late: '政策问答逾期发布',
    write_back: '写回结果',
  } as Record<MessageKind, string>,
};
const en: typeof zh = {
  channel: {
    thread: 'Conversation',
    inbox: 'Reminders',
    sms: 'Short message',
    email: 'E-mail',
    portal: 'Portal',
    webhook: 'Webhook',
  },
  state: { waiting: 'Waiting', sent: 'Delivered', dead: 'Given up', dropped: 'Dropped' },
  message: {
    answer_found: 'There is an answer now',
    task_half: 'Half of a task’s time is over',
    task_eve: 'A task is due soon',
    task_overdue: 'A task is overdue',
    published_late: 'Published late',
    write_back: 'What became of a write-back',
  },
};
export const useMessageWords = () => useWords(zh, en);
