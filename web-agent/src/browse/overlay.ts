/**
 * What the citizen sees over the page: that it is seen, with one press to stop; where a clerk points; what a clerk
 * proposes. In a shadow root of its own, so that the page's styles do not reach it; the recorder does not show it.
 */
import type { ProposalView } from '../generated/protocol';
import { isSeen, kindOfField, titleOf } from '../shared/browse/dom';
import { takesProposals } from '../shared/browse/kinds';
import { fill } from './fields';
import type { OverlayWords } from './words';

export interface OverlayOptions {
  words: OverlayWords;
  elder: boolean;
  find: (field: string) => Element | null;
  stop: () => void;
  answer: (proposal: number, accepts: boolean) => void;
}

const CSS = `:host{all:initial}
*{box-sizing:border-box;font:400 16px/1.5 "PingFang SC","Microsoft YaHei","HarmonyOS Sans SC","Noto Sans CJK SC",sans-serif;color:#1b2430}
.elder *{font-size:22px}
p{margin:0;overflow-wrap:anywhere}
[hidden]{display:none!important}
.edge{position:fixed;inset:0;top:0;right:0;bottom:0;left:0;z-index:2147482000;border:4px solid #8a5200;pointer-events:none}
.bar{position:fixed;top:0;right:0;left:0;z-index:2147482003;display:flex;align-items:center;gap:12px;width:fit-content;max-width:calc(100vw - 24px);margin:0 auto;padding:6px 8px 6px 16px;border-radius:0 0 12px 12px;background:#8a5200}
.bar p{color:#fff;font-weight:600}
.bar p::before{content:"●";margin-right:8px;color:#ffd27a}
button{flex:none;min-width:72px;min-height:44px;padding:4px 16px;border:2px solid #1259b8;border-radius:8px;background:#fff;color:#0b4493;font-weight:600;cursor:pointer}
.elder button{min-height:60px}
button.p{background:#1259b8;color:#fff}
.bar button{border-color:#fff}
button:focus-visible{outline:3px solid #0b4493;outline-offset:2px;box-shadow:0 0 0 7px #ffd27a}
.ring{position:fixed;z-index:2147482001;border:4px solid #c8161d;border-radius:10px;box-shadow:0 0 0 3px #fff;pointer-events:none}
.card{position:fixed;z-index:2147482002;display:grid;gap:8px;width:320px;max-width:calc(100vw - 24px);padding:12px 16px;border:2px solid #1259b8;border-radius:12px;background:#fff;box-shadow:0 8px 40px rgba(0,0,0,.28)}
.card.note{border-color:#c8161d}
.card b{font-weight:600}
.value{padding:8px 12px;border-radius:8px;background:#f1f6fd;font-weight:600;white-space:pre-wrap}
.quiet{color:#52606f}
.wrong{color:#b81219}
.buttons{display:flex;flex-wrap:wrap;gap:8px}
.card::before{content:"";position:absolute;top:-9px;left:24px;width:14px;height:14px;border:2px solid #1259b8;border-width:2px 0 0 2px;background:#fff;transform:rotate(45deg)}
.card.note::before{border-color:#c8161d}
.card.above::before{top:auto;bottom:-9px;border-width:0 2px 2px 0}
.said{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (forced-colors:active){.ring,.edge{border-color:Highlight}}
@media print{.edge,.bar,.ring,.card{display:none}}`;

/** Distance of a card to its field. */
const GAP = 16;

interface Card {
  element: HTMLElement;
  field: Element;
  ring: HTMLElement | null;
}

export class Overlay {
  private readonly host = document.createElement('bangban-browse');
  private readonly layer = document.createElement('div');
  private readonly said = document.createElement('p');
  private readonly cards = new Map<string, Card>();
  private readonly answered = new Set<number>();
  private frame = 0;

  constructor(private readonly options: OverlayOptions) {
    const root = this.host.attachShadow({ mode: 'open' });
    try {
      // A constructed sheet needs no 'unsafe-inline' in the portal's style-src; older browsers take the element.
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(CSS);
      root.adoptedStyleSheets = [sheet];
    } catch {
      root.appendChild(document.createElement('style')).textContent = CSS;
    }
    this.layer.className = options.elder ? 'elder' : '';
    this.layer.setAttribute('role', 'region');
    this.layer.setAttribute('aria-label', options.words.name);
    this.said.className = 'said';
    this.said.setAttribute('role', 'status');
    const edge = document.createElement('div');
    edge.className = 'edge';
    const bar = document.createElement('div');
    bar.className = 'bar';
    bar.append(paragraph(options.words.seen), this.button(options.words.stop, '', options.stop));
    this.layer.append(bar, edge, this.said);
    root.append(this.layer);
    // Not in the body, which pages replace.
    document.documentElement.append(this.host);
    this.said.textContent = options.words.seen;
  }

  /** A clerk points at a field. Answers whether it is on this page. */
  highlight(name: string, note: string | null): boolean {
    this.close('note');
    const field = this.options.find(name);
    if (!field) return false;
    const { words } = this.options;
    const card = document.createElement('div');
    card.className = 'card note';
    const title = words.pointed(titleOf(field));
    card.append(bold(title));
    if (note) card.append(paragraph(note));
    const buttons = card.appendChild(document.createElement('div'));
    buttons.className = 'buttons';
    buttons.append(this.button(words.gotIt, 'p', () => this.close('note')));
    this.open('note', card, field, true);
    this.said.textContent = note ? `${title}。${note}` : title;
    return true;
  }

  /** All proposals that stand. */
  propose(proposals: readonly ProposalView[]): void {
    const standing = new Set(proposals.map(({ proposal }) => `${proposal}`));
    for (const key of [...this.cards.keys()]) if (key !== 'note' && !standing.has(key)) this.close(key);
    for (const one of proposals) {
      if (!this.cards.has(`${one.proposal}`) && !this.answered.has(one.proposal)) this.proposed(one);
    }
  }

  remove(): void {
    window.cancelAnimationFrame(this.frame);
    this.host.remove();
  }

  private proposed({ proposal, field: name, value, note }: ProposalView): void {
    const field = this.options.find(name);
    if (!field) return;
    const { words } = this.options;
    const kind = kindOfField(field);
    const mayFill = kind !== null && takesProposals(kind);
    const card = document.createElement('div');
    card.className = 'card';
    const title = words.proposed(titleOf(field));
    const shown = paragraph(value, 'value');
    card.append(bold(title), shown);
    if (note) card.append(paragraph(note));
    const wrong = paragraph(mayFill ? '' : words.own, 'wrong');
    wrong.setAttribute('role', 'alert');
    wrong.hidden = mayFill;
    const buttons = document.createElement('div');
    buttons.className = 'buttons';
    const done = (accepts: boolean) => {
      this.answered.add(proposal);
      this.close(`${proposal}`);
      this.options.answer(proposal, accepts);
    };
    const accept = this.button(words.accept, 'p', (event) => {
      // Only a person's own press fills anything in.
      if (!event.isTrusted) return;
      if (fill(field, value)) {
        done(true);
        return;
      }
      wrong.textContent = words.cannot;
      wrong.hidden = false;
      accept.hidden = true;
    });
    accept.hidden = !mayFill;
    buttons.append(
      accept,
      this.button(words.decline, '', () => done(false)),
    );
    card.append(wrong, buttons);
    this.open(`${proposal}`, card, field, false);
    this.said.textContent = `${title}：${value}`;
  }

  private button(text: string, look: string, press: (event: MouseEvent) => void): HTMLButtonElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = look;
    button.textContent = text;
    button.addEventListener('click', press);
    return button;
  }

  private open(key: string, element: HTMLElement, field: Element, hasRing: boolean): void {
    const ring = hasRing ? document.createElement('div') : null;
    if (ring) {
      ring.className = 'ring';
      this.layer.append(ring);
    }
    this.layer.append(element);
    this.cards.set(key, { element, field, ring });
    const { top, bottom } = field.getBoundingClientRect();
    // The bar is above; the card needs room below.
    if (top < 64 || bottom > window.innerHeight - 64) {
      const isCalm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
      field.scrollIntoView({ block: 'center', behavior: isCalm ? 'auto' : 'smooth' });
    }
    if (this.cards.size === 1) this.follow();
  }

  private close(key: string): void {
    const card = this.cards.get(key);
    card?.element.remove();
    card?.ring?.remove();
    this.cards.delete(key);
  }

  /** Fields move when the page scrolls, changes and is resized; while there is a card it is looked at with every frame. */
  private readonly follow = (): void => {
    // A page that replaces everything takes us with it.
    if (!this.host.isConnected) document.documentElement.append(this.host);
    for (const [key, { element, field, ring }] of this.cards) {
      if (!field.isConnected) {
        this.close(key);
        continue;
      }
      const at = field.getBoundingClientRect();
      const isShown = isSeen(field);
      if (ring) {
        ring.hidden = !isShown;
        place(ring, at.left - 8, at.top - 8);
        ring.style.width = `${at.width + 16}px`;
        ring.style.height = `${at.height + 16}px`;
      }
      const { offsetWidth: width, offsetHeight: height } = element;
      const isAbove = at.bottom + GAP + height > window.innerHeight && at.top - GAP - height > 56;
      element.classList.toggle('above', isAbove);
      const top = isAbove ? at.top - GAP - height : at.bottom + GAP;
      place(
        element,
        Math.max(12, Math.min(at.left, window.innerWidth - width - 12)),
        Math.max(56, Math.min(top, window.innerHeight - height - 12)),
      );
    }
    if (this.cards.size > 0) this.frame = window.requestAnimationFrame(this.follow);
  };
}

function place(element: HTMLElement, left: number, top: number): void {
  element.style.left = `${Math.round(left)}px`;
  element.style.top = `${Math.round(top)}px`;
}

function paragraph(text: string, look = ''): HTMLParagraphElement {
  const element = document.createElement('p');
  element.className = look;
  element.textContent = text;
  return element;
}

function bold(text: string): HTMLElement {
  const element = document.createElement('b');
  element.textContent = text;
  return element;
}
