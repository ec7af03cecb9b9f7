/** Who is logged in, what they may, and the way to the server. */
import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type { LoginReply } from '../../generated/protocol';
import { setClock } from '../../shared/clock';
import { follow, forgetLogin, logOut, type Following } from '../../shared/staff';
import { ledgerApi } from '../../shared/ledger/api';
import { createApi } from '../api';
import { maySomewhere, visibleScreens, type Action, type Right } from '../logic/access';

/** Why the log-in form is shown again. */
export type LogInNotice = '' | 'expired' | 'no_right' | 'logged_out' | 'lost';

export const useSession = defineStore('admin-session', () => {
  const login = shallowRef<LoginReply | null>(null);
  const rights = shallowRef<Right[] | null>(null);
  const notice = ref<LogInNotice>('');

  let following: Following | undefined;
  const token = () => following?.token() ?? '';

  const renew = async () => (await following?.renewNow()) === 'renewed';
  const api = createApi({ token, renew });
  const ledger = ledgerApi({ token, renew });

  async function enter(reply: LoginReply) {
    notice.value = '';
    login.value = reply;
    following = follow(reply, { renewed: () => {}, ended: () => leave('expired') });
    try {
      const me = await api.json<{ rights: Right[]; now: number }>('GET', '/api/admin/me');
      const ahead = me.now - Date.now();
      setClock(() => Date.now() + ahead);
      if (visibleScreens(me.rights).length === 0) leave('no_right');
      else rights.value = me.rights;
    } catch {
      // Without rights nothing can be shown. `expired` has said why already.
      if (login.value) leave('lost');
    }
  }

  function leave(why: LogInNotice) {
    if (!login.value) return;
    following?.stop();
    following = undefined;
    forgetLogin();
    login.value = null;
    rights.value = null;
    notice.value = why;
  }

  /** Ends the log-in of this browser, in all its tabs. */
  function logOutHere() {
    leave('logged_out');
    void logOut();
  }

  return {
    login,
    rights,
    notice,
    api,
    ledger,
    name: computed(() => (login.value?.me.type === 'staff' ? login.value.me.name : '')),
    may: (action: Action) => maySomewhere(rights.value ?? [], action),
    enter,
    leave,
    logOut: logOutHere,
    token,
  };
});

/** The server's administration. */
export const useApi = () => useSession().api;
