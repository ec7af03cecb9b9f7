/** Rings, notifies, says aloud and writes into the title what the person must not miss. */
import { ElMessage } from 'element-plus';
import { computed, onScopeDispose, watch, watchEffect } from 'vue';
import type { OfferEnd, OfferView } from '../generated/protocol';
import { useNow } from '../shared/clock';
import { useSharedWords, useWords } from '../shared/words';
import { say } from './live';
import { isSaid } from './logic/lines';
import type { OfferChange } from './logic/offer';
import { timeOfDay } from './logic/text';
import { titleText } from './logic/title';
import { useAlertSettings } from './stores/alerts';
import { useDesk } from './stores/desk';
import { useSession } from './stores/session';
import { useThreads } from './stores/threads';
import { useThreadWords } from './thread/words';

export function useAlerts(): void {
  const alerts = useAlertSettings();
  const desk = useDesk();
  const session = useSession();
  const threads = useThreads();
  const now = useNow();
  const texts = useThreadWords();
  const shared = useSharedWords();
  let closeNotification = () => {};

  const words = useWords(
    {
      base: '帮办员工作台',
      offer: (name: string, item: string) => `新接入：${name} ${item}`,
      spoken: (name: string, item: string) => `新的接入请求：${name}，${item}。按 Alt 加 A 接受。`,
      noItem: '未选事项',
      body: '请在倒计时结束前接受',
      message: (name: string) => `${name} 发来新消息`,
      ended: {
        missed: '',
        declined: '已拒绝，请求转给下一位同事',
        agent_unavailable: '接入请求已撤回：您当前不是空闲状态',
        conversation_gone: '接入请求已撤回：市民已取消或离开',
        transfer_cancelled: '接入请求已撤回：同事已取消转接',
        taken: '同事已先接入，不计未接',
      } satisfies Record<OfferEnd, string>,
      whisper: (by: string, name: string, text: string) => `${by} 悄悄话（${name}）：${text}`,
      told: {
        took_over: (by: string, name: string) => `${by} 已接管 ${name} 的会话`,
        assigned: (by: string, name: string, to: string) => `${by} 已将 ${name} 的会话指派给 ${to}`,
        status_set: (by: string, status: string) => `${by} 已将您的状态设为“${status}”`,
        why: (reason: string) => `。理由：${reason}`,
      },
      takenOver: (name: string, to: string) => `${name} 的会话已由 ${to} 接手`,
      owed: (name: string) => `${name} 在等您回复`,
      late: (name: string) => `回复 ${name} 已超时`,
      callBack: (name: string, from: string, to: string) => `回电提醒：${name}，约定 ${from}–${to}`,
      closed: (name: string) => `${name} 的会话已在其他页面办结`,
      left: (name: string) => `${name} 的会话已不由您服务（转给同事或退回排队）`,
      transfer: {
        declined: (to: string) => `${to} 未接受转接，会话仍由您服务`,
        missed: (to: string) => `${to} 未应答转接，会话仍由您服务`,
        unavailable: (to: string) => `${to} 已不在线，转接结束，会话仍由您服务`,
      },
    },
    {
      base: 'Agent console',
      offer: (name, item) => `New: ${name} ${item}`,
      spoken: (name, item) => `New offer: ${name}, ${item}. Press Alt and A to accept.`,
      noItem: 'no item',
      body: 'Accept before the countdown ends',
      message: (name) => `New message from ${name}`,
      ended: {
        missed: '',
        declined: 'Declined; the request goes to the next colleague',
        agent_unavailable: 'The offer was withdrawn: you are not available',
        conversation_gone: 'The offer was withdrawn: the citizen cancelled or left',
        transfer_cancelled: 'The offer was withdrawn: the colleague took the transfer back',
        taken: 'A colleague was quicker; this does not count as missed',
      },
      whisper: (by, name, text) => `${by} whispers (${name}): ${text}`,
      told: {
        took_over: (by, name) => `${by} has taken over the conversation of ${name}`,
        assigned: (by, name, to) => `${by} has put the conversation of ${name} on the desk of ${to}`,
        status_set: (by, status) => `${by} has set your status to “${status}”`,
        why: (reason) => `. Why: ${reason}`,
      },
      takenOver: (name, to) => `${to} has taken over ${name}`,
      owed: (name) => `${name} is waiting for your answer`,
      late: (name) => `The answer to ${name} is late`,
      callBack: (name, from, to) => `Reminder: call-back to ${name}, promised ${from}–${to}`,
      closed: (name) => `The conversation of ${name} was closed on another page`,
      left: (name) => `You no longer serve ${name} (with a colleague or back in the queue)`,
      transfer: {
        declined: (to) => `${to} did not accept the transfer; you still serve the conversation`,
        missed: (to) => `${to} did not answer the transfer; you still serve the conversation`,
        unavailable: (to) => `${to} is not there any more; you still serve the conversation`,
      },
    },
  );

  const item = (offer: OfferView) => offer.itemName ?? words.value.noItem;

  function silence() {
    alerts.ringer.stop();
    closeNotification();
    closeNotification = () => {};
  }

  function tellOffer(change: OfferChange) {
    if (change.kind === 'none') return;
    silence();
    if (change.kind === 'new') {
      const { offer } = change;
      alerts.ringer.ring((offer.expiresAt - now.value) / 1000);
      closeNotification = alerts.notify(words.value.offer(offer.citizenName, item(offer)), words.value.body, offer.id);
      say(words.value.spoken(offer.citizenName, item(offer)), 'assertive');
    } else if (change.kind === 'ended' && words.value.ended[change.reason]) {
      ElMessage({ message: words.value.ended[change.reason], type: 'info', duration: 4_000, grouping: true });
    }
  }

  const me = () => session.login?.me.id ?? '';

  /** What a supervisor did to one's work; what was done before the page was opened is no news. */
  let toldAt: number | undefined;
  const stopTold = watch(
    () => desk.view,
    (view) => {
      if (!view) return;
      const { told } = view;
      const before = toldAt;
      toldAt = told?.at ?? 0;
      if (before === undefined || !told || told.at <= before) return;
      const w = words.value.told;
      const name = told.citizenName ?? '';
      const what = {
        took_over: () => w.took_over(told.by, name),
        assigned: () => w.assigned(told.by, name, told.to ?? ''),
        status_set: () => w.status_set(told.by, told.status ? shared.value.status[told.status] : ''),
      }[told.what as 'took_over' | 'assigned' | 'status_set']?.();
      if (!what) return;
      const message = what + (told.reason ? w.why(told.reason) : '');
      alerts.ringer.message();
      say(message, 'assertive');
      ElMessage({ message, type: 'warning', duration: 0, showClose: true });
    },
  );

  const stopDesk = desk.listen({
    offer: tellOffer,
    owed: ({ id, citizenName, itemName }, isLate) => {
      const message = isLate ? words.value.late(citizenName) : words.value.owed(citizenName);
      alerts.ringer.late();
      say(message, 'assertive');
      alerts.notify(message, itemName ?? '', id);
    },
    callBack: ({ citizenName, itemName, slot, conversation }) => {
      const message = words.value.callBack(citizenName, timeOfDay(slot.startsAt), timeOfDay(slot.endsAt));
      alerts.ringer.message();
      say(message, 'polite');
      alerts.notify(message, itemName ?? '', conversation);
      ElMessage({ message, type: 'info', duration: 10_000, showClose: true });
    },
    left: ({ citizenName }, why) => {
      const message = {
        closed: () => words.value.closed(citizenName),
        taken_over: () => words.value.takenOver(citizenName, why.kind === 'taken_over' ? why.by : ''),
        lost: () => words.value.left(citizenName),
      }[why.kind]();
      ElMessage({ message, type: why.kind === 'lost' ? 'warning' : 'success', duration: 6_000, showClose: true });
    },
  });

  const stopThreads = threads.listen((id, lane, entry) => {
    const conversation = desk.conversations.find((one) => one.id === id);
    if (!conversation) return;
    if (lane === 'shared' && entry.from.type === 'citizen' && isSaid(entry)) {
      const isWatched = desk.current === id && document.visibilityState === 'visible' && document.hasFocus();
      if (isWatched) {
        say(`${conversation.citizenName}：${texts.value.bubbleText(entry.body)}`, 'polite');
        return;
      }
      alerts.ringer.message();
      say(words.value.message(conversation.citizenName), 'polite');
      alerts.notify(words.value.message(conversation.citizenName), conversation.itemName ?? '', id);
    }
    if (lane === 'notes' && entry.body.type === 'note' && entry.from.type === 'agent' && entry.from.id !== me()) {
      alerts.ringer.message();
      const message = words.value.whisper(entry.from.name, conversation.citizenName, entry.body.text);
      say(message, 'polite');
      ElMessage({ message, type: 'warning', duration: 10_000, showClose: true });
    }
    if (lane === 'notes' && entry.body.type === 'transfer_note') {
      const { what, toName } = entry.body;
      const wording = words.value.transfer[what as keyof typeof words.value.transfer];
      if (wording) ElMessage({ message: wording(toName), type: 'warning', duration: 8_000, showClose: true });
    }
  });

  const title = computed(() =>
    titleText({
      base: words.value.base,
      offer: desk.offer ? words.value.offer(desk.offer.citizenName, item(desk.offer)) : null,
      owed: desk.conversations.filter((one) => one.clock.answeredAt === null).length,
      unread: desk.conversations.reduce((sum, one) => sum + desk.unread(one.id), 0),
      isLost: session.lostSince !== null,
      second: desk.offer ? Math.floor(now.value / 1000) : 0,
    }),
  );
  watchEffect(() => {
    document.title = title.value;
  });

  onScopeDispose(() => {
    silence();
    stopDesk();
    stopTold();
    stopThreads();
    document.title = words.value.base;
  });
}
