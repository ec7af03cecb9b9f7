/** The virtual windows of the log-in: one for each conversation on the desk that has one, and those one is asked into. */
import { defineStore } from 'pinia';
import { computed, effectScope, ref, shallowReactive, watch, type EffectScope } from 'vue';
import type { ConversationId, Seat, WindowBrief, WindowId } from '../../generated/protocol';
import { createRoom, type Room } from '../../shared/window/room';
import { useDesk } from './desk';
import { useLinkPort } from './port';
import { useSession } from './session';
import { useThreads } from './threads';

const GUESTS_KEY = 'bangban.console.windows';

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
  /** Windows of colleagues that one was asked into, and by whom. */
  const guests = shallowReactive(new Map<WindowId, string>());
  const asking = ref<ConversationId | null>(null);
  /** The window that has the room of the whole desk, with the thread beside it. */
  const enlarged = ref<WindowId | null>(null);
  let scope: EffectScope | undefined;
  let unlisten = () => {};

  const port = useLinkPort();

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
    if (guests.delete(window)) keepGuests();
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

  /** Asked in by a colleague; a reload of this tab knows it still. */
  function invited(window: WindowId, by: string): void {
    guests.set(window, by);
    keepGuests();
    if (!rooms.has(window)) open(window, 'second_clerk').isFolded.value = true;
  }

  function keepGuests(): void {
    if (guests.size === 0) sessionStorage.removeItem(GUESTS_KEY);
    else sessionStorage.setItem(GUESTS_KEY, JSON.stringify([...guests]));
  }

  function comeBack(): void {
    try {
      const kept = JSON.parse(sessionStorage.getItem(GUESTS_KEY) ?? '[]') as [WindowId, string][];
      for (const [window, by] of kept) {
        guests.set(window, by);
        open(window, 'second_clerk');
      }
    } catch {
      sessionStorage.removeItem(GUESTS_KEY);
    }
  }

  /** What has ended before one has looked at it is no news. */
  function forgetOver(): void {
    for (const window of guests.keys()) {
      const room = rooms.get(window);
      if (room && isOver(room) && room.isFolded.value) drop(window);
    }
  }

  function begin(): void {
    scope = effectScope(true);
    scope.run(() => {
      watch([briefs, () => desk.conversations], follow, { immediate: true });
      watch(() => [...guests.keys()].map((window) => rooms.get(window)?.screen.value.kind), forgetOver);
    });
    unlisten = desk.listen({ invited: (window, by) => invited(window, by.name) });
    comeBack();
  }

  function end(): void {
    scope?.stop();
    unlisten();
    for (const window of [...rooms.keys()]) drop(window);
  }

  const of = (conversation: ConversationId): Room | null => rooms.get(byConversation.get(conversation) ?? '') ?? null;

  /** One sits there, or waits there for the other: it needs room. */
  const isTall = (room: Room | null): room is Room => {
    const kind = room?.screen.value.kind;
    return (kind === 'live' || kind === 'waiting') && !room?.isFolded.value;
  };

  /** This conversation's window has the room of the whole desk. */
  const isLarge = (conversation: ConversationId): boolean => {
    const room = of(conversation);
    return isTall(room) && room.id === enlarged.value;
  };

  /** The window in which one sits. */
  const active = computed(() => [...rooms.values()].find((room) => room.isSeated.value) ?? null);

  async function ask(conversation: ConversationId, origin: 'conversation' | 'code'): Promise<void> {
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
    enlarged,
    active,
    port,
    isOver,
    begin,
    end,
    of,
    isTall,
    isLarge,
    drop,
    ask,
    book,
  };
});
