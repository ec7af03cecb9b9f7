/**
 * The citizen's side of co-browse in the panel: consent, the page around the panel, and the way of its frames to the
 * server. What the page says has been masked before it comes here (`mask.ts`).
 *
 * State chart: off → loading (agreed; the script comes) → on → off. A page that is loaded anew brings a new panel, which
 * goes on when the page says that it was seen (`kept`), the window still has it, and the seat is taken again.
 */
import { computed, onScopeDispose, ref, watch, type Ref } from 'vue';
import type { Answer, Command, ErrorCode, EventBody, WindowView } from '../../generated/protocol';
import { RequestError } from '../link';
import type { FromPage, Kept, PageDoor } from './messages';
import { FrameSender, type Sent } from './sender';

export type BrowsingState = 'off' | 'loading' | 'on';
/** `unsupported`: the script did not come; `personal`: what the page shows is refused even without its texts. */
export type BrowsingProblem = ErrorCode | 'lost' | 'unsupported' | 'personal';

export interface BrowsingOptions {
  view: () => WindowView;
  /** Has this page the citizen's seat? Another tab of theirs may have it. */
  isSeated: () => boolean;
  page: PageDoor;
  request: (command: Command) => Promise<Answer>;
  /** Hears the events of the window's topic until the returned function is called. */
  listen: (heard: (body: EventBody) => void) => () => void;
  language: () => 'zh' | 'en';
  elder: () => boolean;
}

/** So long the script may take. */
const READY_MS = 15_000;

const codeOf = (error: unknown): ErrorCode | 'lost' => (error instanceof RequestError ? error.code : 'internal');

export function useBrowsing({ view, isSeated, page, request, listen, language, elder }: BrowsingOptions) {
  const state = ref<BrowsingState>('off');
  const problem = ref<BrowsingProblem | null>(null);
  /** What happened on the page, which a small screen does not show beside the panel. */
  const hint = ref<'pointed' | 'proposed' | null>(null);
  const isStrict = ref(false);
  const text = computed(() => view().texts.find(({ purpose }) => purpose === 'co_browse') ?? null);
  const isAgreed = computed(() =>
    view().consents.some(({ purpose, version }) => purpose === 'co_browse' && version === text.value?.version),
  );
  let kept: Kept | null = null;
  let load = 0;
  let timer = 0;
  /** Stopped while the link was lost: the server has to hear of it. */
  let isOwed = false;

  const sender = new FrameSender({
    send,
    pause: () => page.say({ pause: true }),
    anew: () => page.say({ anew: { strict: isStrict.value } }),
    refused: () => {
      if (isStrict.value) {
        stop();
        problem.value = 'personal';
        return;
      }
      isStrict.value = true;
      page.say({ anew: { strict: true } });
    },
    setTimeout: (run, ms) => window.setTimeout(run, ms),
    clearTimeout: (id) => window.clearTimeout(id),
  });

  async function send(frames: string): Promise<Sent> {
    try {
      await request({ type: 'send_frames', window: view().window, page: load, frames });
      return 'sent';
    } catch (error) {
      const code = codeOf(error);
      if (code === 'bad_request') return 'refused';
      return code === 'lost' ? 'lost' : 'later';
    }
  }

  /** The citizen agrees, or has agreed and begins again. */
  async function agree(): Promise<void> {
    if (state.value !== 'off' || !text.value) return;
    problem.value = null;
    isOwed = false;
    state.value = 'loading';
    const { id, version } = text.value;
    try {
      if (!isAgreed.value) {
        await request({ type: 'consent', window: view().window, purpose: 'co_browse', text: id, version });
      }
    } catch (error) {
      failed(codeOf(error));
      return;
    }
    timer = window.setTimeout(() => failed('unsupported'), READY_MS);
    page.say({ load: true });
  }

  function failed(code: BrowsingProblem): void {
    window.clearTimeout(timer);
    state.value = 'off';
    problem.value = code;
  }

  async function begin(): Promise<void> {
    window.clearTimeout(timer);
    try {
      await request({ type: 'browse', window: view().window, on: true });
    } catch (error) {
      failed(codeOf(error));
      return;
    }
    if (state.value === 'loading') show();
  }

  function show(): void {
    state.value = 'on';
    isStrict.value = false;
    sender.reset();
    page.say({ start: { window: view().window, language: language(), elder: elder() } });
    page.say({ proposals: view().proposals });
  }

  /** The page was seen before it was loaded anew. */
  function goOn(): void {
    if (!kept || state.value !== 'off') return;
    const { window: id, state: stands, isBrowsing } = view();
    if (kept.window !== id || stands === 'ended' || (isSeated() && !isBrowsing)) {
      kept = null;
      page.say({ stop: true });
    } else if (isSeated()) {
      kept = null;
      show();
    }
  }

  function hide(): void {
    window.clearTimeout(timer);
    state.value = 'off';
    hint.value = null;
    kept = null;
    sender.reset();
    page.say({ stop: true });
  }

  /** Ends it at once on the page; the server hears of it now, or as soon as there is a link. */
  function stop(): void {
    hide();
    isOwed = true;
    void owe();
  }

  async function owe(): Promise<void> {
    if (!isOwed) return;
    try {
      await request({ type: 'withdraw_consent', window: view().window, purpose: 'co_browse' });
      isOwed = false;
    } catch (error) {
      // Any other answer means that there is nothing to take back any more.
      if (codeOf(error) !== 'lost' && !(error instanceof RequestError && error.retryable)) isOwed = false;
    }
  }

  const quietly = (command: Command): void => void request(command).catch(() => {});

  function told(message: FromPage): void {
    if (message.ready) {
      if (state.value === 'loading') void begin();
      else {
        kept = message.ready.kept;
        goOn();
      }
    }
    if (message.stop) stop();
    if (state.value !== 'on') return;
    if (message.frames !== undefined) {
      load = message.page ?? 1;
      sender.push(message.frames);
    }
    if (message.form) quietly({ type: 'see_form', window: view().window, context: message.form });
    if (message.answer) quietly({ type: 'answer_proposal', window: view().window, ...message.answer });
  }

  const deaf = [
    page.listen(told),
    listen((body) => {
      if (state.value !== 'on') return;
      if (body.type === 'frames_wanted') page.say({ anew: { strict: isStrict.value } });
      if (body.type === 'highlighted') {
        page.say({ highlight: { field: body.field, note: body.note ?? null } });
        hint.value = 'pointed';
      }
    }),
  ];

  watch(
    () => [view().isBrowsing, isSeated(), view().state] as const,
    ([isBrowsing, isHere, stands], [wasBrowsing, wasHere]) => {
      if (state.value === 'on') {
        if ((wasBrowsing && !isBrowsing) || stands === 'ended') hide();
        else if (isHere && !wasHere) {
          sender.reset();
          page.say({ anew: { strict: isStrict.value } });
        }
      } else goOn();
      if (isHere && !wasHere) void owe();
    },
  );

  watch(
    () => view().proposals,
    (now, before) => {
      if (state.value !== 'on') return;
      page.say({ proposals: now });
      if (now.some(({ proposal }) => !before.some((one) => one.proposal === proposal))) hint.value = 'proposed';
      else if (now.length === 0 && hint.value === 'proposed') hint.value = null;
    },
  );

  onScopeDispose(() => {
    deaf.forEach((end) => end());
    if (state.value !== 'off') hide();
  });

  return {
    state: state as Readonly<Ref<BrowsingState>>,
    problem: problem as Readonly<Ref<BrowsingProblem | null>>,
    hint,
    isStrict: isStrict as Readonly<Ref<boolean>>,
    text,
    isAgreed,
    agree,
    stop,
  };
}
