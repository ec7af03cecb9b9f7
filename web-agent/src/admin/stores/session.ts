/** Who is logged in, what they may, and the way to the server. */
import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type { LoginReply } from '../../generated/protocol';
import { setClock } from '../../shared/clock';
import { forgetLogin, storedLogin } from '../../shared/staff';
import { createApi } from '../api';
import { maySomewhere, visibleScreens, type Action, type Right } from '../logic/access';

/** Why the log-in form is shown again. */
export type LogInNotice = '' | 'expired' | 'no_right' | 'logged_out' | 'lost';

export const useSession = defineStore('admin-session', () => {
  const login = shallowRef<LoginReply | null>(null);
  const rights = shallowRef<Right[] | null>(null);
  const notice = ref<LogInNotice>('');

  const api = createApi({ token: () => login.value?.token ?? '', expired: () => leave('expired') });

  async function enter(reply: LoginReply) {
    login.value = reply;
    try {
      const me = await api.json<{ rights: Right[]; now: number }>('GET', '/api/admin/me');
      const ahead = me.now - Date.now();
      setClock(() => Date.now() + ahead);
      if (visibleScreens(me.rights).length === 0) leave('no_right');
      else {
        rights.value = me.rights;
        notice.value = '';
      }
    } catch {
      // Without rights nothing can be shown. `expired` has said why already.
      if (login.value) leave('lost');
    }
  }

  function leave(why: LogInNotice) {
    if (!login.value) return;
    forgetLogin();
    login.value = null;
    rights.value = null;
    notice.value = why;
  }

  /** Continues the log-in of this tab after a reload. */
  function resume() {
    const stored = storedLogin(Date.now());
    if (stored) void enter(stored);
  }

  return {
    login,
    rights,
    notice,
    api,
    name: computed(() => (login.value?.me.type === 'staff' ? login.value.me.name : '')),
    may: (action: Action) => maySomewhere(rights.value ?? [], action),
    enter,
    leave,
    resume,
  };
});

/** The server's administration. */
export const useApi = () => useSession().api;
