/** Pictures, documents and voices between a citizen and an agent. */
import { readFileSync } from 'node:fs';
import type { Locator, Page } from '@playwright/test';
import type { Console } from './support/console';
import { expect, isAccessible, LOST_LINK, test, type People } from './support/fixtures';
import { colourAt, docx, drag, listen, paste, pdf, png } from './support/media';
import { scrollsOnlyDown, tabTo, targetsAreAtLeast } from './support/measure';
import { rows } from './support/recount';
import type { Widget } from './support/widget';

const RED = [210, 30, 40];
const BLUE = [30, 60, 200];
const picture = (name: string, width = 800, height = 600) => ({
  name,
  mimeType: 'image/png',
  buffer: png(width, height, RED, BLUE),
});

/** A citizen and an agent who talk. */
async function talk(people: People, { citizenBase = undefined as string | undefined } = {}) {
  const agent = await people.agent('agent1001');
  const widget = await people.citizen('张伟（个人）', citizenBase ? { base: citizenBase } : {});
  await widget.askHuman();
  await agent.accept();
  await agent.say('A0 您好');
  return { agent, widget };
}

const chooser = (page: Page) => page.getByTestId('file-chooser');
const tray = (page: Page) => page.getByRole('list', { name: '待发送的附件' });
const image = (thread: Locator, name: string) => thread.getByRole('img', { name: `图片：${name}` });
const pictureIn = (page: Page, name: string) => page.getByRole('img', { name: `图片：${name}` });
/** Waits until the server has the message of the citizen that contains this. */
const isSent = (widget: Widget, body: Locator) =>
  expect(widget.thread.locator('.bubble').filter({ has: body }).last()).toHaveAttribute(
    'data-delivery',
    /delivered|read/,
  );

const isRed = ([r, g, b]: number[]) => r! > 150 && g! < 90 && b! < 90;
const isBlue = ([r, g, b]: number[]) => b! > 150 && r! < 90 && g! < 110;

test('a picture with words: chosen, sent first, seen by the agent, enlarged with the keyboard, saved', async ({
  people,
  server,
}) => {
  const { agent, widget } = await talk(people);
  await chooser(widget.page).setInputFiles([picture('身份证.png'), picture('居住证.png', 300, 2_000)]);
  await expect(tray(widget.page).getByRole('listitem')).toHaveCount(2);
  await isAccessible(widget.page);
  await widget.button('移除 居住证.png').click();
  await widget.write('B1 请看照片');
  await expect(tray(widget.page)).toBeHidden();
  await isSent(widget, pictureIn(widget.page, '身份证.png'));
  await expect(widget.message('B1')).toHaveAttribute('data-delivery', /delivered|read/);
  const kinds = rows(server, "SELECT json_extract(body, '$.body.type') AS kind FROM entry WHERE author = 'citizen'");
  expect(kinds.slice(-2)).toEqual([{ kind: 'image' }, { kind: 'text' }]);

  const seen = image(agent.thread, '身份证.png');
  await expect(seen).toHaveAttribute('data-shown', 'true');
  expect(isRed(await colourAt(seen, 0.2, 0.5)), 'left').toBe(true);
  expect(isBlue(await colourAt(seen, 0.8, 0.5)), 'right').toBe(true);
  expect(await seen.evaluate((element: HTMLImageElement) => [element.naturalWidth, element.naturalHeight])).toEqual([
    480, 360,
  ]);
  await isAccessible(agent.page);

  const opener = agent.page.getByRole('button', { name: '查看大图：身份证.png' });
  await tabTo(agent.page, opener);
  await agent.page.keyboard.press('Enter');
  const lightbox = agent.page.getByRole('dialog', { name: '图片：身份证.png' });
  const large = lightbox.getByRole('img');
  await expect.poll(() => large.evaluate((element: HTMLImageElement) => element.naturalWidth)).toBe(800);
  await isAccessible(agent.page);
  for (let presses = 0; presses < 6; presses++) await agent.page.keyboard.press('Tab');
  expect(await lightbox.evaluate((element) => element.contains(document.activeElement)), 'the focus stays').toBe(true);
  const saving = agent.page.waitForEvent('download');
  await lightbox.getByRole('button', { name: '下载' }).click();
  const saved = await saving;
  expect(saved.suggestedFilename()).toBe('身份证.png');
  await agent.page.keyboard.press('Escape');
  await expect(lightbox).toBeHidden();
  await expect(opener).toBeFocused();
});

test('nothing in the thread moves when a picture comes', async ({ people }) => {
  const { agent, widget } = await talk(people);
  // The thumbnail is held back until the place that is kept for it has been measured.
  let let_go = () => {};
  const held = new Promise<void>((resolve) => (let_go = resolve));
  await agent.page.route(/\/files\/.*\/thumb/, async (route) => {
    await held;
    await route.continue();
  });
  await chooser(widget.page).setInputFiles([picture('一.png', 640, 480)]);
  await widget.write('B1 一张');
  await expect(agent.message('B1')).toBeVisible();
  const place = agent.page.getByRole('button', { name: '查看大图：一.png' });
  await expect(place).toBeVisible();
  const before = await place.boundingBox();
  let_go();
  await expect(image(agent.thread, '一.png')).toHaveAttribute('data-shown', 'true');
  expect(await place.boundingBox()).toEqual(before);
  expect([before!.width, before!.height]).toEqual([240, 180]);
});

test('a screenshot is pasted, a document is dropped, and what is not taken is told', async ({ people, guard }) => {
  guard.allow(/status of 415/);
  const { agent, widget } = await talk(people);
  await paste(widget.input, 'image.png', 'image/png', png(400, 300, RED, BLUE));
  await expect(tray(widget.page).getByRole('listitem')).toContainText(/截图\d{4}-\d{6}\.png/);
  // Text is pasted as text.
  await widget.input.evaluate((element) => {
    const data = new DataTransfer();
    data.setData('text/plain', 'x');
    element.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await expect(tray(widget.page).getByRole('listitem')).toHaveCount(1);
  const document = pdf(30_000);
  await drag(widget.thread, false, '材料.pdf', 'application/pdf', document);
  await expect(widget.page.getByText('松开鼠标，添加为附件')).toBeVisible();
  await drag(widget.thread, true, '材料.pdf', 'application/pdf', document);
  await expect(widget.page.getByText('松开鼠标，添加为附件')).toBeHidden();
  await expect(tray(widget.page).getByRole('listitem')).toHaveCount(2);
  await chooser(widget.page).setInputFiles([
    { name: '安装.exe', mimeType: 'application/octet-stream', buffer: Buffer.from('MZ') },
    { name: '空.txt', mimeType: 'text/plain', buffer: Buffer.from('') },
    { name: '大.png', mimeType: 'image/png', buffer: Buffer.alloc(11 << 20) },
  ]);
  const told = widget.page.getByRole('alert').filter({ hasText: '安装.exe' });
  await expect(told).toContainText('不支持“安装.exe”的格式');
  await expect(told).toContainText('“空.txt”是空文件');
  await expect(told).toContainText('“大.png”太大，最大 10 MB');
  await isAccessible(widget.page);

  // What only the server can see: the content is not what the name says.
  await chooser(widget.page).setInputFiles({
    name: '假.pdf',
    mimeType: 'application/pdf',
    buffer: Buffer.from('MZ\0\0'),
  });
  await widget.button('发送').click();
  await expect(told).toBeHidden();
  await isSent(widget, widget.page.getByText('材料.pdf'));
  const refused = widget.thread.locator('.bubble').filter({ hasText: '假.pdf' });
  await expect(refused).toHaveAttribute('data-delivery', 'refused');
  await expect(widget.thread).toContainText('不支持这种文件，或文件内容与名称不符');
  await isAccessible(widget.page);
  await widget.button('删除').click();
  await expect(refused).toBeHidden();

  await expect(agent.thread.getByText('材料.pdf')).toBeVisible();
  const saving = agent.page.waitForEvent('download');
  await agent.button('下载 材料.pdf').click();
  const saved = await saving;
  expect(saved.suggestedFilename()).toBe('材料.pdf');
  expect(readFileSync((await saved.path())!).equals(document)).toBe(true);
});

test('the agent sends too: files and words, and they are the first response', async ({ people, server }) => {
  const agent = await people.agent('agent1001');
  const widget = await people.citizen();
  await widget.askHuman();
  await agent.accept();
  await chooser(agent.page).setInputFiles([
    picture('流程图.png', 1_200, 500),
    { name: '申请表.docx', mimeType: '', buffer: docx() },
  ]);
  await expect(tray(agent.page).getByRole('listitem')).toHaveCount(2);
  await isAccessible(agent.page);
  await agent.write('A1 请按图办理');
  await expect(agent.message('A1')).toContainText(/已读|未读/);
  const seen = image(widget.thread, '流程图.png');
  await expect(seen).toHaveAttribute('data-shown', 'true');
  expect(isBlue(await colourAt(seen, 0.9, 0.5))).toBe(true);
  await expect(widget.button('下载 申请表.docx')).toBeVisible();
  await expect(widget.message('A1')).toBeVisible();
  expect(rows(server, 'SELECT answered_at IS NOT NULL AS answered FROM ledger')).toEqual([{ answered: 1 }]);
  // A private note carries none: what was chosen stays until the reply.
  await chooser(agent.page).setInputFiles([picture('二.png')]);
  await agent.page.getByRole('tab', { name: '内部备注' }).click();
  await expect(tray(agent.page)).toBeHidden();
  await agent.page.getByRole('tab', { name: '回复市民' }).click();
  await expect(tray(agent.page).getByRole('listitem')).toHaveCount(1);
  await expect(agent.list).toContainText('A1 请按图办理');
  await widget.page.getByRole('button', { name: /^切换到长者版/ }).click();
  await isAccessible(widget.page);
  await targetsAreAtLeast(widget.page.locator('.composer'), 60);
});

/** Holds the bytes of an upload back; the rest of the traffic passes. */
async function slowUploads(page: Page, network: { stall: (way: 'up') => void }) {
  const began = page.waitForRequest((request) => request.method() === 'PATCH');
  return { began, stop: () => network.stall('up') };
}

test('an upload goes on after the line was cut in the middle and after a reload; the order of writing stays', async ({
  people,
  network,
  server,
  guard,
}) => {
  guard.allow(...LOST_LINK);
  const { agent, widget } = await talk(people, { citizenBase: network.url });
  await widget.say('B1 先说一句');
  const large = { name: '大图.png', mimeType: 'image/png', buffer: png(1_200, 1_000, RED, BLUE, true) };
  await chooser(widget.page).setInputFiles([large]);
  const { began, stop } = await slowUploads(widget.page, network);
  void began.then(stop);
  await widget.write('B2 这是图的说明');
  await began;
  const pending = widget.thread.locator('.pending');
  await expect(pending).toBeVisible();
  await expect(pending.getByRole('status')).toContainText(/上传中|等待上传|正在检查/);
  await expect(widget.message('B2')).toHaveAttribute('data-delivery', 'sending');
  await isAccessible(widget.page);
  network.cut();
  await expect(widget.banner).toContainText('网络已断开');
  await expect(pending).toContainText('等待上传');

  // Loaded again before the line is back: the bytes are still there.
  network.pass();
  network.cut('sockets');
  await widget.page.reload();
  network.pass();
  await isSent(widget, pictureIn(widget.page, '大图.png'));
  await expect(widget.message('B2')).toHaveAttribute('data-delivery', /delivered|read/);
  await expect(agent.message('B2 这是图的说明')).toBeVisible();
  const kinds = rows(server, "SELECT json_extract(body, '$.body.type') AS kind FROM entry WHERE author = 'citizen'");
  expect(kinds.slice(-3)).toEqual([{ kind: 'text' }, { kind: 'image' }, { kind: 'text' }]);
  expect(isRed(await colourAt(image(agent.thread, '大图.png'), 0.2, 0.5))).toBe(true);
  // The one upload went on; no second was begun.
  expect(rows(server, 'SELECT state FROM file')).toEqual([{ state: 'ready' }]);
});

test('an upload is cancelled, and what was written after it goes its way', async ({
  people,
  network,
  guard,
  server,
}) => {
  guard.allow(...LOST_LINK);
  const { widget } = await talk(people, { citizenBase: network.url });
  await chooser(widget.page).setInputFiles([{ ...picture('x.png'), buffer: png(1_200, 1_000, RED, BLUE, true) }]);
  const { began, stop } = await slowUploads(widget.page, network);
  void began.then(stop);
  await widget.write('B1 不等图了');
  await began;
  await widget.button('取消发送：x.png').click();
  await expect(widget.thread.locator('.pending')).toBeHidden();
  network.pass();
  await expect(widget.message('B1')).toHaveAttribute('data-delivery', /delivered|read/);
  await expect.poll(() => rows(server, "SELECT COUNT(*) AS n FROM file WHERE state <> 'gone'")).toEqual([{ n: 0 }]);
});

async function record(page: Page, ms: number): Promise<Locator> {
  await page.getByRole('button', { name: '语音', exact: true }).click();
  const panel = page.getByRole('group', { name: '录制语音消息' });
  await expect(panel).toHaveAttribute('data-state', 'recording');
  const seconds = String(Math.round(ms / 1_000)).padStart(2, '0');
  await expect(panel.getByRole('timer')).toHaveText(`0:${seconds}`);
  return panel;
}

/** Plays it to its end. */
async function play(root: Locator): Promise<void> {
  await root.getByRole('button', { name: '播放语音' }).click();
  await expect(root).toHaveAttribute('data-playing', 'true');
  await expect(root).toHaveAttribute('data-playing', 'false');
}

async function heard(person: Widget | Console) {
  const voice = person.thread.getByRole('group', { name: /^语音消息/ }).last();
  await play(voice);
  return listen(person.page, await voice.locator('audio').evaluate((element: HTMLAudioElement) => element.src));
}

test('a voice message is recorded with level and time, heard before it is sent, and heard by the agent', async ({
  people,
}) => {
  const { agent, widget } = await talk(people);
  await widget.page.context().grantPermissions(['microphone']);
  let panel = await record(widget.page, 1_000);
  const meter = panel.getByRole('meter', { name: '音量' });
  await expect.poll(async () => Number(await meter.getAttribute('aria-valuenow'))).toBeGreaterThan(2);
  await isAccessible(widget.page);
  await panel.getByRole('button', { name: '取消' }).click();
  await expect(panel).toBeHidden();
  await expect(widget.input).toBeFocused();

  panel = await record(widget.page, 3_000);
  await widget.page.keyboard.press('Enter');
  await expect(panel).toHaveAttribute('data-state', 'recorded');
  await isAccessible(widget.page);
  await play(panel.getByRole('group', { name: /^语音消息/ }));
  await panel.getByRole('button', { name: '发送语音' }).click();
  await isSent(widget, widget.page.getByRole('group', { name: /^语音消息/ }));
  await isAccessible(widget.page);

  const sound = await heard(agent);
  expect(sound.seconds).toBeGreaterThan(2.3);
  expect(sound.seconds).toBeLessThan(5);
  expect(sound.peak, 'the microphone beeps').toBeGreaterThan(0.02);
  expect(sound.hertz, 'as Chromium’s microphone does').toBeGreaterThan(300);
  expect(sound.hertz).toBeLessThan(520);
  await expect(agent.list).toContainText(/［语音 0:0\d］/);
  await isAccessible(agent.page);

  // And back.
  await agent.page.context().grantPermissions(['microphone']);
  panel = await record(agent.page, 1_000);
  await panel.getByRole('button', { name: '结束录音' }).click();
  await panel.getByRole('button', { name: '发送语音' }).click();
  await expect(widget.thread.locator('.agent').getByRole('group', { name: /^语音消息/ })).toBeVisible();
  expect((await heard(widget)).peak).toBeGreaterThan(0.02);
});

test('without permission, or in a browser that cannot record, one is told and can go on writing', async ({
  people,
}) => {
  const { widget } = await talk(people);
  await widget.page.context().clearPermissions();
  await widget.page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  });
  await widget.button('语音').click();
  const panel = widget.page.getByRole('group', { name: '录制语音消息' });
  await expect(panel).toContainText('没有麦克风权限');
  await isAccessible(widget.page);
  await widget.page.keyboard.press('Escape');
  await expect(panel).toBeHidden();
  await expect(widget.input).toBeFocused();

  await widget.page.evaluate(() => {
    delete (window as { MediaRecorder?: unknown }).MediaRecorder;
  });
  await widget.button('语音').click();
  await expect(panel).toContainText('当前浏览器不支持录音');
  await panel.getByRole('button', { name: '取消' }).click();
  await widget.say('B1 那我打字');
});

test.describe('at most two seconds', () => {
  test.use({ settings: { FILES__VOICE_SECONDS: '2' } });

  test('a recording ends by itself', async ({ people }) => {
    const { widget } = await talk(people);
    await widget.page.context().grantPermissions(['microphone']);
    await widget.button('语音').click();
    const panel = widget.page.getByRole('group', { name: '录制语音消息' });
    await expect(panel).toContainText('最长 2 秒');
    await expect(panel).toHaveAttribute('data-state', 'recorded');
    await panel.getByRole('button', { name: '发送语音' }).click();
    await isSent(widget, widget.page.getByRole('group', { name: '语音消息，时长 0:02' }));
  });
});

test('小申 cannot see a picture and offers a person; narrow and large it all fits', async ({ people }) => {
  const widget = await people.citizen();
  await widget.page.setViewportSize({ width: 320, height: 640 });
  await chooser(widget.page).setInputFiles([picture('横.png', 2_000, 300), picture('竖.png', 300, 2_000)]);
  await widget.write('B1 请看');
  await isSent(widget, pictureIn(widget.page, '竖.png'));
  await expect(widget.thread).toContainText('小申还看不懂图片、文件和语音');
  await expect(widget.button('转人工').first()).toBeVisible();
  await scrollsOnlyDown(widget.page);
  await isAccessible(widget.page);
  await widget.page.getByRole('button', { name: /^切换到长者版/ }).click();
  await chooser(widget.page).setInputFiles([
    { name: '很长的材料名称用来看看会不会撑破.pdf', mimeType: '', buffer: pdf() },
  ]);
  await expect(tray(widget.page)).toBeVisible();
  await scrollsOnlyDown(widget.page);
  await targetsAreAtLeast(widget.page.locator('.chips'), 60);
  await isAccessible(widget.page);
});

test('a scanner that finds something: the sender is told, nobody else gets it', async ({ people, guard }) => {
  guard.allow(/status of 422/);
  const { agent, widget } = await talk(people);
  await chooser(widget.page).setInputFiles([
    { name: '资料.txt', mimeType: 'text/plain', buffer: Buffer.from('VIRUS') },
  ]);
  await widget.button('发送').click();
  await expect(widget.thread).toContainText('文件未通过安全检查，已删除');
  await expect(agent.thread.getByText('资料.txt')).toBeHidden();
});

test.use({ settings: { FILES__SCAN_COMMAND: '["sh", "-c", "! grep -q VIRUS \\"$1\\"", "scan"]' } });
