/** Who is logged in, and the link to the server. */
import { defineStore } from 'pinia';
import { computed, markRaw, ref } from 'vue';
import type { Answer, Command, EventBody, LoginReply } from '../../generated/protocol';
import { setClock } from '../../shared/clock';
import { followBrowser, Link, socketUrl, type LinkState, type Subscription } from '../../shared/link';
import { hasConsole, hasDesk } from '../../shared/account/places';
import { createNotices } from '../../shared/notices';
import { ledgerApi } from '../../shared/ledger/api';
import { follow, forgetLogin, logOut, type Following } from '../../shared/staff';

/** Why the log-in form is shown again. */
export type LogInNotice = '' | 'expired' | 'logged_out';

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
  /** Is there a desk for this account? Others see where their own pages are. */
  const isAgent = computed(() => login.value !== null && hasConsole(login.value.me));

  let link: Link | undefined;
  /** What the administration tells agents and their citizens. */
  const notices = createNotices();
  let following: Following | undefined;
  let unfollow = () => {};
  const ledger = ledgerApi({
    token: () => following?.token() ?? '',
    renew: async () => (await following?.renewNow()) === 'renewed',
  });

  function changed(next: LinkState) {
    state.value = next;
    // A token that is over, or a session: the next token tells which.
    if (next.kind === 'stopped' && next.reason === 'token') void goOn();
  }

  async function goOn() {
    const mine = link;
    const outcome = (await following?.renewNow()) ?? 'ended';
    if (mine !== link || !link) return;
    if (outcome === 'renewed') link.start();
    else if (outcome === 'lost') link.startLater();
    else leave('expired');
  }

  function enter(reply: LoginReply) {
    notice.value = '';
    login.value = reply;
    following = follow(reply, {
      renewed: (next) => {
        if (login.value) login.value = next;
        link?.renew(next.token);
      },
      ended: () => leave('expired'),
    });
    const { token } = following;
    if (!hasDesk(reply.me)) return;
    link = new Link({ url: socketUrl(), token, onState: changed, onWelcome: () => {} });
    const mine = link;
    setClock(() => mine.serverNow());
    unfollow = followBrowser(link);
    notices.follow(link);
    link.start();
  }

  /** Ends the log-in of this tab. */
  function leave(why: LogInNotice) {
    if (!login.value) return;
    unfollow();
    unfollow = () => {};
    following?.stop();
    following = undefined;
    const old = link;
    notices.stop();
    link = undefined;
    if (old && old.state.kind !== 'stopped') old.stop();
    setClock(() => Date.now());
    forgetLogin();
    login.value = null;
    notice.value = why;
  }

  /** Ends the log-in of this browser, in all its tabs. */
  function logOutHere() {
    leave('logged_out');
    void logOut();
  }

  function request(command: Command): Promise<Answer> {
    if (!link) return Promise.reject(new Error('not logged in'));
    return link.request(command);
  }

  function subscribe(topic: string, subscription: Subscription): () => void {
    return link ? link.subscribe(topic, subscription) : () => {};
  }

  function listenSession(listener: (body: EventBody) => void): () => void {
    return link ? link.listenSession(listener) : () => {};
  }

  return {
    login,
    state,
    lostSince,
    notice,
    isOpen,
    isOutdated,
    notices: markRaw(notices),
    ledger: markRaw(ledger),
    isAgent,
    enter,
    leave,
    logOut: logOutHere,
    request,
    subscribe,
    listenSession,
    /** Local instant of the last frame that came, if there was one. */
    heardAt: () => link?.heardAt,
    retryNow: () => link?.retryNow(),
  };
});
