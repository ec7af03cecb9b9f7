/** The virtual windows of the log-in: one for each conversation on the desk that has one, and those one is asked into. */
import { defineStore } from 'pinia';
import { computed, effectScope, ref, shallowReactive, watch, type EffectScope } from 'vue';
import type { ConversationId, WindowOrigin, Seat, WindowBrief, WindowId } from '../../generated/protocol';
import { serverNow } from '../../shared/clock';
import { createRoom, type Room, type WindowPort } from '../../shared/window/room';
import { useDesk } from './desk';
import { useSession } from './session';
import { useThreads } from './threads';

/** A window that is over stays on the screen until it was read. */
const isOver = (room: Room): boolean => {
  const { kind } = room.screen.value;
  return kind === 'ended' || kind === 'refused';
};

export const useWindows = defineStore('windows', () => {
  const session = useSession();
  const desk = useDesk();
  const threads = useThreads();
  const rooms = shallowReactive(new Map<WindowId, Room>());
  /** Which window a conversation shows. */
  const byConversation = shallowReactive(new Map<ConversationId, WindowId>());
  /** Windows of colleagues that one was asked into. */
  const guests = shallowReactive(new Set<WindowId>());
  const asking = ref<ConversationId | null>(null);
  let scope: EffectScope | undefined;

  const port: WindowPort = {
    request: session.request,
    subscribe: session.subscribe,
    listenSession: session.listenSession,
    isOpen: computed(() => session.isOpen),
    token: () => session.login?.token ?? '',
    now: serverNow,
  };

  function open(window: WindowId, seat: Seat): Room {
    const known = rooms.get(window);
    if (known) return known;
    const room = createRoom({ port, window, seat });
    rooms.set(window, room);
    return room;
  }

  function drop(window: WindowId): void {
    rooms.get(window)?.dispose();
    rooms.delete(window);
    guests.delete(window);
    for (const [conversation, of] of byConversation) if (of === window) byConversation.delete(conversation);
  }

  /** The windows of the conversations on the desk, by conversation. */
  const briefs = computed(() => {
    const found = new Map<ConversationId, WindowBrief>();
    for (const { id } of desk.conversations) {
      const brief = threads.open.get(id)?.shared.view?.window;
      if (brief) found.set(id, brief);
    }
    return found;
  });

  function follow(): void {
    for (const [conversation, { window }] of briefs.value) {
      const before = byConversation.get(conversation);
      if (before === window) continue;
      if (before) drop(before);
      // Whoever came as a guest, and serves the conversation now, has the agent's own seat.
      if (guests.has(window)) drop(window);
      byConversation.set(conversation, window);
      open(window, 'agent');
    }
    for (const [conversation, window] of byConversation) {
      const isHere = desk.conversations.some((one) => one.id === conversation);
      if (!isHere) drop(window);
    }
  }

  /** Asked in by a colleague: as long as the server says so, or until one has read the end of it. */
  function followInvitations(): void {
    const invited = desk.view?.invitations ?? [];
    for (const { window } of invited) {
      if (rooms.has(window)) continue;
      guests.add(window);
      open(window, 'second_clerk').isFolded.value = true;
    }
    for (const window of [...guests]) {
      const room = rooms.get(window);
      if (!room || (!invited.some((one) => one.window === window) && !room.isSeated.value && !isOver(room)))
        drop(window);
    }
  }

  function begin(): void {
    scope = effectScope(true);
    scope.run(() => {
      watch([briefs, () => desk.conversations], follow, { immediate: true });
      watch(() => desk.view?.invitations, followInvitations, { immediate: true });
    });
  }

  function end(): void {
    scope?.stop();
    for (const window of [...rooms.keys()]) drop(window);
  }

  const of = (conversation: ConversationId): Room | null => rooms.get(byConversation.get(conversation) ?? '') ?? null;

  /** The window in which one sits. */
  const active = computed(() => [...rooms.values()].find((room) => room.isSeated.value) ?? null);

  async function ask(conversation: ConversationId, origin: WindowOrigin): Promise<void> {
    if (asking.value) return;
    asking.value = conversation;
    try {
      const old = of(conversation);
      if (old && isOver(old)) drop(old.id);
      const answer = await session.request({ type: 'ask_window', conversation, origin });
      if (answer.type === 'opened_window') {
        byConversation.set(conversation, answer.window);
        open(answer.window, 'agent');
      }
    } finally {
      asking.value = null;
    }
  }

  const book = (conversation: ConversationId, at: number) => session.request({ type: 'book_window', conversation, at });

  return {
    rooms,
    byConversation,
    guests,
    asking,
    active,
    port,
    isOver,
    begin,
    end,
    of,
    drop,
    ask,
    book,
  };
});
