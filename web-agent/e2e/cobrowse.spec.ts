/**
 * A clerk looks at the page on which a citizen is stuck: what goes over the wire of either side, what the clerk may do to
 * the page, and that it survives a change of pages.
 */
import AxeBuilder from '@axe-core/playwright';
import type { BrowserContext, FrameLocator, Locator, Page } from '@playwright/test';
import { Console } from './support/console';
import { expect, isAccessible, test, type People } from './support/fixtures';
import { Widget } from './support/widget';
import { giveDevices, windowBrowser, WindowOf, type Person } from './support/window';

test.use({ launchOptions: windowBrowser, settings: { MEDIA__LISTEN: '127.0.0.1:0' } });

const CITIZEN: Person = { colour: [220, 40, 120], hertz: 700 };
const CLERK: Person = { colour: [30, 160, 220], hertz: 1_150 };

/** What the browser says of the scripts that the story itself puts into every frame: the citizen's page runs none. */
const SANDBOX =
  /Blocked script execution in '(?:about:blank|http:.*\/replay\.html)' because the document's frame is sandboxed/;

/** Stands wherever nobody may see it. */
const CANARY = 'canary秘';

/** Every frame that a page's sockets send and receive, as text. */
function wiretap(page: Page): { sent: string[]; received: string[] } {
  const wire = { sent: [] as string[], received: [] as string[] };
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => wire.sent.push(payload.toString()));
    socket.on('framereceived', ({ payload }) => wire.received.push(payload.toString()));
  });
  return wire;
}

const frames = (wire: string[]): string[] => wire.filter((frame) => /"(?:send_)?frames"/.test(frame));

/** Keeps a page's sockets, so that a story can say on them what no button of the page would. Before it is opened. */
async function keepSockets(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const sockets: WebSocket[] = [];
    Object.assign(window, { sockets });
    const Real = window.WebSocket;
    window.WebSocket = class extends Real {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        sockets.push(this);
      }
    };
  });
}

/** Says all of it on the page's own socket; what the server answers to each: `ok`, or the code of the refusal. */
async function forge(page: Page, bodies: object[]): Promise<string[]> {
  return page.evaluate(async (all) => {
    const { sockets } = window as unknown as { sockets: WebSocket[] };
    const socket = sockets.filter(({ readyState }) => readyState === WebSocket.OPEN).at(-1)!;
    const answers: string[] = [];
    for (const [at, body] of all.entries()) {
      // Far from the numbers that the page itself gives.
      const ref = 4_000_000_000 + at;
      const answer = new Promise<string>((resolve) => {
        socket.addEventListener('message', function heard({ data }: MessageEvent<string>) {
          const frame = JSON.parse(data) as { ref?: number; error?: { code: string } };
          if (frame.ref !== ref) return;
          socket.removeEventListener('message', heard);
          resolve(frame.error?.code ?? 'ok');
        });
      });
      socket.send(JSON.stringify({ ref, body }));
      answers.push(await answer);
    }
    return answers;
  }, bodies);
}

/** Everything that could be changed or pressed on the citizen's page, and whether anything was sent off. */
const stateOf = (page: Page) =>
  page.evaluate(() => ({
    values: [...document.querySelectorAll<HTMLInputElement | HTMLSelectElement>('input, select, textarea')].map(
      (one) => `${one.name}=${one.value}${'checked' in one && one.checked ? ' ticked' : ''}`,
    ),
    pressed: (window as unknown as { pressed: string[] }).pressed,
    done: document.getElementById('done')?.textContent,
    address: location.href,
  }));

/** The citizen's page as the clerk has it on the screen. */
class Shown {
  readonly root: Locator;
  readonly page: FrameLocator;

  constructor(readonly clerk: Page) {
    this.root = clerk.getByRole('region', { name: '市民网页' });
    this.page = this.root.frameLocator('iframe').frameLocator('iframe');
  }

  async choose(label: string): Promise<void> {
    const list = this.root.getByLabel('选择字段');
    const option = list.locator('option').filter({ hasText: label }).first();
    await expect(option).toBeAttached();
    await list.selectOption((await option.getAttribute('value'))!);
  }
}

/** A citizen on a form of the portal and an agent, in a live window in which the page is seen. */
async function seen(people: People, url: string) {
  const clerkContext = await people.context({ viewport: { width: 1440, height: 900 } });
  await giveDevices(clerkContext, CLERK);
  await keepSockets(clerkContext);
  const clerkPage = await clerkContext.newPage();
  const received = wiretap(clerkPage);
  const agent = await Console.open(clerkPage, url, 'agent1001');

  const citizenContext = await people.context({ viewport: { width: 1280, height: 900 } });
  await giveDevices(citizenContext, CITIZEN);
  const page = await citizenContext.newPage();
  const sent = wiretap(page);
  await page.goto(`${url}/demo-form.html?item=residence-permit`);
  await page.getByRole('button', { name: /^在线帮办/ }).click();
  const frame = page.frameLocator('bangban-help iframe');
  const widget = new Widget(page, frame);
  await widget.askHuman();
  await agent.accept();
  await agent.say('我来看看您的申请表');

  await agent.page.getByRole('button', { name: /^虚拟窗口/ }).click();
  await widget.button('同意并继续').click();
  const clerk = new WindowOf(agent.page);
  const enter = /^(进入窗口|准备好了)$/;
  await clerk.button(enter).click();
  await frame.getByRole('button', { name: enter }).click();
  await clerk.is('live');
  return { agent, page, frame, widget, sent, received, shown: new Shown(agent.page) };
}

/** Nothing is fetched and nothing flows before the citizen has agreed; then they have. */
async function agree({ page, widget, frame, sent }: Awaited<ReturnType<typeof seen>>) {
  const fetched: string[] = [];
  page.on('request', (request) => fetched.push(new URL(request.url()).pathname));
  await widget.button('让坐席查看此网页').click();
  await expect(frame.getByRole('heading', { name: '同意坐席查看此网页？' })).toBeFocused();
  await widget.button('暂不').click();
  expect(frames(sent.sent)).toEqual([]);
  expect(fetched).not.toContain('/bangban-browse.js');
  await widget.button('让坐席查看此网页').click();
  await widget.button('同意并开始').click();
  await expect(page.locator('bangban-browse .bar')).toContainText('坐席正在查看此页面');
  expect(fetched).toContain('/bangban-browse.js');
}

/** Puts canaries everywhere: into what is there, and into what comes later. */
async function hide(page: Page): Promise<void> {
  for (const name of ['姓名', '居住地址', '补充说明']) await page.getByLabel(name).first().fill(CANARY);
  await page.evaluate((canary) => {
    const late = document.createElement('div');
    late.id = 'late';
    late.innerHTML = `
      <p>可读的说明</p>
      <p data-bb-mask>${canary} <b>${canary}</b></p>
      <p data-bb-block>${canary}</p>
      <p title="${canary}" aria-label="${canary}" data-user="${canary}">带属性</p>
      <a href="/x?name=${canary}">带地址</a>
      <img alt="${canary}" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-name="${canary}" width="40" height="40">
      <input placeholder="${canary}" value="${canary}" aria-label="${canary}" name="${canary}">
      <input type="submit" value="${canary}">
      <textarea placeholder="${canary}">${canary}</textarea>
      <select aria-label="选一项"><option value="">无</option><option selected value="${canary}">${canary}</option></select>
      <div contenteditable="true">${canary}</div>
      <div role="textbox">${canary}</div>
      <output>${canary}</output>
      <div id="styled" style="--name:'${canary}'">带样式</div>
      <iframe srcdoc="<p>${canary}</p>" title="框架"></iframe>`;
    document.querySelector('main')!.append(late);
    const style = document.createElement('style');
    style.textContent = `#styled::after{content:"${canary}"} #late{background-image:url("/bg.png?${canary}")} /* ${canary} */`;
    document.head.append(style);
    style.sheet!.insertRule(`#late::before{content:"${canary}"}`);
    document.getElementById('late')!.style.setProperty('--who', canary);
    const host = document.createElement('demo-late');
    host.attachShadow({ mode: 'open' }).innerHTML =
      `<p>影子里可读</p><p data-bb-mask>${canary}</p><input value="${canary}" placeholder="${canary}">`;
    document.querySelector('main')!.append(host);
    document.title = canary;
    history.replaceState(null, '', `${location.pathname}${location.search}&name=${canary}`);
    // And once more later, into what the recorder knows already.
    const masked = late.querySelector('[data-bb-mask]')!;
    masked.firstChild!.textContent = `${canary}二`;
    late.querySelector('p[title]')!.setAttribute('title', `${canary}二`);
    host.shadowRoot!.querySelector('[data-bb-mask]')!.textContent = `${canary}三`;
  }, CANARY);
}

test('a page is seen without what is written on it, pointed at, filled in by its citizen only, over a change of pages', async ({
  people,
  server,
  guard,
}) => {
  // The background that the story gives the page does not exist.
  guard.allow(/bg\.png/, /404 \(Not Found\)/, SANDBOX);
  const both = await seen(people, server.url);
  const { agent, page, frame, widget, sent, received, shown } = both;
  await agree(both);
  await expect(shown.page.getByText('姓名（必填）')).toBeVisible();
  await expect(shown.page.locator('#me')).toHaveText('●●●●●●');
  await isAccessible(page);

  // --- canaries ---------------------------------------------------------------------------------------------------------
  await widget.button('关闭').click();
  await hide(page);
  await expect(shown.page.getByText('可读的说明')).toBeAttached();
  await expect(shown.page.getByText('影子里可读')).toBeAttached();
  await expect(shown.page.locator('#name')).toHaveValue('●●●●●●');
  await expect(shown.page.locator('#birthday')).toHaveValue('');
  await expect(agent.page.locator('dd', { hasText: 'applicant' })).toBeVisible();

  // --- a clerk points at a field -------------------------------------------------------------------------------------
  await shown.choose('出生日期');
  await shown.root.getByLabel('附一句说明').fill('请与证件一致');
  await paneIsAccessible(agent.page);
  await shown.root.getByRole('button', { name: '请市民看这里' }).click();
  const pointed = page.locator('bangban-browse .card.note');
  await expect(pointed).toContainText('坐席请您看“出生日期”');
  await expect(pointed).toContainText('请与证件一致');
  const field = (await page.locator('[data-bb-field=birthday]').boundingBox())!;
  const ring = (await page.locator('bangban-browse .ring').boundingBox())!;
  expect(Math.abs(ring.x + ring.width / 2 - (field.x + field.width / 2))).toBeLessThan(2);
  expect(Math.abs(ring.y + ring.height / 2 - (field.y + field.height / 2))).toBeLessThan(2);
  await overlayIsAccessible(page);
  await pointed.getByRole('button', { name: '知道了' }).click();
  await expect(pointed).toBeHidden();

  // By pressing on the page itself, too.
  const label = shown.page.getByText('居住事由');
  const inside = (await label.boundingBox())!;
  await agent.page.mouse.click(inside.x + inside.width / 2, inside.y + inside.height / 2);
  await expect(shown.root.getByLabel('选择字段')).toHaveValue('reason');

  // --- proposals: the citizen takes one, and not the other -------------------------------------------------------------
  await page.evaluate(() => {
    const heard: string[] = [];
    Object.assign(window, { heard });
    for (const type of ['input', 'change']) document.addEventListener(type, () => heard.push(type));
  });
  await shown.root.getByLabel('建议填写的内容').fill('求学');
  await shown.root.getByRole('button', { name: '发出建议' }).click();
  const proposed = page.locator('bangban-browse .card').filter({ hasText: '坐席建议“居住事由”填写' });
  await expect(proposed).toContainText('求学');
  await expect(page.getByLabel('居住事由')).toHaveValue('');
  await proposed.getByRole('button', { name: '采用' }).click();
  await expect(page.getByLabel('居住事由')).toHaveValue('study');
  expect(await page.evaluate(() => (window as unknown as { heard: string[] }).heard)).toEqual(['input', 'change']);
  await expect(shown.root.getByText('等市民决定的建议')).toBeHidden();

  await shown.choose('居住地址');
  await shown.root.getByLabel('建议填写的内容').fill('某某路');
  await shown.root.getByRole('button', { name: '发出建议' }).click();
  await page.locator('bangban-browse .card').getByRole('button', { name: '不用' }).click();
  await expect(page.getByLabel('居住地址')).toHaveValue(CANARY);
  await expect(shown.root.getByText('等市民决定的建议')).toBeHidden();

  // --- the next page ------------------------------------------------------------------------------------------------------
  await page.getByRole('button', { name: '下一步' }).click();
  await expect(page).toHaveURL(/step=2/);
  await expect(page.locator('bangban-browse .bar')).toBeVisible();
  await expect(shown.page.getByText('短信验证码')).toBeVisible();
  await expect(agent.page.locator('dd', { hasText: 'confirm' })).toBeVisible();
  await page.getByLabel('联系电话').fill(CANARY);
  await page.getByLabel('短信验证码').fill(CANARY);
  await expect(shown.page.locator('#phone')).toHaveValue('●●●●●●');

  // --- what is the citizen's own is never the clerk's ---------------------------------------------------------------------
  for (const [name, kind] of [
    ['短信验证码', '密码或验证码'],
    ['提交申请', '按钮'],
    ['签名（演示）', '签名'],
    ['支付工本费（演示）', '支付'],
    ['人脸核验（演示）', '人脸核验'],
  ] as const) {
    await shown.choose(name);
    await expect(shown.root.getByText(`这是${kind}，只能由市民本人操作`)).toBeVisible();
    await expect(shown.root.getByLabel('建议填写的内容')).toBeHidden();
  }
  // A clerk's page that says otherwise: the citizen's page looks at the field itself.
  const panel = page.frames().find((one) => one.url().includes('/widget.html'))!;
  await panel.evaluate(() => {
    const proposals = [{ proposal: 99, field: 'code', value: '654321', until: 0 }];
    window.parent.postMessage({ bangban: { browse: { proposals } } }, '*');
  });
  const forged = page.locator('bangban-browse .card');
  await expect(forged).toContainText('只能由您本人操作');
  await expect(forged.getByRole('button', { name: '采用' })).toBeHidden();
  await expect(page.getByLabel('短信验证码')).toHaveValue(CANARY);

  await panel.evaluate(() => window.parent.postMessage({ bangban: { browse: { proposals: [] } } }, '*'));

  // --- nor is it for one who speaks to the server past the buttons ---------------------------------------------------------
  await page.evaluate(() => {
    const pin = document.createElement('div');
    pin.dataset.bbField = 'pin';
    pin.innerHTML = '<label>网上办事密码<input type="password" name="pin" value="the citizen\'s own"></label>';
    document.getElementById('second-form')!.prepend(pin);
    const pressed: string[] = [];
    Object.assign(window, { pressed });
    for (const type of ['submit', 'click', 'input', 'change'])
      document.addEventListener(type, () => pressed.push(type), true);
  });
  await expect(shown.page.getByText('网上办事密码')).toBeAttached();
  const untouched = await stateOf(page);
  const { window: id } = /"window":"(?<window>wn_\w+)"/.exec(received.received.join())!.groups!;
  const kinds = ['secret', 'submit', 'sign', 'pay', 'face'] as const;
  const fields = { secret: 'pin', submit: 'submit', sign: 'signature', pay: 'fee', face: 'face' };
  const value = '123456';
  const forgedProposals = kinds.map((kind) => ({ type: 'propose', window: id, field: fields[kind], kind, value }));
  const bound = [...kinds, 'text'].map((kind) => ({ type: 'bind', window: id, kind }));
  const others = [
    { type: 'answer_proposal', window: id, proposal: 1, accepts: true },
    { type: 'browse', window: id, on: false },
    { type: 'send_frames', window: id, page: 1, frames: '[]' },
    { type: 'see_form', window: id, context: { step: 'forged' } },
  ];
  const refusals = await forge(agent.page, [...forgedProposals, ...bound, ...others]);
  expect(refusals).toEqual(refusals.map(() => 'forbidden'));
  // One who lies about the kind comes as far as the page, which looks at the field itself.
  const lies = kinds.map((kind) => ({ type: 'propose', window: id, field: fields[kind], kind: 'text', value }));
  expect(await forge(agent.page, lies)).toEqual(lies.map(() => 'ok'));
  const warned = page.locator('bangban-browse .card').filter({ hasText: '只能由您本人操作' });
  await expect(warned.first()).toBeVisible();
  await expect(page.locator('bangban-browse').getByRole('button', { name: '采用' })).toHaveCount(0);
  expect(await stateOf(page)).toEqual(untouched);

  // --- one press ends it -----------------------------------------------------------------------------------------------------
  await page.locator('bangban-browse').getByRole('button', { name: '停止' }).click();
  await expect(page.locator('bangban-browse')).toBeHidden();
  await expect(agent.page.getByRole('region', { name: '虚拟窗口' })).toBeVisible();
  await expect(shown.root).toBeHidden();
  const before = frames(sent.sent).length;
  await page.getByLabel('联系电话').fill(`${CANARY}四`);
  await page.getByRole('button', { name: /^在线帮办/ }).click();
  await expect(widget.button('让坐席查看此网页')).toBeVisible();
  await widget.say('我先停一下');
  expect(frames(sent.sent)).toHaveLength(before);

  // --- the wire ---------------------------------------------------------------------------------------------------------------
  // It did carry the page: what may be read was read, on both sides.
  for (const wire of [frames(sent.sent), frames(received.received)]) {
    expect(wire.some((piece) => piece.includes('可读的说明'))).toBe(true);
    expect(wire.some((piece) => piece.includes('短信验证码'))).toBe(true);
  }
  const all = [...sent.sent, ...sent.received, ...received.sent, ...received.received];
  expect(all.filter((piece) => piece.includes('canary')).map((piece) => piece.slice(0, 300))).toEqual([]);
  await expect(frame.getByRole('region', { name: '页面协助' })).toBeVisible();
});

test('somebody on the telephone comes by a code with a phone: the panel covers the page, and leads to it', async ({
  people,
  server,
  guard,
}) => {
  guard.allow(SANDBOX);
  const clerkContext = await people.context({ viewport: { width: 1440, height: 900 } });
  await giveDevices(clerkContext, CLERK);
  const agent = await Console.open(await clerkContext.newPage(), server.url, 'agent1001');
  const widget = await people.citizen();
  await widget.askHuman();
  await agent.accept();
  await agent.say('请在手机上打开申请表');
  await agent.page.getByRole('button', { name: /口令窗口/ }).click();
  await agent.page.getByRole('button', { name: '口令窗口', exact: true }).click();
  const code = (await agent.page.getByTestId('window-code').getAttribute('data-code'))!;

  const context = await people.context({ viewport: { width: 390, height: 844 } });
  await giveDevices(context, CITIZEN);
  const page = await context.newPage();
  await page.goto(`${server.url}/demo-form.html?item=residence-permit&citizen=demo-citizen-2`);
  await page.getByRole('button', { name: /^在线帮办/ }).click();
  const panel = page.frameLocator('bangban-help iframe');
  await panel.getByRole('button', { name: /^更多/ }).click();
  await panel.getByRole('button', { name: '输入六位码' }).click();
  await panel.getByRole('textbox', { name: '六位口令' }).fill(code);
  await panel.getByRole('button', { name: '进入', exact: true }).click();
  await panel.getByRole('button', { name: '同意并继续' }).click();
  const enter = /^(进入窗口|准备好了)$/;
  await panel.getByRole('button', { name: enter }).click();
  const clerk = new WindowOf(agent.page);
  await clerk.button(enter).click();
  await clerk.is('live');

  await panel.getByRole('button', { name: '让坐席查看此网页' }).click();
  await panel.getByRole('button', { name: '同意并开始' }).click();
  const shown = new Shown(agent.page);
  await expect(shown.page.getByText('姓名（必填）')).toBeVisible();
  await isAccessible(page);
  await shown.choose('补充说明');
  await shown.root.getByRole('button', { name: '请市民看这里' }).click();
  await panel.getByRole('button', { name: '去看看' }).click();
  await expect(page.locator('bangban-help iframe')).toBeHidden();
  const card = page.locator('bangban-browse .card.note');
  await expect(card).toContainText('坐席请您看“补充说明”');
  await expect(page.getByLabel('补充说明')).toBeInViewport();
  await expect(card).toBeInViewport();
  // Nothing on a phone is wider than the phone.
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
});

const violationsOf = async (builder: AxeBuilder): Promise<string[]> => {
  const { violations } = await builder.options({ resultTypes: ['violations'] }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}`));
};

/** As `isAccessible`, without the citizen's page: a picture of what somebody else has built, hidden from readers. */
async function paneIsAccessible(page: Page): Promise<void> {
  expect(await violationsOf(new AxeBuilder({ page }).exclude(['iframe.replay', 'iframe']))).toEqual([]);
}

/** What we put over the page; the story has put worse things into the page itself. */
async function overlayIsAccessible(page: Page): Promise<void> {
  expect(await violationsOf(new AxeBuilder({ page }).include('bangban-browse'))).toEqual([]);
}
