/** Alerts in words. */
import { computed } from 'vue';
import type { AlertView } from '../generated/protocol';
import { enAlertKinds, enFlagReasons, zhAlertKinds, zhFlagReasons } from './alerts';
import { useWords } from './words';

const zh = {
  kind: zhAlertKinds,
  reason: zhFlagReasons,
  title: '告警',
  empty: '目前没有告警',
  unseen: (n: string) => `${n} 条未确认`,
  more: (n: string) => `另有 ${n} 条未列出`,
  items: (n: string) => `${n} 个高频事项`,
  people: (n: string) => `${n} 人排队`,
  owed: (n: string) => `${n} 个回拨任务逾期`,
  reached: (percent: string) => `近 60 分钟接通 ${percent}%`,
  waited: (minutes: string) => `首位已等 ${minutes} 分钟`,
  acknowledge: '确认',
  acknowledgeHint: '按 A 确认，N 附言，Z 撤销，Enter 打开会话，↑↓ 选择',
  undo: '撤销确认',
  note: '附言（可不填）',
  withNote: '附言并确认',
  cancel: '取消',
  seen: (name: string, time: string) => `${name} ${time} 已确认`,
  open: '查看会话',
  team: '查看团队',
  history: '告警记录',
  announce: (kind: string, what: string) => `新告警：${kind}，${what}`,
  nobody: '未选事项',
};

const en: typeof zh = {
  kind: enAlertKinds,
  reason: enFlagReasons,
  title: 'Alerts',
  empty: 'No alerts now',
  unseen: (n) => `${n} not acknowledged`,
  more: (n) => `${n} more are not listed`,
  items: (n) => `${n} high-frequency items`,
  people: (n) => `${n} wait`,
  owed: (n) => `${n} call-backs overdue`,
  reached: (percent) => `${percent}% reached in the last 60 min`,
  waited: (minutes) => `the first one waits for ${minutes} min`,
  acknowledge: 'Acknowledge',
  acknowledgeHint: 'A acknowledges, N adds a note, Z takes it back, Enter opens, ↑↓ choose',
  undo: 'Take back',
  note: 'Note (optional)',
  withNote: 'Acknowledge with note',
  cancel: 'Cancel',
  seen: (name, time) => `acknowledged by ${name} at ${time}`,
  open: 'Conversation',
  team: 'Team',
  history: 'Past alerts',
  announce: (kind, what) => `New alert: ${kind}, ${what}`,
  nobody: 'no item',
};

export function useAlertWords() {
  const words = useWords(zh, en);
  /** What it is about, in one line. */
  function about(alert: AlertView): string {
    const w = words.value;
    switch (alert.kind) {
      case 'coverage':
        return `${alert.teamName ?? ''} · ${w.items(String(alert.amount))}`;
      case 'queue_full':
        return `${alert.teamName ?? ''} · ${w.people(String(alert.amount))}`;
      case 'longest_wait':
        return `${alert.teamName ?? ''} · ${w.waited(String(Math.floor(alert.amount / 60_000)))}`;
      case 'connect_rate':
        return w.reached((Math.floor(alert.amount) / 10).toFixed(1));
      case 'call_back_overdue':
        return w.owed(String(alert.amount));
      case 'agent_lost':
        return [alert.agentName, alert.teamName].filter(Boolean).join(' · ');
      case 'flag':
        return [alert.agentName, w.reason[alert.reason ?? 'other'], alert.itemName].filter(Boolean).join(' · ');
      case 'first_response':
      case 'first_response_breached':
      case 'call_back_missed':
      case 'next_response':
        return [alert.itemName ?? w.nobody, alert.teamName, alert.agentName].filter(Boolean).join(' · ');
    }
  }
  return computed(() => ({ ...words.value, about }));
}
