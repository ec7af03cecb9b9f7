/**
 * Three-way calls in real browsers: a citizen's call from their page, an operator at their panel, a colleague in the console;
 * who hears whom by the tones of their microphones in consultation, merge and leaving; a reload keeps the leg.
 */
import { expect, isAccessible, test, type People } from './support/fixtures';
import { acceptOffer, openPanel, pageOf } from './support/calls';
import { Console } from './support/console';
import { Widget } from './support/widget';
import { windowBrowser } from './support/window';
import type { Page } from '@playwright/test';

test.use({
  launchOptions: windowBrowser,
  // Everything is on this machine.
  settings: { CALLS__LISTEN: '127.0.0.1', MEDIA__LISTEN: '127.0.0.1:0' },
});

const CITIZEN = 600;
const OPERATOR = 1_000;
const PROFESSIONAL = 1_500;

/** How loud each of the three tones is in what a page plays, in dB; -200: nothing is played. */
async function loudness(page: Page): Promise<Record<number, number>> {
  return page.evaluate(
    async (tones) => {
      const player = document.querySelector<HTMLAudioElement>('audio[data-testid=call-voice]');
      if (!player?.srcObject) return Object.fromEntries(tones.map((hertz) => [hertz, -200]));
      const context = new AudioContext();
      await context.resume();
      const analyser = context.createAnalyser();
      analyser.fftSize = 8_192;
      analyser.smoothingTimeConstant = 0;
      context.createMediaStreamSource(player.srcObject as MediaStream).connect(analyser);
      // The window of the transform is 0.17 s: several of them, and the loudest counts.
      const most = new Map(tones.map((hertz) => [hertz, -200]));
      const bins = new Float32Array(analyser.frequencyBinCount);
      for (let look = 0; look < 12; look++) {
        await new Promise((resolve) => setTimeout(resolve, 60));
        analyser.getFloatFrequencyData(bins);
        for (const hertz of tones) {
          const at = Math.round((hertz * analyser.fftSize) / context.sampleRate);
          most.set(hertz, Math.max(most.get(hertz)!, ...bins.slice(at - 2, at + 3)));
        }
      }
      await context.close();
      return Object.fromEntries(most);
    },
    [CITIZEN, OPERATOR, PROFESSIONAL],
  );
}

/** A page hears exactly these. */
async function hears(page: Page, ...tones: number[]): Promise<void> {
  await expect
    .poll(
      async () => {
        const loud = await loudness(page);
        return Object.entries(loud)
          .filter(([, decibel]) => decibel > -45)
          .map(([hertz]) => Number(hertz))
          .sort((a, b) => a - b);
      },
      { message: `hears ${tones.join(', ') || 'nobody'}`, timeout: 20_000 },
    )
    .toEqual([...tones].sort((a, b) => a - b));
}

async function operator(people: People, base: string, login: string): Promise<Page> {
  const page = await pageOf(people, OPERATOR, 1_440, 900);
  await openPanel(page, base, login);
  return page;
}

test('consulted, merged, left: everybody hears whom they should and nobody else; a reload keeps the leg', async ({
  people,
  server,
}) => {
  const desk = await operator(people, server.url, 'agent1001');
  const pane = desk.getByTestId('call-pane');
  const widget = await Widget.open(await pageOf(people, CITIZEN, 420, 860), server.url);
  const citizen = widget.page.getByTestId('citizen-call');

  // --- the citizen calls: asked first, then the queue, then the operator's panel rings -------------------------------
  await widget.button('电话沟通').click();
  await isAccessible(widget.page);
  await citizen.getByRole('button', { name: '同意并开始' }).click();
  await expect(citizen).toHaveAttribute('data-scene', 'waiting');
  await expect(desk.getByTestId('offer')).toBeVisible();
  await isAccessible(desk);
  // What was accepted here is not asked again.
  await acceptOffer(desk);
  await expect(pane).toHaveAttribute('data-scene', 'two');
  await expect(citizen).toHaveAttribute('data-scene', 'talking');
  await hears(desk, CITIZEN);
  await hears(widget.page, OPERATOR);
  await isAccessible(desk);
  await isAccessible(widget.page);
  // Who silences themselves is not heard, by their own page; and is again.
  await citizen.getByRole('button', { name: '静音', exact: true }).click();
  await expect(citizen).toContainText('您已静音');
  await hears(desk);
  await widget.page.reload();
  await expect(citizen).toContainText('您已静音');
  await hears(widget.page, OPERATOR);
  await hears(desk);
  await citizen.getByRole('button', { name: '取消静音' }).click();
  await hears(desk, CITIZEN);

  // --- a colleague of the department is found by name and consulted: the citizen hears neither of them ----------------
  const colleague = await Console.open(await pageOf(people, PROFESSIONAL, 1_440, 900), server.url, 'agent1002', '小休');
  const name = (await colleague.page.getByTestId('me').innerText()).trim();
  await desk.keyboard.press('c');
  await desk.keyboard.type(name);
  await expect(desk.getByTestId('colleague')).toHaveAttribute('aria-selected', 'true');
  await desk.keyboard.press('Enter');
  await expect(desk.getByTestId('attempt')).toHaveAttribute('data-cause', '');
  await expect(colleague.page.getByTestId('ring')).toContainText('请您加入');
  await isAccessible(colleague.page);
  await expect(async () => {
    await colleague.page.keyboard.press('Alt+A');
    await expect(colleague.page.getByTestId('call-card')).toBeVisible({ timeout: 1_000 });
  }).toPass();
  await expect(pane).toHaveAttribute('data-scene', 'consulting');
  await hears(desk, PROFESSIONAL);
  await hears(colleague.page, OPERATOR);
  const aside = await loudness(widget.page);
  expect(Math.max(aside[OPERATOR]!, aside[PROFESSIONAL]!)).toBeLessThan(-60);

  // --- merged: all hear all, and not themselves -----------------------------------------------------------------------
  await desk.keyboard.press('Alt+B');
  await expect(pane).toHaveAttribute('data-scene', 'three');
  await hears(desk, CITIZEN, PROFESSIONAL);
  await hears(colleague.page, CITIZEN, OPERATOR);
  await hears(widget.page, OPERATOR, PROFESSIONAL);
  await isAccessible(desk);
  await isAccessible(colleague.page);

  // --- a reload keeps the leg ------------------------------------------------------------------------------------------
  await desk.reload();
  await expect(pane).toHaveAttribute('data-scene', 'three');
  await hears(desk, CITIZEN, PROFESSIONAL);
  await hears(widget.page, OPERATOR, PROFESSIONAL);

  // --- the operator leaves the two, and says what it was ---------------------------------------------------------------
  await desk.keyboard.press('Alt+L');
  await expect(pane).toHaveAttribute('data-scene', 'gone');
  await hears(colleague.page, CITIZEN);
  await hears(widget.page, PROFESSIONAL);
  await expect(desk.getByTestId('wrap-up')).toBeVisible();
  await isAccessible(desk);

  // --- ... comes back, and the citizen hangs up -------------------------------------------------------------------------
  await desk.getByTestId('call-acts').locator('[data-act=return]').click();
  await expect(pane).toHaveAttribute('data-scene', 'three');
  await hears(widget.page, OPERATOR, PROFESSIONAL);
  await citizen.getByRole('button', { name: '挂断' }).click();
  await expect(colleague.page.getByTestId('call-over')).toContainText('挂断');
  await expect(desk.getByTestId('wrap-up')).toBeVisible();
  await desk.keyboard.press('1');
  await desk.keyboard.press('Control+Enter');
  await expect(desk.getByTestId('wrap-up')).toBeHidden();
});

test('nobody is reached: why, the caller reads until when, the task is on the board, and one press calls back', async ({
  people,
  server,
}) => {
  const desk = await operator(people, server.url, 'agent1001');
  const pane = desk.getByTestId('call-pane');
  const widget = await Widget.open(await pageOf(people, CITIZEN, 420, 860), server.url);
  const citizen = widget.page.getByTestId('citizen-call');
  await widget.button('电话沟通').click();
  await citizen.getByRole('button', { name: '同意并开始' }).click();
  await acceptOffer(desk);
  await expect(pane).toHaveAttribute('data-scene', 'two');

  // --- the colleague declines by the keyboard, and the operator reads why ----------------------------------------------
  const colleague = await Console.open(await pageOf(people, PROFESSIONAL, 1_440, 900), server.url, 'agent1002', '小休');
  const name = (await colleague.page.getByTestId('me').innerText()).trim();
  await desk.keyboard.press('c');
  await desk.keyboard.type(name);
  await expect(desk.getByTestId('colleague')).toHaveAttribute('aria-selected', 'true');
  await desk.keyboard.press('Enter');
  const ring = colleague.page.getByTestId('ring');
  await expect(async () => {
    await ring.getByRole('button', { name: /^拒接/ }).click();
    await expect(colleague.page.getByTestId('decline-why')).toBeVisible({ timeout: 1_000 });
  }).toPass();
  await isAccessible(colleague.page);
  await colleague.page.keyboard.press('2');
  await expect(ring).toBeHidden();
  await expect(desk.getByTestId('attempt')).toContainText('拒接（非本人业务）');
  await expect(widget.thread.getByText(/未能接通，将在 .* 前回电/)).toBeVisible();
  await isAccessible(desk);

  // --- the call is over; what it owes stands in the list and on the task board -----------------------------------------
  await citizen.getByRole('button', { name: '挂断' }).click();
  await expect(desk.getByTestId('wrap-up')).toBeVisible();
  await desk.keyboard.press('4');
  await desk.keyboard.press('Control+Enter');
  await expect(desk.getByTestId('wrap-up')).toBeHidden();
  await citizen.getByRole('button', { name: '关闭', exact: true }).click();
  const owed = desk.getByTestId('owed-call');
  await expect(owed).toHaveCount(1);
  await owed.getByRole('button', { name: /^认领/ }).click();
  await expect(owed).toContainText('我正在处理');
  await isAccessible(desk);
  const board = await people.admin('super1');
  await board.go('任务');
  const { page } = board;
  await page.getByRole('combobox', { name: '类型' }).selectOption('call_back');
  await page.getByRole('button', { name: /打开任务：回拨来电人/ }).click();
  await expect(page.getByRole('link', { name: '立即回拨' })).toHaveAttribute('href', /operator\.html\?back=cl_/);
  await isAccessible(page);

  // --- one press: the operator's own ring is taken by itself, then the citizen's page rings ------------------------------
  await owed.getByRole('button', { name: /^回拨/ }).click();
  await expect(citizen).toHaveAttribute('data-scene', 'rung');
  await citizen.getByRole('button', { name: '同意并接听' }).click();
  await expect(pane).toHaveAttribute('data-scene', 'two');
  await hears(widget.page, OPERATOR);
  await expect(owed).toHaveCount(0);
  await page.reload();
  await page.getByRole('combobox', { name: '状态' }).selectOption('done');
  await expect(page.getByRole('button', { name: /打开任务：回拨来电人/ })).toBeVisible();
});
