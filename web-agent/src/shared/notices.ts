/** Notices in force: who listens is told that others are, and asks which of them are for them. */
import { computed, ref, shallowRef } from 'vue';
import type { Answer, Command, NoticeView } from '../generated/protocol';
import type { Subscription } from './link';

export interface NoticesLink {
  subscribe: (topic: string, subscription: Subscription) => () => void;
  request: (command: Command) => Promise<Answer>;
}

/** Thousands of pages are told at one moment: each asks at one of its own within this time. */
const SPREAD_MS = 1_500;

/** One that was put away stays away until its words are others. */
const keyOf = (notice: NoticeView): string => `${notice.id} ${notice.version}`;

/** An outage is told to everybody, whatever they put away. */
export const mayDismiss = (notice: NoticeView): boolean => notice.level !== 'outage';

export const shownOf = (notices: readonly NoticeView[], away: ReadonlySet<string>): NoticeView[] =>
  notices.filter((notice) => !mayDismiss(notice) || !away.has(keyOf(notice)));

export type Notices = ReturnType<typeof createNotices>;

/** `item`: what a citizen asks about. */
export function createNotices(item: () => string | null = () => null, random = Math.random) {
  const all = shallowRef<readonly NoticeView[]>([]);
  const away = ref<ReadonlySet<string>>(new Set());
  let link: NoticesLink | undefined;
  let unsubscribe = () => {};
  let timer = 0;
  let round = 0;

  async function ask() {
    const mine = ++round;
    const code = item();
    try {
      const answer = await link?.request({ type: 'list_notices', ...(code ? { item: code } : {}) });
      if (answer?.type === 'notices' && mine === round) all.value = answer.notices;
    } catch {
      // The link was lost, or the server is busy: what is shown stays, and the next snapshot asks again.
    }
  }

  function later() {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void ask(), random() * SPREAD_MS);
  }

  function follow(next: NoticesLink) {
    stop();
    link = next;
    unsubscribe = next.subscribe('notices', {
      snapshot: () => void ask(),
      event: (body) => {
        if (body.type === 'notices_changed') later();
      },
    });
  }

  function stop() {
    window.clearTimeout(timer);
    round += 1;
    unsubscribe();
    unsubscribe = () => {};
    link = undefined;
    all.value = [];
  }

  return {
    shown: computed(() => shownOf(all.value, away.value)),
    follow,
    stop,
    /** It is about something else now. */
    refresh: () => void ask(),
    dismiss: (notice: NoticeView) => (away.value = new Set([...away.value, keyOf(notice)])),
  };
}
