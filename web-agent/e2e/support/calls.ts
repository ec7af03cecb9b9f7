/** People who speak by their browsers: a microphone that hears one tone, and the operator's panel. */
import { expect, type Page } from '@playwright/test';
import type { People } from './fixtures';

/** A page whose microphone hears one tone, so loud (1: the loudest sine). */
export async function pageOf(
  people: People,
  hertz: number,
  width: number,
  height: number,
  loudness = 1,
): Promise<Page> {
  const context = await people.context({ viewport: { width, height } });
  await context.grantPermissions(['microphone']);
  await context.addInitScript(
    ({ pitch, volume }) => {
      if (!navigator.mediaDevices) return;
      navigator.mediaDevices.getUserMedia = async () => {
        const audio = new AudioContext();
        const tone = audio.createOscillator();
        const gain = audio.createGain();
        tone.frequency.value = pitch;
        gain.gain.value = volume;
        const out = audio.createMediaStreamDestination();
        tone.connect(gain).connect(out);
        tone.start();
        await audio.resume();
        return out.stream;
      };
    },
    { pitch: hertz, volume: loudness },
  );
  return context.newPage();
}

/** Logs in at the operator's panel and is free. */
export async function openPanel(page: Page, base: string, login: string): Promise<void> {
  await page.goto(`${base}/operator.html`);
  await page.getByRole('textbox', { name: '工号' }).fill(login);
  await page.getByRole('textbox', { name: '密码' }).fill('bangban-demo');
  await page.getByRole('button', { name: '登录', exact: true }).click();
  const free = page.getByRole('radiogroup', { name: '我的状态' }).getByRole('radio', { name: '空闲可接' });
  await free.check({ force: true });
  await expect(free).toBeChecked();
}

/** Accepts what the queue offers, by the keyboard; the card takes no presses in its first moment. */
export async function acceptOffer(desk: Page): Promise<void> {
  await expect(desk.getByTestId('offer')).toBeVisible();
  await expect(async () => {
    await desk.keyboard.press('a');
    await expect(desk.getByTestId('offer')).toBeHidden({ timeout: 1_000 });
  }).toPass();
}
