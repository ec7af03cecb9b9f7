/**
 * Shows a citizen's page as it comes (`@rrweb/replay`), in a frame of a page of its own, because what is shown comes from
 * somebody else's computer: this page loads nothing (its content policy has no connection, no picture but those inside of
 * it, no frame), and the frame in it in which the citizen's page is built runs no script (`sandbox`). The clerk's pane
 * is told where they pressed, and nothing else.
 */
import { Replayer } from '@rrweb/replay';
import '@rrweb/replay/dist/style.css';
import './replay.css';
import { findField } from '../shared/browse/dom';
import { EventKind, Source, type PageEvent } from '../shared/browse/events';
import type { FromReplay, ToReplay } from '../shared/browse/replay';
import { elementAt, pointedAt, shownField, shownFields } from './fields';

/** Pictures and the like are grey; nothing moves by itself; nothing can be typed into. */
const RULES = [
  'img { background: #d9dfe8 !important; }',
  '*, *::before, *::after { animation: none !important; transition: none !important; caret-color: transparent !important; }',
];

const stage = document.getElementById('stage')!;
const mark = document.createElement('div');
mark.className = 'mark';
mark.hidden = true;

let replayer: Replayer | null = null;
let size = { width: 0, height: 0 };
let marked: string | null = null;
let told = '';

const say = (message: FromReplay) => window.parent.postMessage({ replay: message }, location.origin);
const page = (): Document | null => replayer?.iframe.contentDocument ?? null;
const numberOf = (node: Node) => replayer?.getMirror().getId(node as never) ?? -1;
const nodeOf = (id: number) => (replayer?.getMirror().getNode(id) as Node | null | undefined) ?? null;

/** Where the page stands on the stage, and how small it is shown. */
function placed() {
  const { clientWidth, clientHeight } = stage;
  const scale = size.width > 0 ? Math.min(clientWidth / size.width, clientHeight / size.height, 1.5) : 1;
  return {
    scale,
    left: Math.max(0, (clientWidth - size.width * scale) / 2),
    top: Math.max(0, (clientHeight - size.height * scale) / 2),
  };
}

function fit(): void {
  if (!replayer || size.width === 0) return;
  const { scale, left, top } = placed();
  replayer.wrapper.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
  drawMark();
}

function drawMark(): void {
  const inside = page();
  const field = marked !== null && inside ? findField(inside, marked, nodeOf) : null;
  const at = field?.getBoundingClientRect();
  mark.hidden = !at || at.width === 0;
  if (mark.hidden || !at) return;
  const { scale, left, top } = placed();
  mark.style.left = `${left + (at.left - 4) * scale}px`;
  mark.style.top = `${top + (at.top - 4) * scale}px`;
  mark.style.width = `${(at.width + 8) * scale}px`;
  mark.style.height = `${(at.height + 8) * scale}px`;
}

let timer = 0;
/** The page has changed: fields come and go, move, are filled. */
function looked(): void {
  timer ||= window.setTimeout(() => {
    timer = 0;
    const inside = page();
    if (!inside) return;
    drawMark();
    const fields = shownFields(inside, numberOf);
    const text = JSON.stringify(fields);
    if (text === told) return;
    told = text;
    say({ fields });
  }, 200);
}

function begin(): void {
  replayer?.destroy();
  stage.replaceChildren();
  replayer = new Replayer([], {
    root: stage,
    liveMode: true,
    mouseTail: false,
    triggerFocus: false,
    showWarning: false,
    showDebug: false,
    UNSAFE_replayCanvas: false,
    insertStyleRules: RULES,
    logger: { log: () => {}, warn: () => {} },
  });
  replayer.iframe.tabIndex = -1;
  replayer.iframe.setAttribute('aria-hidden', 'true');
  replayer.on('resize', (resized: unknown) => {
    size = resized as typeof size;
    fit();
  });
  replayer.startLive(Date.now());
  stage.append(mark);
}

function show(events: readonly PageEvent[]): void {
  const now = Date.now();
  for (const event of events) {
    replayer!.addEvent({ ...event, timestamp: now } as never);
    if (event.type === EventKind.Meta || event.data.source === Source.ViewportResize) {
      size = { width: Number(event.data.width), height: Number(event.data.height) };
    }
  }
  fit();
  looked();
}

window.addEventListener('message', (message: MessageEvent<{ replay?: ToReplay } | null>) => {
  if (message.source !== window.parent || message.origin !== location.origin) return;
  const said = message.data?.replay;
  if (!said) return;
  if (said.events) {
    if (said.isWhole || !replayer) begin();
    show(said.events);
  }
  if (said.mark !== undefined) {
    marked = said.mark;
    drawMark();
  }
});

stage.addEventListener('click', (event) => {
  const inside = page();
  if (!inside) return;
  const { scale, left, top } = placed();
  const at = elementAt(inside, (event.clientX - left) / scale, (event.clientY - top) / scale);
  if (!at || at === inside.documentElement || at === inside.body) return;
  const picked = shownField(pointedAt(at), numberOf);
  if (picked.field !== 'node:-1') say({ picked });
});

new ResizeObserver(fit).observe(stage);
// Scrolling inside moves what is marked.
window.setInterval(drawMark, 250);
say({ ready: true });
