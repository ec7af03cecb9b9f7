/** Who is logged in, and the link to the server. */
import { defineStore } from 'pinia';
import { computed, markRaw, ref } from 'vue';
import type { Answer, Command, LoginReply } from '../../generated/protocol';
import { setClock } from '../../shared/clock';
import { followBrowser, Link, socketUrl, type LinkState, type Subscription } from '../../shared/link';
import { createNotices } from '../../shared/notices';
import { forgetLogin, storedLogin } from '../../shared/staff';

/** Why the log-in form is shown again. */
export type LogInNotice = '' | 'expired' | 'not_agent' | 'logged_out';

export const useSession = defineStore('session', () => {
  const login = ref<LoginReply | null>(null);
  const state = ref<LinkState>({ kind: 'stopped', reason: 'closed' });
  /** Local instant since which nothing comes or goes; null while the link is open or is opened for the first time. */
  const lostSince = computed<number | null>(() =>
    state.value.kind === 'lost' || state.value.kind === 'connecting' ? (state.value.since ?? null) : null,
  );
  const notice = ref<LogInNotice>('');
  const isOpen = computed(() => state.value.kind === 'open');
  const isOutdated = computed(() => state.value.kind === 'stopped' && state.value.reason === 'protocol');

  let link: Link | undefined;
  /** What the administration tells agents and their citizens. */
  const notices = createNotices();
  let unfollow = () => {};

  function changed(next: LinkState) {
    state.value = next;
    if (next.kind === 'stopped' && next.reason === 'token') leave('expired');
  }

  function enter(reply: LoginReply) {
    if (reply.me.type !== 'staff' || reply.me.role !== 'agent') {
      leave('not_agent');
      return;
    }
    notice.value = '';
    login.value = reply;
    link = new Link({ url: socketUrl(), token: () => reply.token, onState: changed, onWelcome: () => {} });
    const mine = link;
    setClock(() => mine.serverNow());
    unfollow = followBrowser(link);
    notices.follow(link);
    link.start();
  }

  /** Ends the log-in of this tab. */
  function leave(why: LogInNotice) {
    unfollow();
    unfollow = () => {};
    const old = link;
    notices.stop();
    link = undefined;
    if (old && old.state.kind !== 'stopped') old.stop();
    setClock(() => Date.now());
    forgetLogin();
    login.value = null;
    notice.value = why;
  }

  /** Continues the log-in of this tab after a reload. */
  function resume() {
    const stored = storedLogin(Date.now());
    if (stored) enter(stored);
  }

  function request(command: Command): Promise<Answer> {
    if (!link) return Promise.reject(new Error('not logged in'));
    return link.request(command);
  }

  function subscribe(topic: string, subscription: Subscription): () => void {
    return link ? link.subscribe(topic, subscription) : () => {};
  }

  return {
    login,
    state,
    lostSince,
    notice,
    isOpen,
    isOutdated,
    notices: markRaw(notices),
    enter,
    leave,
    resume,
    request,
    subscribe,
    /** Local instant of the last frame that came, if there was one. */
    heardAt: () => link?.heardAt,
    retryNow: () => link?.retryNow(),
  };
});
