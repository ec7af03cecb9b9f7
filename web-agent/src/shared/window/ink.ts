/**
 * Ink on the picture that everybody sees (docs/windows.md "Rules"). Places are parts of 65 535 of the picture's width and
 * height, so a stroke stands at the same place on every screen. Pure: geometry, the reducer of what stands on the picture,
 * and how often a pen speaks.
 */
import type { InkChange, ParticipantId, Point, StandingStroke, Stroke } from '../../generated/protocol';

/** The right or lower edge of the picture. */
export const EDGE = 65_535;
/** One frame of a pen brings at most so many points (`MAX_POINTS_AT_ONCE` of the rules). */
export const MOST_POINTS = 256;
/** A stroke has at most so many (`MAX_POINTS`); the pen goes on with a new one. */
export const MOST_POINTS_OF_STROKE = 4_096;
/** Pointer and pen speak at most 30 times a second: half of what the rules allow. */
export const SPEAK_MS = 34;

export interface Size {
  width: number;
  height: number;
}

/** Where the picture is inside its box: `object-fit: contain` leaves bars at two sides. */
export interface Rect extends Size {
  left: number;
  top: number;
}

/** The place of a picture that is fitted into a box and centred there; `null`: one of them has no size yet. */
export function fitted(box: Size, picture: Size): Rect | null {
  if (!(box.width > 0 && box.height > 0 && picture.width > 0 && picture.height > 0)) return null;
  const scale = Math.min(box.width / picture.width, box.height / picture.height);
  const width = picture.width * scale;
  const height = picture.height * scale;
  return { left: (box.width - width) / 2, top: (box.height - height) / 2, width, height };
}

/** The place of the picture under a place of the box; `null`: that is a bar. */
export function toPoint(rect: Rect, x: number, y: number): Point | null {
  const inside = { x: (x - rect.left) / rect.width, y: (y - rect.top) / rect.height };
  if (inside.x < 0 || inside.x > 1 || inside.y < 0 || inside.y > 1) return null;
  return { x: Math.round(inside.x * EDGE), y: Math.round(inside.y * EDGE) };
}

/** As `toPoint`, but a stroke that leaves the picture goes on along its edge. */
export function toNearestPoint(rect: Rect, x: number, y: number): Point {
  const clamp = (share: number) => Math.round(Math.min(1, Math.max(0, share)) * EDGE);
  return { x: clamp((x - rect.left) / rect.width), y: clamp((y - rect.top) / rect.height) };
}

/** The place of the box over a place of the picture. */
export const toPixel = (rect: Rect, { x, y }: Point): { x: number; y: number } => ({
  x: rect.left + (x / EDGE) * rect.width,
  y: rect.top + (y / EDGE) * rect.height,
});

/** What stands on a picture, oldest first. */
export interface Ink {
  picture: number;
  strokes: readonly StandingStroke[];
}

export const noInk: Ink = { picture: 0, strokes: [] };

/** Another picture has no strokes yet. */
export const onPicture = (ink: Ink, picture: number): Ink => (ink.picture === picture ? ink : { picture, strokes: [] });

function extended(standing: Stroke, more: Stroke): Stroke {
  if (standing.type === 'pen' && more.type === 'pen')
    return { type: 'pen', points: [...standing.points, ...more.points] };
  return more;
}

/** The ink after a change; of another picture than the present one it says nothing about this one. */
export function withChange(ink: Ink, picture: number, by: ParticipantId, change: InkChange): Ink {
  if (picture !== ink.picture) return ink;
  const isIt = (one: StandingStroke, number: number) => one.by === by && one.number === number;
  switch (change.type) {
    case 'drawn': {
      const { number, stroke } = change;
      const at = ink.strokes.findIndex((one) => isIt(one, number));
      if (at < 0) return { ...ink, strokes: [...ink.strokes, { by, number, stroke }] };
      const strokes = ink.strokes.map((one, index) =>
        index === at ? { ...one, stroke: extended(one.stroke, stroke) } : one,
      );
      return { ...ink, strokes };
    }
    case 'undone':
      return { ...ink, strokes: ink.strokes.filter((one) => !isIt(one, change.number)) };
    case 'cleared':
      return { ...ink, strokes: [] };
  }
}

/**
 * The number of a new stroke. It must be above all of mine, also those that were taken back before this page was loaded
 * again; so it counts tenths of a second of the window, unless I am faster than that.
 */
export const nextNumber = (last: number, sinceLiveMs: number): number =>
  Math.max(last + 1, Math.floor(Math.max(0, sinceLiveMs) / 100));

/** What a pen or box says, and when. */
export interface Spoken {
  number: number;
  stroke: Stroke;
}

/**
 * Speaks at once, and then at most every `SPEAK_MS`. What comes too early is said when its time has come, also if nothing
 * follows: a hand that rests is seen where it rests.
 */
export class Pace {
  private spokeAt = -Infinity;
  private timer: number | undefined;

  constructor(private readonly speak: () => void) {}

  /** There is something to say. */
  ask(): void {
    if (this.timer !== undefined) return;
    const pause = this.spokeAt + SPEAK_MS - performance.now();
    if (pause <= 0) this.now();
    else this.timer = window.setTimeout(() => this.now(), pause);
  }

  /** It is said, whatever was said when. */
  now(): void {
    this.stop();
    this.spokeAt = performance.now();
    this.speak();
  }

  /** Nothing is to be said any more. */
  stop(): void {
    window.clearTimeout(this.timer);
    this.timer = undefined;
  }
}

/** Collects what a hand draws between two words. `say` is called at the pace of `Pace`; `end` says the rest. */
export class Hand {
  private points: Point[] = [];
  private box: { from: Point; to: Point } | null = null;
  private said = 0;
  private readonly pace = new Pace(() => this.speak());

  constructor(
    private readonly number: number,
    private readonly kind: Stroke['type'],
    private readonly say: (spoken: Spoken) => void,
  ) {}

  /** Answers `false` when the stroke is full: begin another one. */
  move(point: Point): boolean {
    if (this.kind === 'box') this.box = { from: this.box?.from ?? point, to: point };
    else this.points.push(point);
    if (this.points.length >= MOST_POINTS) this.pace.now();
    else this.pace.ask();
    return this.said + this.points.length < MOST_POINTS_OF_STROKE;
  }

  end(): void {
    this.pace.now();
  }

  private speak(): void {
    if (this.box) {
      const { from, to } = this.box;
      this.say({ number: this.number, stroke: { type: 'box', from, to } });
    } else if (this.points.length > 0) {
      const points = this.points.splice(0);
      this.said += points.length;
      this.say({ number: this.number, stroke: { type: 'pen', points } });
    }
  }
}

/** Colours of the people in the order of their seats; each is told apart from the others by its form too (a name). */
const COLOURS = ['#c8161d', '#1259b8', '#0b7a43', '#8a5200'] as const;

/** Who draws in which colour: the same on every screen, because it follows from the seat. */
export function inkColour(seat: 'citizen' | 'agent' | 'second_clerk' | 'supervisor' | undefined): string {
  const places = { citizen: 1, agent: 0, second_clerk: 2, supervisor: 3 };
  return COLOURS[seat ? places[seat] : 3];
}

/** Draws what stands on the picture. `rect`: where it is on the canvas, in the canvas's own pixels. */
export function drawInk(
  context: CanvasRenderingContext2D,
  rect: Rect,
  strokes: readonly StandingStroke[],
  colourOf: (by: ParticipantId) => string,
  width: number,
): void {
  for (const { by, stroke } of strokes) {
    // A light edge, so that every colour is seen on every ground.
    for (const [style, thickness] of [
      ['rgba(255, 255, 255, 0.85)', width + 2],
      [colourOf(by), width],
    ] as const) {
      context.strokeStyle = style;
      context.lineWidth = thickness;
      context.lineCap = 'round';
      context.lineJoin = 'round';
      context.beginPath();
      if (stroke.type === 'box') {
        const from = toPixel(rect, stroke.from);
        const to = toPixel(rect, stroke.to);
        context.rect(Math.min(from.x, to.x), Math.min(from.y, to.y), Math.abs(to.x - from.x), Math.abs(to.y - from.y));
      } else {
        stroke.points.forEach((point, index) => {
          const { x, y } = toPixel(rect, point);
          if (index === 0) context.moveTo(x, y);
          // A dot is a line of no length with round ends.
          if (index > 0 || stroke.points.length === 1) context.lineTo(x, y);
        });
      }
      context.stroke();
    }
  }
}
