/** What stories are made of: a server of their own, browsers of several people, a bad network, a careful eye. */
import AxeBuilder from '@axe-core/playwright';
import {
  expect,
  test as base,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from '@playwright/test';
import { Admin } from './admin';
import { Board } from './board';
import { Console } from './console';
import { FaultProxy } from './proxy';
import { Server, type Settings } from './server';
import { Widget, type Citizen } from './widget';

/** Watches every page of a story: nothing may go wrong in the console, nothing may be asked of another machine. */
export class Guard {
  private readonly problems: string[] = [];
  private readonly allowed: RegExp[] = [];

  /** `host`: where the server of the story is, and nothing else. */
  constructor(private readonly host = '127.0.0.1') {}

  /** What the story itself brings about, e.g. a browser that says that the killed server does not answer. */
  allow(...problems: RegExp[]): void {
    this.allowed.push(...problems);
  }

  watch(context: BrowserContext): void {
    context.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.note(`console: ${message.text()}`);
    });
    context.on('weberror', (error) => this.note(`exception: ${error.error().message}`));
    context.on('request', (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (!['data:', 'blob:'].includes(protocol) && hostname !== this.host) this.note(`request to ${request.url()}`);
    });
    context.on('page', (page) => {
      page.on('websocket', (socket) => {
        if (new URL(socket.url()).hostname !== this.host) this.note(`socket to ${socket.url()}`);
      });
    });
  }

  check(): void {
    expect(this.problems.filter((problem) => !this.allowed.some((pattern) => pattern.test(problem)))).toEqual([]);
  }

  private note(problem: string): void {
    this.problems.push(problem);
  }
}

/** The browsers of the people in a story. Each person has a context of their own, as on a machine of their own. */
export class People {
  private readonly contexts: BrowserContext[] = [];
  private readonly preparations: ((context: BrowserContext) => Promise<void>)[] = [];

  constructor(
    private readonly browser: Browser,
    private readonly server: Server,
    private readonly guard: Guard,
  ) {}

  /** What is done to the browser of everybody who comes from now on, before they open a page. */
  prepare(preparation: (context: BrowserContext) => Promise<void>): void {
    this.preparations.push(preparation);
  }

  async context(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await this.browser.newContext(options);
    this.contexts.push(context);
    this.guard.watch(context);
    for (const prepare of this.preparations) await prepare(context);
    return context;
  }

  async page(options: BrowserContextOptions = {}): Promise<Page> {
    return (await this.context(options)).newPage();
  }

  /** A citizen with the panel open. `base`: the server, or a proxy before it. */
  async citizen(
    who: Citizen = '张伟（个人）',
    { base = this.server.url, item = 'residence-permit' } = {},
  ): Promise<Widget> {
    return Widget.open(await this.page({ viewport: { width: 420, height: 760 } }), base, who, item);
  }

  async agent(login: string, { base = this.server.url } = {}): Promise<Console> {
    return Console.open(await this.page({ viewport: { width: 1440, height: 900 } }), base, login);
  }

  async admin(login = 'admin1'): Promise<Admin> {
    return Admin.open(await this.page({ viewport: { width: 1440, height: 900 } }), this.server.url, login);
  }

  async supervisor(options: Parameters<typeof Board.open>[2] = {}): Promise<Board> {
    return Board.open(await this.page({ viewport: { width: 1440, height: 900 } }), this.server, options);
  }

  async close(): Promise<void> {
    await Promise.all(this.contexts.map((context) => context.close()));
  }
}

interface Options {
  /** Configuration of the server; the hours are round the clock unless the story says otherwise. */
  settings: Settings;
}

interface Fixtures {
  server: Server;
  network: FaultProxy;
  guard: Guard;
  people: People;
}

export const test = base.extend<Options & Fixtures>({
  settings: [{}, { option: true }],

  server: async ({ settings }, use, info) => {
    const server = await Server.start({ SERVICE__HOURS: 'always', ...settings });
    await use(server);
    if (info.status !== info.expectedStatus) await info.attach('server', { body: server.output });
    await server.stop();
  },

  network: async ({ server }, use) => {
    const proxy = await FaultProxy.start(server.address);
    await use(proxy);
    await proxy.stop();
  },

  guard: async ({}, use) => {
    const guard = new Guard();
    await use(guard);
    guard.check();
  },

  people: async ({ browser, server, guard }, use) => {
    const people = new People(browser, server, guard);
    await use(people);
    await people.close();
  },
});

/** No violation of WCAG 2.1 A and AA, nor of the best practices, in any frame of the page as it stands. */
export async function isAccessible(page: Page): Promise<void> {
  // A page without frames needs no second page to put their results together in.
  const isAlone = page.frames().length === 1;
  const look = new AxeBuilder({ page }).setLegacyMode(isAlone).options({ resultTypes: ['violations'] });
  const { violations } = await look.analyze();
  const found = violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary}`),
  );
  expect(found).toEqual([]);
}

/** What the browser itself says when a server is away. */
export const LOST_LINK = [/WebSocket connection to/, /net::ERR_(CONNECTION|EMPTY_RESPONSE|INCOMPLETE|SOCKET)/];

export { expect };
