/**
 * The events of rrweb (2.1, `@rrweb/types`) as far as we read them. Looser than their own types: whatever comes is
 * looked at, and only what we know is let through.
 */

export const EventKind = { Loaded: 1, FullSnapshot: 2, Incremental: 3, Meta: 4, Custom: 5 } as const;

export const Source = {
  Mutation: 0,
  MouseMove: 1,
  MouseInteraction: 2,
  Scroll: 3,
  ViewportResize: 4,
  Input: 5,
  TouchMove: 6,
  StyleSheetRule: 8,
  Drag: 12,
  StyleDeclaration: 13,
  AdoptedStyleSheet: 15,
} as const;

export const NodeKind = { Document: 0, DocumentType: 1, Element: 2, Text: 3, CData: 4, Comment: 5 } as const;

export type Attributes = Record<string, unknown>;

export interface PageNode {
  type: number;
  id: number;
  rootId?: number;
  isShadow?: boolean;
  isShadowHost?: boolean;
  childNodes?: PageNode[];
  tagName?: string;
  attributes?: Attributes;
  isSVG?: boolean;
  needBlock?: boolean;
  textContent?: string;
  name?: string;
  compatMode?: string;
}

export interface PageEvent {
  type: number;
  data: Record<string, unknown>;
  timestamp: number;
}

export const isSnapshot = (event: PageEvent): boolean => event.type === EventKind.FullSnapshot;
