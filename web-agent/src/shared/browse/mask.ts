/**
 * What a page may show of itself. Every event of the recorder goes through here before it leaves the page, and is built
 * anew from the parts that are known to be harmless: what nobody thought of is not shown.
 *
 * Shown are the shape of the page, the text of its labels, headings and buttons, and whether a field is filled. Not shown
 * are what stands in fields and what was chosen, text that the page has tagged (`data-bb-mask`) or that stands where one
 * writes, everything in a block (`data-bb-block`), all attributes but those of `attributes.ts`, texts and addresses in
 * style sheets, pictures, videos, canvases, frames, addresses, the title, and what looks like a number of somebody
 * (`text.ts`). A page without any of our tags was not made for this: of it only labels, headings and buttons are read.
 *
 * Pure: no document, no clock. The state is what is known of each node by its number, from the events themselves.
 */
import { isShown, shownValue } from './attributes';
import { cleanCss, cleanValue } from './css';
import { EventKind, NodeKind, Source, type Attributes, type PageEvent, type PageNode } from './events';
import { kindOf } from './kinds';
import { HIDDEN, hideNumbers } from './text';

export { HIDDEN } from './text';

interface Known {
  tag: string;
  parent: number;
  /** Nothing that is written in it is shown. */
  isTagged: boolean;
  /** Nothing in it is shown. */
  isClosed: boolean;
  /** Of what one fills in, and of a text: it was shown as hidden. More of it is not told: it would tell how much. */
  isFilled: boolean;
  /** Of a `select`: one of its options stands for what was chosen already. */
  isDrawn: boolean;
  /** Of an `option`: it is the choice that is none. */
  isNone: boolean;
  /** Of an `input`: its value is written, so it can be shown as hidden. */
  isWritten: boolean;
  /** One of several to choose from, or what stands beside one: nobody sees which of them was pressed. */
  isChoice: boolean;
}

export interface MaskOptions {
  /** Does the page carry our tags? Without them only `LABELS` are read. */
  isPrepared: boolean;
  /** Width and height of a picture and the like, which keeps its place. */
  sizeOf?: (id: number) => { width: number; height: number } | null;
}

/** Where one writes or chooses, and where results of that are shown. */
const CONTROLS = new Set([
  'textarea',
  'select',
  'option',
  'optgroup',
  'datalist',
  'output',
  'input',
  'meter',
  'progress',
]);
/** The same, built by hand. */
const CONTROL_ROLES = /^(?:textbox|searchbox|combobox|listbox|option|spinbutton|slider|gridcell)$/i;
const FILLED = new Set(['input', 'textarea', 'select']);
const CHOICE_TAGS = new Set(['label', 'select', 'option', 'optgroup']);
const CHOICE_ROLES = /^(?:radio|checkbox|switch|option|menuitemradio|menuitemcheckbox|slider|gridcell)$/i;
/** Class names by which a page shows that something was chosen. */
const CHOSEN = /(?:^|[-_])(?:checked|selected|active|chosen|current|on)$/i;
/** What is read of a page without tags. */
const LABELS = new Set([
  'label',
  'legend',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'th',
  'button',
  'summary',
  'caption',
  'dt',
]);
/** Shows something that cannot be looked through: its place is kept. */
const PICTURES = new Set(['img', 'iframe', 'frame', 'object', 'embed', 'video', 'canvas', 'image', 'portal']);
/** Is not seen, and may hold anything. */
const UNSEEN = new Set([
  'script',
  'noscript',
  'template',
  'meta',
  'base',
  'title',
  'audio',
  'source',
  'track',
  'param',
]);
const SHEETS = new Set(['style', 'link']);
/** Fields of `input` whose text is hidden; they become plain ones, because "●" is no date and no number. */
const WRITTEN = /^(?:text|search|tel|url|email|number|date|time|month|week|datetime-local|datetime)$/i;
/** Those whose value is a text. */
const VALUED =
  /^(?:text|search|tel|url|email|number|date|time|month|week|datetime-local|datetime|password|submit|button|reset)$/i;

const whole = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? Math.round(value) : 0);
const list = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter((one): one is Record<string, unknown> => typeof one === 'object' && !!one) : [];
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const says = (value: unknown): boolean => typeof value === 'string' && value !== '';

export class Masker {
  private readonly known = new Map<number, Known>();
  private startedAt: number | null = null;
  /** Something was tagged after it was shown: the page has to be sent again. */
  isStale = false;

  constructor(private readonly options: MaskOptions) {}

  /** The event as it may leave the page; `null`: not at all. */
  mask(event: PageEvent): PageEvent | null {
    const data = this.data(event);
    if (!data) return null;
    // Instants are told from the first event on: in full they look like somebody's card number.
    this.startedAt ??= whole(event.timestamp);
    return { type: event.type, timestamp: whole(event.timestamp) - this.startedAt, data };
  }

  private data({ type, data }: PageEvent): Record<string, unknown> | null {
    switch (type) {
      case EventKind.Meta:
        return { href: '', width: whole(data.width), height: whole(data.height) };
      case EventKind.FullSnapshot: {
        this.known.clear();
        this.isStale = false;
        const offset = (data.initialOffset ?? {}) as Record<string, unknown>;
        const node = this.node(data.node as PageNode, 0);
        return node && { node, initialOffset: { left: whole(offset.left), top: whole(offset.top) } };
      }
      case EventKind.Incremental:
        return this.change(data);
      default:
        return null;
    }
  }

  private change(data: Record<string, unknown>): Record<string, unknown> | null {
    const { source } = data;
    switch (source) {
      case Source.Mutation:
        return this.mutation(data);
      case Source.MouseMove:
      case Source.TouchMove:
      case Source.Drag: {
        const positions = list(data.positions)
          .filter(({ id }) => !this.isChoice(whole(id)))
          .map(({ x, y, id, timeOffset }) => ({
            x: whole(x),
            y: whole(y),
            id: whole(id),
            timeOffset: whole(timeOffset),
          }));
        return positions.length > 0 ? { source, positions } : null;
      }
      case Source.MouseInteraction:
        if (this.isChoice(whole(data.id))) return null;
        return { source, type: whole(data.type), id: whole(data.id), x: whole(data.x), y: whole(data.y) };
      case Source.Scroll:
        return { source, id: whole(data.id), x: whole(data.x), y: whole(data.y) };
      case Source.ViewportResize:
        return { source, width: whole(data.width), height: whole(data.height) };
      case Source.Input:
        return this.input(data);
      case Source.StyleSheetRule:
        return this.rules(data);
      case Source.StyleDeclaration:
        return this.declaration(data);
      case Source.AdoptedStyleSheet: {
        const styles = list(data.styles).map((one) => ({ styleId: whole(one.styleId), rules: this.added(one.rules) }));
        return { source, id: whole(data.id), styleIds: numbers(data.styleIds), styles };
      }
      default:
        // Media, canvases, fonts, logs, selections.
        return null;
    }
  }

  // --- nodes -------------------------------------------------------------------------------------------------------

  private node(raw: PageNode, parent: number): PageNode | null {
    const id = whole(raw.id);
    const place = {
      id,
      ...(raw.rootId === undefined ? {} : { rootId: whole(raw.rootId) }),
      ...(raw.isShadow ? { isShadow: true } : {}),
    };
    switch (raw.type) {
      case NodeKind.Document:
        this.know(id, { tag: '#document', parent });
        return {
          type: NodeKind.Document,
          ...place,
          ...(raw.compatMode === 'BackCompat' ? { compatMode: 'BackCompat' } : {}),
          childNodes: this.children(raw, id),
        };
      case NodeKind.DocumentType:
        return { type: NodeKind.DocumentType, ...place, name: 'html', publicId: '', systemId: '' } as PageNode;
      case NodeKind.Element:
        return { ...this.element(raw, id, parent), ...place };
      case NodeKind.Text: {
        const textContent = this.written(parent, text(raw.textContent));
        this.know(id, { tag: '#text', parent, isFilled: textContent === HIDDEN });
        return { type: NodeKind.Text, ...place, textContent };
      }
      case NodeKind.CData:
      case NodeKind.Comment:
        return { type: NodeKind.Comment, ...place, textContent: '' };
      default:
        return null;
    }
  }

  private know(id: number, { tag, parent, ...more }: Partial<Known> & { tag: string; parent: number }): Known {
    const no = {
      isTagged: false,
      isClosed: false,
      isFilled: false,
      isDrawn: false,
      isNone: false,
      isWritten: false,
      isChoice: false,
    };
    const known = { ...no, tag, parent, ...more };
    this.known.set(id, known);
    return known;
  }

  private children(raw: PageNode, id: number): PageNode[] {
    const shown: PageNode[] = [];
    for (const child of raw.childNodes ?? []) {
      const node = this.node(child, id);
      if (node) shown.push(node);
    }
    return shown;
  }

  private element(raw: PageNode, id: number, parent: number): Omit<PageNode, 'id'> {
    const tag = /^[a-z][a-z0-9-]{0,40}$/i.test(raw.tagName ?? '') ? raw.tagName!.toLowerCase() : 'div';
    const attributes = raw.attributes ?? {};
    const isOurs = tag.startsWith('bangban-');
    const isUnseen = isOurs || UNSEEN.has(tag);
    const isBlocked = raw.needBlock === true || 'data-bb-block' in attributes;
    const isPicture = PICTURES.has(tag);
    this.know(id, {
      tag,
      parent,
      isTagged: isTagged(attributes),
      isClosed: isUnseen || isBlocked || isPicture || tag === 'link' || this.isClosed(parent),
      isFilled: FILLED.has(tag) && says(attributes.value),
      isNone: tag === 'option' && attributes.value === '',
      isWritten: tag === 'input' && VALUED.test(text(attributes.type) || 'text'),
      isChoice:
        CHOICE_TAGS.has(tag) ||
        CHOICE_ROLES.test(text(attributes.role)) ||
        (tag === 'input' && !VALUED.test(text(attributes.type) || 'text')),
    });
    const kind = { type: NodeKind.Element, ...(raw.isSVG ? { isSVG: true } : {}) };
    // Empty, so that what comes before and after it still finds it.
    if (isOurs) return { type: NodeKind.Element, tagName: 'div', attributes: { hidden: '' }, childNodes: [] };
    if (isUnseen) return { type: NodeKind.Element, tagName: 'meta', attributes: {}, childNodes: [] };
    const shown = this.attributes(id, tag, attributes);
    if (isPicture || isBlocked) {
      const size = this.options.sizeOf?.(id);
      if (size) {
        shown.rr_width = `${Math.max(0, whole(size.width))}px`;
        shown.rr_height = `${Math.max(0, whole(size.height))}px`;
      }
      // Nothing of another document, nor of a control, is built where it stood.
      if (!raw.isSVG) return { type: NodeKind.Element, tagName: 'img', attributes: shown, childNodes: [] };
      return { ...kind, tagName: 'g', attributes: {}, childNodes: [] };
    }
    if (SHEETS.has(tag) && says(attributes._cssText)) shown._cssText = cleanCss(text(attributes._cssText));
    // What stands in it comes as its value.
    const childNodes = tag === 'textarea' || tag === 'link' ? [] : this.children(raw, id);
    const tagName = raw.isSVG ? raw.tagName! : tag;
    return { ...kind, tagName, attributes: shown, childNodes, ...(raw.isShadowHost ? { isShadowHost: true } : {}) };
  }

  private attributes(id: number, tag: string, raw: Attributes): Attributes {
    const shown: Attributes = {};
    for (const [name, value] of Object.entries(raw)) {
      if (tag === 'link' || name === 'type') continue;
      const kept = this.shown(id, name, value);
      if (kept !== null) shown[name] = kept;
    }
    if (tag === 'input') {
      const type = text(raw.type).toLowerCase() || 'text';
      shown.type = WRITTEN.test(type) ? 'text' : /^[a-z-]{1,20}$/.test(type) ? type : 'text';
      if (this.known.get(id)!.isWritten && says(raw.value)) shown.value = HIDDEN;
    } else if (tag === 'textarea') {
      if (says(raw.value)) shown.value = HIDDEN;
    } else if (tag === 'button' || tag === 'ol') {
      if (/^(?:button|submit|reset|[1aAiI])$/.test(text(raw.type))) shown.type = raw.type;
    } else if (tag === 'option' && this.standsForChoice(id)) shown.selected = true;
    const kind = kindOf(tag, (name) => (name in raw ? text(raw[name]) : null));
    if (kind) shown['data-bb-kind'] = kind;
    return shown;
  }

  private shown(id: number, name: string, value: unknown): string | number | null {
    const kept = shownValue(name, value);
    if (name !== 'class' || typeof kept !== 'string' || !this.isChoice(id)) return kept;
    return kept
      .split(' ')
      .filter((token) => !CHOSEN.test(token))
      .join(' ');
  }

  private isChoice(id: number): boolean {
    for (let at = this.known.get(id); at; at = this.known.get(at.parent)) if (at.isChoice) return true;
    return false;
  }

  /**
   * Of the options of a `select` one shows that something has been chosen, or that nothing has: the first of its sort,
   * never the one that was.
   */
  private standsForChoice(id: number): boolean {
    const option = this.known.get(id)!;
    let above = this.known.get(option.parent);
    if (above?.tag === 'optgroup') above = this.known.get(above.parent);
    if (above?.tag !== 'select' || above.isDrawn || above.isFilled === option.isNone) return false;
    above.isDrawn = true;
    return true;
  }

  // --- text --------------------------------------------------------------------------------------------------------

  /** A text node below `parent`. */
  private written(parent: number, raw: string): string {
    if (raw.trim() === '') return raw;
    if (this.known.get(parent)?.tag === 'style') return cleanCss(raw);
    if (this.isReadable(parent)) return hideNumbers(raw);
    // The choice that is none: a text would say that something has been chosen.
    return this.known.get(parent)?.isNone ? '' : HIDDEN;
  }

  private isReadable(id: number): boolean {
    let isLabel = this.options.isPrepared;
    let at = id;
    while (at !== 0) {
      const known = this.known.get(at);
      // Below something that we have never seen: nobody knows what it is.
      if (!known || known.isTagged || known.isClosed || CONTROLS.has(known.tag)) return false;
      isLabel ||= LABELS.has(known.tag);
      at = known.parent;
    }
    return isLabel;
  }

  private isClosed(id: number): boolean {
    return id !== 0 && (this.known.get(id)?.isClosed ?? true);
  }

  // --- changes -----------------------------------------------------------------------------------------------------

  private mutation(data: Record<string, unknown>): Record<string, unknown> | null {
    const removes = list(data.removes).map(({ parentId, id, isShadow }) => ({
      parentId: whole(parentId),
      id: whole(id),
      ...(isShadow ? { isShadow: true } : {}),
    }));
    const adds: Record<string, unknown>[] = [];
    for (const one of list(data.adds)) {
      const parentId = whole(one.parentId);
      if (this.isClosed(parentId) || ['textarea', 'link'].includes(this.known.get(parentId)!.tag)) continue;
      const node = this.node(one.node as PageNode, parentId);
      const beside = (id: unknown) => (id === null || id === undefined ? null : whole(id));
      if (node) adds.push({ parentId, previousId: beside(one.previousId), nextId: beside(one.nextId), node });
    }
    const attributes: Record<string, unknown>[] = [];
    for (const one of list(data.attributes)) {
      const changed = this.changed(whole(one.id), (one.attributes ?? {}) as Attributes);
      if (Object.keys(changed).length > 0) attributes.push({ id: whole(one.id), attributes: changed });
    }
    const texts: Record<string, unknown>[] = [];
    for (const one of list(data.texts)) {
      const known = this.known.get(whole(one.id));
      if (!known) continue;
      const value = one.value === null ? null : this.written(known.parent, text(one.value));
      if (value === HIDDEN && known.isFilled) continue;
      known.isFilled = value === HIDDEN;
      texts.push({ id: whole(one.id), value });
    }
    if (removes.length + adds.length + attributes.length + texts.length === 0) return null;
    return { source: Source.Mutation, texts, attributes, removes, adds };
  }

  private changed(id: number, raw: Attributes): Attributes {
    const known = this.known.get(id);
    if (!known) return {};
    if (!known.isTagged && isTagged(raw)) {
      known.isTagged = true;
      this.isStale = true;
    }
    if ('data-bb-block' in raw && raw['data-bb-block'] !== null && !known.isClosed) {
      known.isClosed = true;
      this.isStale = true;
    }
    // What kind of field it is may hang on any of them: the page is shown again.
    if (['type', 'autocomplete', 'data-bb-kind'].some((name) => name in raw)) this.isStale = true;
    const shown: Attributes = {};
    const tag = known.tag;
    if (SHEETS.has(tag) && says(raw._cssText)) shown._cssText = cleanCss(text(raw._cssText));
    if (UNSEEN.has(tag) || tag === 'link' || tag.startsWith('bangban-')) return shown;
    for (const [name, value] of Object.entries(raw)) {
      if (name === 'value' && known.isWritten) {
        shown.value = says(value) ? HIDDEN : '';
        continue;
      }
      if (name === 'type') continue;
      if (value === null) {
        if (isShown(name)) shown[name] = null;
      } else if (name === 'style' && typeof value === 'object') {
        shown.style = styles(value as Attributes);
      } else {
        const kept = this.shown(id, name, value);
        if (kept !== null) shown[name] = kept;
        // What it was before must not stay.
        else if (isShown(name)) shown[name] = null;
      }
    }
    return shown;
  }

  private input(data: Record<string, unknown>): Record<string, unknown> | null {
    const known = this.known.get(whole(data.id));
    if (!known || known.isClosed) return null;
    // What is ticked is an answer like any other.
    if (!known.isWritten && known.tag !== 'textarea' && known.tag !== 'select') return null;
    const isFilled = says(data.text);
    if (isFilled === known.isFilled) return null;
    known.isFilled = isFilled;
    return { source: Source.Input, id: whole(data.id), text: isFilled ? HIDDEN : '', isChecked: false };
  }

  private added(rules: unknown): { rule: string; index?: number | number[] }[] {
    return list(rules).map(({ rule, index }) => ({
      // A rule that is nothing any more keeps its place among the others.
      rule: cleanCss(text(rule)).trim() || 'bb-none{}',
      ...(index === undefined ? {} : { index: Array.isArray(index) ? numbers(index) : whole(index) }),
    }));
  }

  private rules(data: Record<string, unknown>): Record<string, unknown> {
    const shown: Record<string, unknown> = { source: Source.StyleSheetRule, ...sheet(data) };
    if (data.adds) shown.adds = this.added(data.adds);
    if (data.removes) {
      shown.removes = list(data.removes).map(({ index }) => ({
        index: Array.isArray(index) ? numbers(index) : whole(index),
      }));
    }
    if (says(data.replace)) shown.replace = cleanCss(text(data.replace));
    if (says(data.replaceSync)) shown.replaceSync = cleanCss(text(data.replaceSync));
    return shown;
  }

  private declaration(data: Record<string, unknown>): Record<string, unknown> | null {
    const shown = { source: Source.StyleDeclaration, ...sheet(data), index: numbers(data.index) };
    const set = data.set as Record<string, unknown> | undefined;
    if (set) {
      const value = cleanValue(text(set.property), text(set.value));
      if (value === null) return null;
      return { ...shown, set: { property: set.property, value, ...(set.priority ? { priority: 'important' } : {}) } };
    }
    const property = text((data.remove as Record<string, unknown> | undefined)?.property);
    return cleanValue(property, '') === null ? null : { ...shown, remove: { property } };
  }
}

function isTagged(attributes: Attributes): boolean {
  const editable = attributes.contenteditable;
  return (
    ('data-bb-mask' in attributes && attributes['data-bb-mask'] !== null) ||
    (editable !== undefined && editable !== null && editable !== 'false') ||
    CONTROL_ROLES.test(text(attributes.role))
  );
}

const numbers = (value: unknown): number[] => (Array.isArray(value) ? value.map(whole) : []);

const sheet = ({ id, styleId }: Record<string, unknown>) => ({
  ...(id === undefined ? {} : { id: whole(id) }),
  ...(styleId === undefined || styleId === null ? {} : { styleId: whole(styleId) }),
});

/** Changes of single properties of a `style` attribute. */
function styles(raw: Attributes): Attributes {
  const shown: Attributes = {};
  for (const [property, value] of Object.entries(raw)) {
    const [set, priority] = Array.isArray(value) ? (value as unknown[]) : [value];
    const kept = cleanValue(property, text(set));
    if (kept === null) continue;
    if (value === false) shown[property] = false;
    else shown[property] = priority === 'important' ? [kept, 'important'] : kept;
  }
  return shown;
}
