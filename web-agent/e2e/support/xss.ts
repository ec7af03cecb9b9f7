/**
 * Texts that would run if a page took them for markup, and the trap that tells whether one did. A story puts every
 * vector of the corpus into a field (`vectors`; `chunks(max)` where a field is short or slow), looks at every page that
 * shows it, and calls `trap.check(page)`. The corpus is xss-corpus.txt, one vector a line; each calls `xss(its line)`.
 *
 * For a new screen: use `test` of this file, fill its fields with `chunks`, open what shows them, `trap.check`.
 */
import { readFileSync } from 'node:fs';
import type { BrowserContext, Page } from '@playwright/test';
import { expect, test as base } from './fixtures';

export const vectors: readonly string[] = readFileSync(new URL('xss-corpus.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.trim() !== '');

/** All vectors in as few texts as possible, each of at most `max` characters; longer vectors are left out. */
export function chunks(max: number): string[] {
  const made: string[] = [];
  for (const vector of vectors.filter(({ length }) => length <= max)) {
    const last = made.at(-1);
    if (last !== undefined && last.length + 1 + vector.length <= max) made[made.length - 1] = `${last} ${vector}`;
    else made.push(vector);
  }
  return made;
}

/** Hears of everything that a vector could bring about. */
export class Trap {
  private readonly sprung: string[] = [];

  async arm(context: BrowserContext): Promise<void> {
    await context.exposeBinding('trapSprung', (_, what: string) => void this.sprung.push(what));
    await context.addInitScript(() => {
      const page = window as unknown as { xss: (n: unknown) => void; trapSprung: (what: string) => void };
      page.xss = (n) => page.trapSprung(`vector ${String(n)} ran in ${location.href}`);
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sample }) =>
        page.trapSprung(`the policy had to stop ${effectiveDirective} ${blockedURI} ${sample} in ${location.href}`),
      );
    });
    context.on('page', (page) => {
      page.on('dialog', (dialog) => {
        this.sprung.push(`a dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      page.on('popup', (popup) => this.sprung.push(`a window: ${popup.url()}`));
    });
  }

  /** Nothing ran, and no element of the page, in any frame, could run something when it is touched. */
  async check(page: Page): Promise<void> {
    for (const frame of page.frames()) {
      const armed = await frame.evaluate(() =>
        [...document.querySelectorAll('*')].flatMap((element) =>
          [...element.attributes]
            .filter(
              ({ name, value }) =>
                /^on/i.test(name) ||
                (/^(href|src|srcdoc|action|formaction|data|xlink:href|background|ping)$/i.test(name) &&
                  /^\s*(javascript|data:text)/i.test(value)),
            )
            .map(({ name, value }) => `<${element.localName} ${name}="${value}">`),
        ),
      );
      expect(armed, `elements in ${frame.url()}`).toEqual([]);
    }
    expect(this.sprung).toEqual([]);
  }
}

/** With a trap in every page of the story. */
export const test = base.extend<{ trap: Trap }>({
  trap: [
    async ({ people }, use) => {
      const trap = new Trap();
      people.prepare((context) => trap.arm(context));
      await use(trap);
    },
    { auto: true },
  ],
});

/** A client of the protocol without a page around it, in a page that has nobody logged in. */
export class Line {
  private constructor(
    private readonly page: Page,
    private readonly n: number,
  ) {}

  static async open(page: Page, token: string): Promise<Line> {
    const n = await page.evaluate(async (token) => {
      type Ask = (body: object) => Promise<Record<string, unknown>>;
      const lines = ((window as unknown as { lines?: Ask[] }).lines ??= []);
      const socket = new WebSocket(`ws://${location.host}/ws`);
      await new Promise((resolve) => (socket.onopen = resolve));
      const waiting = new Map<number, { done: (ok: never) => void; fail: (error: Error) => void }>();
      socket.onmessage = ({ data }) => {
        const { ref, ok, error } = JSON.parse(data as string) as { ref?: number; ok?: never; error?: object };
        const one = ref === undefined ? undefined : waiting.get(ref);
        if (error) one?.fail(new Error(JSON.stringify(error)));
        else if (ok) one?.done(ok);
      };
      let last = 0;
      const ask: Ask = (body) =>
        new Promise((done, fail) => {
          waiting.set(++last, { done, fail });
          socket.send(JSON.stringify({ ref: last, body }));
        });
      await ask({ type: 'hello', token, protocol: 1 });
      return lines.push(ask) - 1;
    }, token);
    return new Line(page, n);
  }

  /** Asks for all, one after the other; the answers. */
  async ask(...bodies: object[]): Promise<Record<string, unknown>[]> {
    return this.page.evaluate(
      async ({ n, bodies }) => {
        const lines = (window as unknown as { lines: ((body: object) => Promise<Record<string, unknown>>)[] }).lines;
        const answers = [];
        for (const body of bodies) answers.push(await lines[n]!(body));
        return answers;
      },
      { n: this.n, bodies },
    );
  }
}
