/** The board's subscription: the newest view, the state of the link, and what this page has collected since. */
import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue';
import type { AlertsView, BoardView, Command, EventBody, Timestamp, Topic } from '../generated/protocol';
import { alertsTopic } from '../shared/alerts';
import { setClock, useNow } from '../shared/clock';
import { followBrowser, Link, socketUrl, type LinkState, type Subscription } from '../shared/link';
import { freshness } from './freshness';
import { withSample, type TrendPoint } from './trend';

/** `topic`: the city's board or a unit's. `over`: the token is not taken any more. */
export function useBoard(token: () => string, topic: Topic, over: () => Promise<'renewed' | 'ended' | 'lost'>) {
  const state = shallowRef<LinkState>({ kind: 'connecting' });
  const view = shallowRef<BoardView | null>(null);
  const alerts = shallowRef<AlertsView | null>(null);
  const isRefused = ref(false);
  const points = shallowRef<readonly TrendPoint[]>([]);
  const openedAt = ref<Timestamp | null>(null);

  const link = new Link({
    url: socketUrl(),
    token,
    onState: (next) => {
      state.value = next;
      if (next.kind === 'stopped' && next.reason === 'token') void goOn();
    },
    onWelcome: () => setClock(() => link.serverNow()),
  });
  async function goOn() {
    const outcome = await over();
    if (outcome === 'renewed') link.start();
    else if (outcome === 'lost') link.startLater();
  }

  link.subscribe(topic, {
    snapshot: (snapshot) => {
      if (snapshot.type === 'board') view.value = snapshot.view;
    },
    event: (body) => {
      if (body.type === 'board') view.value = body.view;
    },
    refused: () => (isRefused.value = true),
  });

  link.subscribe(alertsTopic(topic), {
    snapshot: (snapshot) => {
      if (snapshot.type === 'alerts') alerts.value = snapshot.view;
    },
    event: (body) => {
      if (body.type === 'alerts') alerts.value = body.view;
    },
  });

  const now = useNow();
  /** Local time that moves with the seconds. */
  const localNow = () => {
    void now.value;
    return Date.now();
  };
  const fresh = computed(() => freshness(state.value, localNow()));
  /**
   * The instant up to which the numbers are known to be true: a tick says that nothing has changed. Never later than
   * the clock beside it, which moves once a second.
   */
  const knownUntil = computed<Timestamp | null>(() => {
    if (!view.value) return null;
    const offset = link.serverNow() - localNow();
    return Math.min(Math.max(view.value.asOf, (link.heardAt ?? 0) + offset), now.value);
  });

  watch([view, now], () => {
    if (!view.value || state.value.kind !== 'open') return;
    openedAt.value ??= now.value;
    points.value = withSample(points.value, now.value, view.value);
  });

  const unfollow = followBrowser(link);
  link.start();
  onScopeDispose(() => {
    unfollow();
    link.stop();
  });

  return {
    state,
    view,
    alerts,
    isRefused,
    points,
    openedAt,
    now,
    fresh,
    knownUntil,
    request: (command: Command) => link.request(command),
    listenSession: (listener: (body: EventBody) => void) => link.listenSession(listener),
    subscribe: (what: Topic, subscription: Subscription) => link.subscribe(what, subscription),
    retryNow: () => link.retryNow(),
    renew: (next: string) => link.renew(next),
  };
}
