/**
 * The script that a portal's page gets when its citizen agrees that a clerk may see it, and not before. It stands beside
 * the loader's element, records the page (`@rrweb/record`), masks what it recorded, and gives it to the panel in the
 * loader's frame, which is of our origin and has the connection. Nothing else leaves the page.
 *
 * A page that is loaded anew while it is seen goes on by itself: `sessionStorage` of the tab says so to the loader, which
 * opens the frame, and to us. Nobody else's tab goes on with it.
 *
 * Size: its own file, never part of the loader.
 */
import { record } from '@rrweb/record';
import { findField } from '../shared/browse/dom';
import type { PageEvent } from '../shared/browse/events';
import { HIDDEN, Masker } from '../shared/browse/mask';
import type { FromPage, Kept, ToPage } from '../shared/browse/messages';
import { Cutter } from '../shared/browse/pieces';
import { watchForm } from './form';
import { Overlay } from './overlay';
import { wordsOf } from './words';

/** Events are collected for so long, so that a piece holds more than one. */
const COLLECT_MS = 250;
/** Also in the loader, which opens the frame when it is there. */
const KEY = 'bangban';
const TAGS = '[data-bb-item],[data-bb-step],[data-bb-field],[data-bb-mask],[data-bb-block]';

const help = document.querySelector('bangban-help');
const frame = help?.shadowRoot?.querySelector('iframe');

interface Showing {
  kept: Kept;
  masker: Masker;
  overlay: Overlay;
  cutter: Cutter;
  waiting: PageEvent[];
  isPaused: boolean;
  end: () => void;
}

let showing: Showing | null = null;

function say(browse: FromPage): void {
  if (frame) frame.contentWindow?.postMessage({ bangban: { browse } }, new URL(frame.src).origin);
}

function kept(): Kept | null {
  try {
    const { window: id, page } = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Kept;
    return typeof id === 'string' && typeof page === 'number' ? { window: id, page } : null;
  } catch {
    return null;
  }
}

/** The loader opens the panel after a load of the page if it was open before. */
function keep(one: Kept | null): void {
  try {
    if (one) sessionStorage.setItem(KEY, JSON.stringify({ ...one, open: frame?.hidden ? 0 : 1 }));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Without it the page is simply not seen any more after the next load.
  }
}

function sizeOf(id: number): { width: number; height: number } | null {
  const node = record.mirror.getNode(id);
  return node instanceof Element ? node.getBoundingClientRect() : null;
}

function start({ window: id, language, elder }: NonNullable<ToPage['start']>): void {
  if (showing) {
    if (showing.kept.window === id) anew(false);
    return;
  }
  const before = kept();
  const now: Kept = { window: id, page: before?.window === id ? before.page + 1 : 1 };
  keep(now);
  const overlay = new Overlay({
    words: wordsOf(language),
    elder,
    find: (field) => findField(document, field, (number) => record.mirror.getNode(number)),
    stop: () => {
      stop();
      say({ stop: true });
    },
    answer: (proposal, accepts) => say({ answer: { proposal, accepts } }),
  });
  const masker = new Masker({ isPrepared: document.querySelector(TAGS) !== null, sizeOf });
  const one: Showing = {
    kept: now,
    masker,
    overlay,
    cutter: new Cutter(),
    waiting: [],
    isPaused: false,
    end: () => {},
  };
  showing = one;
  const timer = window.setInterval(flush, COLLECT_MS);
  const leave = () => keep(one.kept);
  window.addEventListener('pagehide', leave);
  const end = record({
    emit: (event) => heard(event as unknown as PageEvent),
    maskAllInputs: true,
    maskInputFn: (text) => (text ? HIDDEN : ''),
    blockSelector: '[data-bb-block]',
    slimDOMOptions: 'all',
    inlineStylesheet: true,
    inlineImages: false,
    recordCanvas: false,
    recordCrossOriginIframes: false,
    collectFonts: false,
    keepIframeSrcFn: () => false,
    sampling: { mousemove: 100, scroll: 150 },
    // A page must not suffer from being seen.
    errorHandler: () => true,
  });
  const unwatch = watchForm((form) => say({ form }));
  one.end = () => {
    end?.();
    unwatch();
    window.clearInterval(timer);
    window.removeEventListener('pagehide', leave);
    overlay.remove();
  };
}

function heard(event: PageEvent): void {
  if (!showing || showing.isPaused) return;
  const shown = showing.masker.mask(event);
  if (shown) showing.waiting.push(shown);
}

function flush(): void {
  if (!showing || showing.isPaused) return;
  if (showing.masker.isStale) anew(false);
  const { cutter, kept: one } = showing;
  const waiting = showing.waiting.splice(0);
  for (const frames of cutter.cut(waiting)) say({ frames, page: one.page });
}

/** All of the page once more. */
function anew(strict: boolean): void {
  if (!showing) return;
  if (strict) showing.masker = new Masker({ isPrepared: false, sizeOf });
  showing.waiting = [];
  showing.isPaused = false;
  record.takeFullSnapshot();
}

function stop(): void {
  showing?.end();
  showing = null;
  keep(null);
}

function told(browse: ToPage): void {
  if (browse.load) say({ ready: { kept: kept() } });
  if (browse.start) start(browse.start);
  if (browse.stop) stop();
  if (browse.pause && showing) {
    showing.isPaused = true;
    showing.waiting = [];
  }
  if (browse.anew) anew(browse.anew.strict);
  if (browse.highlight) showing?.overlay.highlight(browse.highlight.field, browse.highlight.note);
  if (browse.proposals) showing?.overlay.propose(browse.proposals);
}

if (frame) {
  window.addEventListener('message', (event: MessageEvent<{ bangban?: { browse?: ToPage } } | null>) => {
    if (event.source !== frame.contentWindow || event.origin !== new URL(frame.src).origin) return;
    const browse = event.data?.bangban?.browse;
    if (browse) told(browse);
  });
  say({ ready: { kept: kept() } });
}
