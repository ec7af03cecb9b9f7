/** Virtual windows in real browsers: pictures, voices, a shared tab, ink, and what survives a reload and a lost network. */
import { rows } from './support/recount';
import { Console } from './support/console';
import { expect, isAccessible, LOST_LINK, test, type People } from './support/fixtures';
import { colourAt } from './support/media';
import {
  conversation,
  drag,
  heard,
  inked,
  inkIsAt,
  LI,
  near,
  paint,
  pageOf,
  placeOn,
  seen,
  showThisTab,
  WANG,
  windowBrowser,
  WindowOf,
  ZHANG,
} from './support/window';
import type { Page } from '@playwright/test';

test.use({
  launchOptions: windowBrowser,
  // Everything is on this machine.
  settings: { MEDIA__LISTEN: '127.0.0.1:0' },
});

/** Both on pages of their own. */
async function both(people: People, urls: { citizen: string; agent: string }) {
  const agent = await pageOf(people, LI, 1440, 900);
  await showThisTab(agent.context());
  return conversation(await pageOf(people, ZHANG, 420, 860), agent, urls);
}

const asked = (page: Page) => page.evaluate(() => (window as unknown as { asked: number }).asked);

test('asked, agreed, face to face; the tab is shown, pointed at, drawn on, kept; reload and a lost network keep the seat', async ({
  people,
  server,
  network,
  guard,
}) => {
  test.setTimeout(240_000);
  guard.allow(...LOST_LINK);
  const pages = await both(people, { citizen: network.url, agent: server.url });
  const { agent, widget, clerk, citizen } = pages;

  // --- asked by the agent; nothing is opened before the citizen has read and agreed ---------------------------------
  await agent.page.keyboard.press('Alt+V');
  await expect(citizen.root.getByTestId('consent-text')).toContainText('版');
  await isAccessible(widget.page);
  expect(await asked(widget.page)).toBe(0);
  await citizen.button('同意并继续').click();
  await expect(citizen.root.getByTestId('device-check')).toBeVisible();
  await citizen.sees(citizen.root.locator('.preview video'), ZHANG.colour);
  await expect(citizen.root.getByText('已检测到声音')).toBeVisible();
  await isAccessible(widget.page);
  await citizen.button('进入窗口').click();
  await isAccessible(agent.page);
  await clerk.button('进入窗口').click();
  await clerk.is('live');
  await citizen.is('live');

  // --- faces and voices -----------------------------------------------------------------------------------------------
  await clerk.sees(clerk.face('citizen'), ZHANG.colour);
  await citizen.sees(citizen.face('agent'), LI.colour);
  await clerk.hears(ZHANG.hertz);
  await citizen.hears(LI.hertz);
  await isAccessible(agent.page);
  await isAccessible(widget.page);
  // The conversation goes on untouched.
  await widget.say('我看到您了');
  await expect(agent.message('我看到您了')).toBeVisible();
  // Silent is silent at the other side.
  await agent.page.keyboard.press('Alt+M');
  await expect(citizen.tile('agent').getByRole('img', { name: '已静音' })).toBeVisible();
  await expect.poll(() => heard(widget.page)).toEqual([]);
  await agent.page.keyboard.press('Alt+M');
  await citizen.hears(LI.hertz);

  // --- the citizen shows this tab: its own pixels, not those of a browser's test picture -------------------------------
  await paint(widget.page, [200, 60, 20]);
  await citizen.button('共享屏幕').click();
  await expect(citizen.root.getByTestId('consent-text')).toContainText('屏幕');
  await citizen.button('同意并选择画面').click();
  await expect(widget.page.getByTestId('sharing-bar')).toContainText('您正在共享屏幕');
  await clerk.sees(clerk.screenVideo, [200, 60, 20], 0.25, 0.85);
  await paint(widget.page, [20, 90, 200]);
  await clerk.sees(clerk.screenVideo, [20, 90, 200], 0.25, 0.85);
  await isAccessible(agent.page);

  // --- enlarged for small print: the thread stands beside it, and one writes on; Escape gives the desk back ---------------
  const area = async () => {
    const { width, height } = (await clerk.picture.boundingBox())!;
    return width * height;
  };
  const small = await area();
  await clerk.button('放大').click();
  await expect.poll(area).toBeGreaterThan(2 * small);
  await isAccessible(agent.page);
  await agent.say('请看第三行');
  await expect(widget.message('请看第三行')).toBeVisible();
  await clerk.button('还原').focus();
  await agent.page.keyboard.press('Escape');
  await expect.poll(area).toBe(small);

  // --- a pointer and a box stand at the same place of the tab, within 1 % ------------------------------------------------
  const place = await placeOn(clerk.picture, clerk.screenVideo);
  const over = widget.page.getByTestId('ink-over-page');
  await agent.page.mouse.move(...place(0.4, 0.4));
  await agent.page.mouse.move(...place(0.25, 0.85));
  await expect
    .poll(async () => {
      const ring = await over
        .getByTestId('pointer')
        .locator('i')
        .boundingBox({ timeout: 1_000 })
        .catch(() => null);
      if (!ring) return 1;
      return Math.max(
        Math.abs((ring.x + ring.width / 2) / 420 - 0.25),
        Math.abs((ring.y + ring.height / 2) / 860 - 0.85),
      );
    })
    .toBeLessThan(0.01);
  const ink = over.getByTestId('ink');
  const stand = async (strokes: number) => {
    await expect(ink).toHaveAttribute('data-strokes', `${strokes}`);
    await expect(agent.page.getByTestId('ink')).toHaveAttribute('data-strokes', `${strokes}`);
  };
  await clerk.button('画笔').click();
  await drag(agent.page, place(0.2, 0.3), place(0.6, 0.3));
  await stand(1);
  await inkIsAt(ink, 0.4, 0.3);
  await clerk.button('框选').click();
  await drag(agent.page, place(0.1, 0.72), place(0.45, 0.95));
  await stand(2);
  // The last one goes on both sides, and the one before it stays where it was.
  await clerk.button('撤销').click();
  await stand(1);
  await inkIsAt(ink, 0.4, 0.3);
  await clerk.button('清除').click();
  await stand(0);
  expect(await inked(ink)).toBeNull();

  // --- held still while the tab goes on; it goes on with it, and without the ink of what is gone -----------------------------
  await clerk.button('定格').click();
  await expect(clerk.still).toBeVisible();
  await clerk.button('框选').click();
  await drag(agent.page, place(0.1, 0.72), place(0.45, 0.95));
  await stand(1);
  await paint(widget.page, [30, 150, 60]);
  // What comes has changed; what is seen has not.
  await clerk.sees(clerk.screenVideo, [30, 150, 60], 0.25, 0.85);
  expect(near(await seen(clerk.still, 0.25, 0.85), [20, 90, 200])).toBe(true);
  await isAccessible(agent.page);
  await clerk.button('恢复画面').click();
  await expect(clerk.still).toBeHidden();
  await stand(0);
  await paint(widget.page, [20, 90, 200]);
  await clerk.sees(clerk.screenVideo, [20, 90, 200], 0.25, 0.85);
  await drag(agent.page, place(0.1, 0.72), place(0.45, 0.95));
  await stand(1);
  await inkIsAt(ink, 0.275, 0.835);

  // --- the picture with its ink goes into the thread ---------------------------------------------------------------------
  await clerk.button('截图').click();
  await expect(widget.thread.getByRole('img', { name: /^图片：/ })).toBeVisible();

  // --- the agent reloads: seat, id, ink, consent -------------------------------------------------------------------------
  const before = await citizen.participant('agent');
  await agent.page.reload();
  await clerk.is('live');
  await clerk.sees(clerk.screenVideo, [20, 90, 200], 0.25, 0.85);
  await expect(agent.page.getByTestId('ink')).toHaveAttribute('data-strokes', '1');
  await citizen.sees(citizen.face('agent'), LI.colour);
  await citizen.hears(LI.hertz);
  expect(await citizen.participant('agent')).toBe(before);

  // --- the citizen stops; the agent sees it within a second ----------------------------------------------------------------
  // From the press to the picture's end, by the pages' own clocks, which are this machine's: not by how fast a story reads.
  await widget.page.evaluate(() => {
    document.addEventListener('click', () => Object.assign(window, { pressedAt: Date.now() }), {
      capture: true,
      once: true,
    });
  });
  await agent.page.evaluate(() => {
    const timer = setInterval(() => {
      if (document.querySelector('[data-testid=window-stage]')) return;
      Object.assign(window, { goneAt: Date.now() });
      clearInterval(timer);
    }, 10);
  });
  await widget.page.getByTestId('sharing-bar').getByRole('button', { name: '停止共享' }).click();
  await expect(clerk.stage).toBeHidden();
  const at = (page: Page, name: string) => page.evaluate((key) => Reflect.get(window, key) as number | undefined, name);
  await expect.poll(() => at(agent.page, 'goneAt')).toBeDefined();
  expect((await at(agent.page, 'goneAt'))! - (await at(widget.page, 'pressedAt'))!).toBeLessThan(1_000);
  await expect(over).toBeHidden();

  // --- the clerk shows a tab: the citizen sees it, draws on it, keeps it ------------------------------------------------------
  await paint(agent.page, [200, 60, 20]);
  await clerk.button('共享屏幕').click();
  await citizen.sees(citizen.screenVideo, [200, 60, 20], 0.25, 0.85);
  await isAccessible(widget.page);
  const there = await placeOn(citizen.picture, citizen.screenVideo);
  await citizen.button('画笔').click();
  await drag(widget.page, there(0.3, 0.4), there(0.7, 0.6));
  await inkIsAt(agent.page.getByTestId('ink-over-page').getByTestId('ink'), 0.5, 0.5);
  await citizen.button('截图').click();
  const kept = agent.thread.getByRole('img', { name: /^图片：/ });
  await expect(kept).toHaveCount(2);
  expect(near(await colourAt(kept.last(), 0.25, 0.85), [200, 60, 20])).toBe(true);
  // In the colour of citizens, on what was shown.
  await expect.poll(async () => near(await colourAt(kept.last(), 0.5, 0.5), [18, 89, 184], 60)).toBe(true);
  await citizen.button('撤销').click();
  await expect(agent.page.getByTestId('ink-over-page').getByTestId('ink')).toHaveAttribute('data-strokes', '0');
  await agent.page.getByTestId('sharing-bar').getByRole('button', { name: '停止共享' }).click();
  await expect(citizen.stage).toBeHidden();

  // --- the citizen's network goes and comes back within 20 s -----------------------------------------------------------------
  const mine = await clerk.participant('citizen');
  network.cut();
  await expect(citizen.root.getByTestId('window-cut')).toBeVisible();
  await expect(clerk.tile('citizen')).toContainText('暂时离开');
  network.pass();
  await widget.page.evaluate(() => window.dispatchEvent(new Event('online')));
  await expect(clerk.tile('citizen')).not.toContainText('暂时离开');
  await clerk.sees(clerk.face('citizen'), ZHANG.colour);
  expect(await clerk.participant('citizen')).toBe(mine);
  await citizen.hears(LI.hertz);

  // --- the end -----------------------------------------------------------------------------------------------------------------
  await citizen.button('结束窗口').click();
  await citizen.root.getByRole('alertdialog').getByRole('button', { name: '结束窗口' }).click();
  await clerk.is('ended');
  await expect(clerk.root).toContainText('办事人已结束窗口');
  await isAccessible(agent.page);
  await clerk.button('知道了').click();
  await expect(clerk.root).toBeHidden();
  expect(rows(server, 'SELECT DISTINCT purpose FROM window_consent ORDER BY purpose')).toEqual([
    { purpose: 'screen' },
    { purpose: 'window' },
  ]);
});

test('refused: nothing is opened and nothing flows; asked by the citizen, refused by the agent', async ({
  people,
  server,
}) => {
  const { agent, widget, clerk, citizen } = await both(people, { citizen: server.url, agent: server.url });
  await agent.page.getByRole('button', { name: /^虚拟窗口/ }).click();
  await citizen.button('不同意').click();
  await clerk.is('ended');
  await expect(clerk.root).toContainText('对方暂时不方便');
  expect(await asked(widget.page)).toBe(0);
  await clerk.button('知道了').click();
  await citizen.button('知道了').click();

  await widget.button('视频帮办').click();
  await citizen.button('同意并继续').click();
  await expect(citizen.root.getByTestId('device-check')).toContainText('已通知帮办人员');
  await clerk.is('incoming');
  await isAccessible(agent.page);
  await clerk.button('拒绝').click();
  await citizen.is('ended');
  await expect(widget.page.locator('audio[data-testid=window-voice]')).toHaveCount(0);
  // The devices that were checked are closed again: no light stays on.
  await expect(widget.page.locator('video')).toHaveCount(0);
  expect(rows(server, 'SELECT count(*) AS n FROM window_consent')).toEqual([{ n: 1 }]);
  await citizen.button('知道了').click();
  await clerk.button('知道了').click();

  // Another time then: both sides have it, and both may take it back.
  await agent.page.getByRole('button', { name: /口令窗口/ }).click();
  await agent.page.getByRole('button', { name: '预约窗口', exact: true }).click();
  await agent.page.getByLabel('预约时间').fill('2020-01-01T10:00');
  await agent.page.getByRole('button', { name: '预约', exact: true }).click();
  await expect(agent.page.getByRole('alert').filter({ hasText: '请选择以后的时间' })).toBeVisible();
  await isAccessible(agent.page);
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  await agent.page.getByLabel('预约时间').fill(`${tomorrow}T10:00`);
  await agent.page.getByRole('button', { name: '预约', exact: true }).click();
  await clerk.is('booked');
  await expect(citizen.root).toContainText('10:00');
  await citizen.button('取消预约').click();
  await clerk.is('ended');
  await expect(clerk.root).toContainText('请求已取消');
});

test('by a code for somebody on the telephone; a second clerk is asked in; the supervisor listens and is seen', async ({
  people,
  server,
}) => {
  const { agent, clerk } = await both(people, { citizen: server.url, agent: server.url });
  await agent.page.getByRole('button', { name: /口令窗口/ }).click();
  await agent.page.getByRole('button', { name: '口令窗口', exact: true }).click();
  const digits = agent.page.getByTestId('window-code');
  await expect(digits).toBeVisible();
  await isAccessible(agent.page);
  const code = (await digits.getAttribute('data-code'))!;

  const caller = await pageOf(people, WANG, 390, 844);
  await caller.goto(`${server.url}/widget.html?window=code`);
  const there = new WindowOf(caller);
  await caller.getByRole('textbox', { name: '六位口令' }).fill('000 00');
  await caller.getByRole('button', { name: '进入' }).click();
  await expect(caller.getByRole('alert').filter({ hasText: '六位数字' })).toBeVisible();
  await isAccessible(caller);
  await caller.getByRole('textbox', { name: '六位口令' }).fill(code);
  await caller.getByRole('button', { name: '进入' }).click();
  await there.button('同意并继续').click();
  await there.root.getByRole('checkbox', { name: '不开摄像头' }).check();
  await there.button('进入窗口').click();
  await clerk.button('进入窗口').click();
  await clerk.is('live');
  await clerk.hears(WANG.hertz);
  await expect(clerk.tile('citizen').locator('video')).toHaveCount(0);
  // A reload finds the same window again, without the code.
  await caller.reload();
  await there.is('live');
  await there.sees(there.face('agent'), LI.colour);

  const guest = await Console.open(await pageOf(people, ZHANG, 1280, 800), server.url, 'agent1002', '小休');
  await clerk.button('邀请协办').click();
  await agent.page.getByRole('searchbox', { name: '查找同事姓名' }).fill('王强');
  await agent.page
    .getByRole('button', { name: /^邀请 王强/ })
    .first()
    .click();
  const second = new WindowOf(guest.page);
  await guest.page.getByRole('button', { name: '去看看' }).click();
  await second.button('进入窗口').click();
  await there.sees(there.face('second_clerk'), ZHANG.colour);
  await second.hears(WANG.hertz);
  await second.hears(LI.hertz);

  const board = await people.supervisor();
  await expect(board.page.getByTestId('figure-serving')).toBeVisible();
  const [serving] = rows<{ id: string }>(server, "SELECT id FROM conversation WHERE stage = 'serving'");
  const { id } = serving!;
  await board.page.goto(`${server.url}/board.html?conversation=${id}`);
  await board.page.getByRole('button', { name: '旁听虚拟窗口' }).click();
  const watcher = new WindowOf(board.page);
  await watcher.button('进入旁听').click();
  await watcher.sees(watcher.face('agent'), LI.colour);
  await expect(there.tile('supervisor')).toBeVisible();
  await isAccessible(board.page);
  await board.page.getByRole('button', { name: '退出旁听' }).click();
  await expect(there.tile('supervisor')).toHaveCount(0);

  await agent.page.getByRole('button', { name: /^请 .* 离开$/ }).click();
  await expect(there.tile('second_clerk')).toHaveCount(0);
  expect(near(await seen(there.face('agent')), LI.colour)).toBe(true);
});

test('no permission, no device: words that help, and a window without a camera or a microphone', async ({
  people,
  server,
}) => {
  const pages = await both(people, { citizen: server.url, agent: server.url });
  const { agent, widget, clerk, citizen } = pages;
  await widget.page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () =>
      Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
  });
  await agent.page.evaluate(() => {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = (wanted) =>
      wanted?.video ? Promise.reject(new DOMException('', 'NotFoundError')) : real(wanted);
  });
  await agent.page.getByRole('button', { name: /^虚拟窗口/ }).click();
  await citizen.button('同意并继续').click();
  await expect(citizen.root.getByRole('alert').filter({ hasText: '您未允许使用' }).first()).toBeVisible();
  await expect(citizen.root).toContainText('没有麦克风也可以进入');
  await expect(clerk.root.getByRole('alert').filter({ hasText: '没有找到设备' })).toBeVisible();
  await isAccessible(widget.page);
  await widget.page.getByRole('button', { name: /^切换到长者版/ }).click();
  await isAccessible(widget.page);
  await citizen.button('进入窗口').click();
  await clerk.button('进入窗口').click();
  await citizen.is('live');
  await citizen.hears(LI.hertz);
  await expect(clerk.tile('citizen').getByRole('img', { name: '已静音' })).toBeVisible();
});
