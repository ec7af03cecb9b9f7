/** Who citizens are and where they are: anonymous, from before, on a second device, in a hall; and their receipts. */
import { execFileSync } from 'node:child_process';
import { expect, isAccessible, LOST_LINK, test } from './support/fixtures';
import type { Server } from './support/server';
import { Widget } from './support/widget';

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

test('without logging in one asks, is seen as anonymous, and takes it along after the log-in', async ({
  people,
  server,
}) => {
  const context = await people.context({ viewport: { width: 420, height: 760 } });
  const page = await context.newPage();
  await page.goto(`${server.url}/widget.html?item=residence-permit`);
  const widget = new Widget(page);
  await isAccessible(page);
  await widget.button('不登录，直接咨询').click();
  await expect(widget.thread).toBeVisible();
  await expect(page.getByText('未登录：只能发送图片')).toBeVisible();
  await expect(widget.button('语音')).toBeHidden();
  await expect(widget.button('图片')).toBeVisible();
  await isAccessible(page);
  await widget.say('没有登录也能问吗');
  await widget.askHuman();
  const agent = await people.agent('agent1001');
  await expect(agent.offer).toContainText('匿名访客');
  await agent.accept();
  await expect(agent.page.getByTestId('anonymous')).toContainText('身份未核实');
  await isAccessible(agent.page);
  await agent.say('可以的，请说');
  await expect(widget.message('可以的，请说')).toBeVisible();

  // A reload is the same visitor in the same conversation.
  await page.reload();
  await expect(widget.message('没有登录也能问吗')).toBeVisible();

  // Logged in on the same device: asked, not assumed.
  await page.getByRole('button', { name: /^更多/ }).click();
  await widget.button('更换演示身份').click();
  await widget.button('张伟（个人）').click();
  const offer = page.getByRole('region', { name: '未登录时的咨询' });
  await expect(offer).toBeVisible();
  await isAccessible(page);
  await offer.getByRole('button', { name: '并入我的账号' }).click();
  await expect(offer).toBeHidden();
  await page.getByRole('button', { name: /^更多/ }).click();
  await widget.button('我的咨询').click();
  const list = page.getByRole('dialog', { name: '我的咨询' });
  await list.getByRole('button', { name: /居住证办理 服务中/ }).click();
  await expect(widget.message('没有登录也能问吗')).toBeVisible();
  await widget.say('我登录了');
  await expect(agent.message('我登录了')).toBeVisible();
  // The agent learns who it is, without opening the conversation anew.
  await expect(agent.page.getByTestId('anonymous')).toBeHidden();
  await expect(agent.page.getByRole('complementary', { name: '市民与答复口径' })).toContainText('138****8001');
});

test('my conversations: results and stars, read-only ones, and a new one on the same item', async ({
  people,
  server,
  guard,
}) => {
  guard.allow(...LOST_LINK);
  const widget = await people.citizen();
  const { page } = widget;
  const agent = await people.agent('agent1001');
  await widget.say('居住证丢了怎么办');
  await widget.askHuman();
  await agent.accept();
  await agent.say('请到社区事务受理中心补办');
  await widget.talksTo('李敏');
  await widget.button('结束会话').click();
  await page.getByRole('alertdialog').getByRole('button', { name: '结束会话' }).click();
  await agent.page.getByTestId('wrap-up').getByRole('button', { name: '已解决' }).click();
  await expect(widget.rating).toBeVisible();
  await widget.rating.getByRole('radio', { name: '非常满意', exact: true }).check({ force: true });
  await widget.button('提交评价').click();
  await expect(page.getByRole('region', { name: '感谢您的评价' })).toBeVisible();

  await page.getByRole('button', { name: /^更多/ }).click();
  await widget.button('我的咨询').click();
  const list = page.getByRole('dialog', { name: '我的咨询' });
  const row = list.getByRole('button', { name: /居住证办理/ });
  await expect(row).toContainText('已解决');
  await expect(row).toContainText('您评了 5 星');
  await expect(row).toContainText('可继续咨询');
  await isAccessible(page);

  // Nine days later it can be read and not continued: the rows grow older while the server is down.
  await server.kill9();
  age(server, 9);
  await server.restart();
  await page.reload();
  await expect(widget.thread).toContainText('您好，我是智能客服小申');
  await page.getByRole('button', { name: /^更多/ }).click();
  await widget.button('我的咨询').click();
  const old = list.getByRole('button', { name: /已解决/ });
  await expect(old).toContainText('仅供查看');
  await old.click();
  await expect(widget.message('请到社区事务受理中心补办')).toBeVisible();
  await expect(page.getByText('本次会话结束已超过 7 天，不能继续。')).toBeVisible();
  await expect(widget.input).toBeHidden();
  await isAccessible(page);
  await widget.button('新的咨询').click();
  await expect(widget.input).toBeEditable();
  await expect(widget.message('居住证丢了怎么办')).toBeHidden();
  await expect(page.getByTestId('header-subtitle')).toContainText('居住证办理');
});

test.describe('at night', () => {
  test.use({ settings: { SERVICE__HOURS: 'calendar', SERVICE__PERIODS: closedNow() } });

  test('a left message has a receipt, which its owner can look up, and a stranger cannot', async ({
    people,
    server,
    guard,
  }) => {
    // The browser reports the refusals themselves.
    guard.allow(/status of 4(04|29)/);
    const widget = await people.citizen();
    await widget.human.click();
    const form = widget.root.getByRole('dialog', { name: '给工作人员留言' });
    await form.getByRole('textbox', { name: '您的问题' }).fill('居住证怎么办');
    await form.getByRole('textbox', { name: '联系电话' }).fill('13800138001');
    await form.getByRole('radio').first().check({ force: true });
    await form.getByRole('button', { name: '提交留言' }).click();
    const number = await widget.root.getByTestId('receipt-number').first().innerText();
    await widget.root.getByRole('dialog').getByRole('button', { name: '完成' }).click();

    await widget.page.getByRole('button', { name: /^更多/ }).click();
    await widget.button('我的咨询').click();
    const list = widget.page.getByRole('dialog', { name: '我的咨询' });
    await expect(list.getByRole('button', { name: /居住证办理/ })).toContainText(`编号 ${number} · 待处理`);
    await isAccessible(widget.page);

    const page = await people.page({ viewport: { width: 420, height: 760 } });
    await page.goto(`${server.url}/receipt.html#${number}`);
    await isAccessible(page);
    await expect(page.getByRole('textbox', { name: '留言编号' })).toHaveValue(number);
    const ask = page.getByRole('button', { name: '查询', exact: true });
    await ask.click();
    await expect(page.getByText('请填写 4 位数字')).toBeVisible();
    await isAccessible(page);
    await page.getByRole('textbox', { name: '联系电话后四位' }).fill('0000');
    await ask.click();
    await expect(page.getByTestId('refused')).toHaveText('没有查到。请核对编号和电话后四位。');
    await page.getByRole('textbox', { name: '联系电话后四位' }).fill('8001');
    await page.getByRole('textbox', { name: '留言编号' }).fill(number.replace('-', '').toLowerCase());
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('receipt-state')).toHaveText('待处理');
    await expect(page.getByRole('region', { name: '查询结果' })).toContainText('居住证办理');
    await isAccessible(page);
    await page.screenshot({ path: 'test-results/receipt.png' });

    await page.getByRole('button', { name: '查询另一条' }).click();
    await page.getByRole('textbox', { name: '留言编号' }).fill(number);
    for (let guess = 1; guess <= 5; guess++) {
      await page.getByRole('textbox', { name: '联系电话后四位' }).fill(`000${guess}`);
      await ask.click();
      await expect(page.getByTestId('refused')).toHaveText(/没有查到|查询次数过多/);
    }
    await page.getByRole('textbox', { name: '联系电话后四位' }).fill('8001');
    await ask.click();
    await expect(page.getByTestId('refused')).toContainText('查询次数过多');
    await isAccessible(page);
  });
});

test('a conversation goes on at the phone by the picture, once, and the phone can be sent away', async ({
  people,
  server,
}) => {
  const widget = await people.citizen();
  const { page } = widget;
  await widget.say('我想在手机上继续');
  await page.getByRole('button', { name: /^更多/ }).click();
  await widget.button('在手机上继续').click();
  const sheet = page.getByRole('dialog', { name: '在手机上继续' });
  await expect(sheet.getByTestId('short-code')).toHaveText(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  await isAccessible(page);
  await page.screenshot({ path: 'test-results/qr.png' });
  const path = await sheet.getByTestId('qr').getAttribute('data-url');

  const phone = new Widget(await people.page(PHONE));
  await phone.page.goto(server.url + path!);
  await expect(phone.message('我想在手机上继续')).toBeVisible();
  // Neither the address nor the history keeps the code.
  expect(phone.page.url()).toBe(`${server.url}/widget.html`);
  await expect(sheet.getByText('已在手机上打开')).toBeVisible();
  await isAccessible(page);
  await sheet.getByRole('button', { name: '完成' }).click();
  await isAccessible(page);

  await phone.say('我在手机上了');
  await expect(widget.message('我在手机上了')).toBeVisible();
  await widget.say('电脑上也看到了');
  await expect(phone.message('电脑上也看到了')).toBeVisible();
  await phone.page.reload();
  await expect(phone.message('电脑上也看到了')).toBeVisible();
  // A second device makes no third one.
  await phone.page.getByRole('button', { name: /^更多/ }).click();
  await expect(phone.button('我的咨询')).toBeVisible();
  await expect(phone.button('在手机上继续')).toBeHidden();
  await phone.page.keyboard.press('Escape');

  await widget.button('让手机退出').click();
  await expect(phone.page.getByRole('heading', { name: '本设备上的会话已结束' })).toBeVisible();
  await isAccessible(phone.page);
  await expect(widget.button('让手机退出')).toBeHidden();
});

test('a used code is none, and a code can be typed', async ({ people, server, guard }) => {
  guard.allow(/status of 404/);
  const widget = await people.citizen();
  await widget.say('输入接续码');
  await widget.page.getByRole('button', { name: /^更多/ }).click();
  await widget.button('在手机上继续').click();
  const sheet = widget.page.getByRole('dialog', { name: '在手机上继续' });
  const short = (await sheet.getByTestId('short-code').innerText()).toLowerCase().replace('-', '');
  const path = await sheet.getByTestId('qr').getAttribute('data-url');

  const phone = new Widget(await people.page(PHONE));
  await phone.page.goto(`${server.url}/widget.html`);
  await phone.button('输入接续码').click();
  await isAccessible(phone.page);
  await phone.page.getByRole('textbox', { name: '接续码' }).fill(short);
  await phone.button('继续会话').click();
  await expect(phone.message('输入接续码')).toBeVisible();

  const late = await people.page(PHONE);
  await late.goto(server.url + path!);
  await expect(late.getByRole('alert').filter({ hasText: '接续码不正确、已使用或已过期' })).toBeVisible();
  await isAccessible(late);
});

test.describe('in a hall', () => {
  test('a kiosk asks after a minute and forgets everything, but the conversation goes on at the phone', async ({
    people,
    server,
  }) => {
    const context = await people.context({ viewport: { width: 1080, height: 1440 }, hasTouch: true });
    const page = await context.newPage();
    await page.clock.install();
    await page.goto(`${server.url}/widget.html?channel=kiosk&hall=pudong-1&ticket=K731&item=residence-permit`);
    const widget = new Widget(page);
    await expect(page.getByRole('heading', { name: '自助咨询' })).toBeVisible();
    await expect(page.getByRole('textbox', { name: '排队号（可不填）' })).toHaveValue('K731');
    await isAccessible(page);
    await page.screenshot({ path: 'test-results/kiosk-start.png' });
    await page.getByRole('textbox', { name: '排队号（可不填）' }).fill('K 731');
    await widget.button('开始咨询').click();
    await expect(page.getByText('排队号只能有字母、数字和短横线')).toBeVisible();
    await page.getByRole('textbox', { name: '排队号（可不填）' }).fill('k731');
    await widget.button('开始咨询').click();
    await expect(widget.thread).toBeVisible();
    await expect(page.locator('html')).toHaveAttribute('data-elder', '1');
    await widget.say('我的秘密问题');
    await isAccessible(page);
    await page.screenshot({ path: 'test-results/kiosk-live.png' });
    await widget.askHuman();
    const agent = await people.agent('agent1001');
    await expect(agent.offer).toContainText('大厅自助机');
    await agent.accept();
    const card = agent.page.getByRole('complementary', { name: '市民与答复口径' });
    await expect(card).toContainText('pudong-1');
    await expect(card).toContainText('K731');

    await widget.button('在手机上继续').click();
    const sheet = page.getByRole('dialog', { name: '在手机上继续' });
    const path = await sheet.getByTestId('qr').getAttribute('data-url');
    const phone = new Widget(await people.page(PHONE));
    await phone.page.goto(server.url + path!);
    await expect(phone.message('我的秘密问题')).toBeVisible();
    await expect(sheet.getByText('已在手机上打开')).toBeVisible();
    await sheet.getByRole('button', { name: '完成' }).click();
    await widget.input.fill('写了一半的话');

    await page.clock.runFor(59_000);
    await expect(page.getByRole('alertdialog', { name: '还在吗？' })).toBeHidden();
    await page.clock.runFor(2_000);
    await expect(page.getByRole('alertdialog', { name: '还在吗？' })).toBeVisible();
    await page.screenshot({ path: 'test-results/kiosk-idle.png' });
    await page.getByRole('button', { name: '我还在' }).click();
    await expect(page.getByRole('alertdialog', { name: '还在吗？' })).toBeHidden();
    await expect(widget.input).toHaveValue('写了一半的话');

    await page.clock.runFor(61_000);
    await expect(page.getByRole('alertdialog', { name: '还在吗？' })).toBeVisible();
    await page.clock.runFor(15_000);
    await expect(page.getByRole('heading', { name: '自助咨询' })).toBeVisible();
    // Nothing is left: neither on the page, nor in the address, nor in any storage.
    const left = await page.evaluate(() => ({
      text: document.documentElement.outerHTML,
      local: { ...localStorage },
      session: { ...sessionStorage },
      url: location.href,
    }));
    expect(left.text).not.toContain('我的秘密问题');
    expect(left.text).not.toContain('写了一半的话');
    expect(left.text).not.toContain('K731');
    expect(left.local).toEqual({});
    expect(left.session).toEqual({});
    expect(left.url).toBe(`${server.url}/widget.html?channel=kiosk&hall=pudong-1&item=residence-permit`);
    expect(await context.cookies()).toEqual([]);

    // The next person is another one.
    await widget.button('开始咨询').click();
    await expect(widget.thread).toBeVisible();
    await expect(widget.thread).not.toContainText('我的秘密问题');
    // The conversation itself is not lost: it goes on at the phone.
    await agent.say('您还在吗');
    await expect(phone.message('您还在吗')).toBeVisible();
    await expect(widget.thread).not.toContainText('您还在吗');
  });

  test.describe('that asks soon', () => {
    test.use({ settings: { KIOSK__IDLE_SECONDS: '2', KIOSK__ANSWER_SECONDS: '600' } });

    test('the question whether anybody is there can be heard and answered by the keyboard', async ({
      people,
      server,
    }) => {
      const page = await people.page({ viewport: { width: 1080, height: 1440 } });
      await page.goto(`${server.url}/widget.html?channel=kiosk&hall=pudong-1`);
      await page.getByRole('button', { name: '开始咨询' }).click();
      const question = page.getByRole('alertdialog', { name: '还在吗？' });
      await expect(question).toBeVisible();
      await isAccessible(page);
      await expect(question.getByRole('button', { name: '我还在' })).toBeFocused();
      await page.keyboard.press('Enter');
      await expect(question).toBeHidden();
    });
  });

  test('at a counter the hall is shown to the agent, and ending leaves nothing', async ({ people, server }) => {
    const page = await people.page({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${server.url}/widget.html?channel=counter&hall=jingan-2&ticket=B007`);
    const widget = new Widget(page);
    await widget.button('开始咨询').click();
    await widget.say('窗口上的问题');
    await widget.askHuman();
    const agent = await people.agent('agent1001');
    await expect(agent.offer).toContainText('大厅窗口');
    await widget.button('结束并清除').click();
    const sure = page.getByRole('alertdialog', { name: '结束并清除本机内容？' });
    await expect(sure).toBeVisible();
    await isAccessible(page);
    await sure.getByRole('button', { name: '结束并清除' }).click();
    await expect(page.getByRole('heading', { name: '自助咨询' })).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.outerHTML)).not.toContain('窗口上的问题');
    const board = await people.supervisor();
    await expect(board.page.getByTestId('channels')).toContainText('大厅窗口');
    await isAccessible(board.page);
  });

  test('a hall that is none is told to the staff there', async ({ people, server }) => {
    const page = await people.page();
    await page.goto(`${server.url}/widget.html?channel=kiosk&hall=${encodeURIComponent('浦东')}`);
    await page.getByRole('button', { name: '开始咨询' }).click();
    await expect(page.getByText('本机没有正确设置大厅编号')).toBeVisible();
    await isAccessible(page);
  });
});

/** Everything that was said and closed is so many days older. The server must be down. */
function age(server: Server, days: number): void {
  const ms = days * 86_400_000;
  const sql = `UPDATE conversation SET opened_at = opened_at - ${ms}, closed_at = closed_at - ${ms};
    UPDATE entry SET at = at - ${ms};`;
  execFileSync('sqlite3', [server.database, sql]);
}

/** Opening hours that do not contain this moment, whenever the story runs. */
function closedNow(): string {
  const hour = (new Date().getUTCHours() + 8) % 24;
  return hour < 12 ? '["13:00-20:00"]' : '["06:00-10:00"]';
}
