/** Personal data is masked for staff, shown for a minute with a reason, and every page of staff says whose it is. */
import type { Page } from '@playwright/test';
import { expect, isAccessible, test } from './support/fixtures';

const PHONE = '13912345678';
const MASKED = '139****5678';

/** How many pixels of a part of the page differ by how much when the watermark is taken away; 0..255 of grey. */
async function watermarkPixels(page: Page, clip: { x: number; y: number; width: number; height: number }) {
  const marked = await page.screenshot({ clip, animations: 'disabled' });
  await page.getByTestId('watermark').evaluate((mark) => (mark.style.visibility = 'hidden'));
  const plain = await page.screenshot({ clip, animations: 'disabled' });
  await page.getByTestId('watermark').evaluate((mark) => (mark.style.visibility = ''));
  return page.evaluate(
    async ([one, two]) => {
      const pixels = async (base64: string) => {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
        const canvas = new OffscreenCanvas(image.width, image.height);
        const context = canvas.getContext('2d')!;
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, image.width, image.height).data;
      };
      const [a, b] = [await pixels(one!), await pixels(two!)];
      let changed = 0;
      let most = 0;
      for (let at = 0; at < a.length; at += 4) {
        const difference = Math.abs(a[at]! - b[at]!);
        if (difference > 0) changed += 1;
        most = Math.max(most, difference);
      }
      return { share: changed / (a.length / 4), most };
    },
    [marked.toString('base64'), plain.toString('base64')],
  );
}

test('masked for the agent, shown with a reason, masked again after a minute', async ({ people }) => {
  const citizen = await people.citizen();
  await citizen.askHuman();
  const agent = await people.agent('agent1001');
  await agent.accept();
  await citizen.say(`我的电话${PHONE}`);
  await expect(citizen.message(PHONE)).toBeVisible();
  await expect(agent.message(MASKED)).toBeVisible();
  await expect(agent.page.getByText(PHONE)).toHaveCount(0);
  await isAccessible(agent.page);

  // Without a reason nothing is shown.
  const eye = agent.message(MASKED).getByRole('button', { name: '查看完整内容' });
  await eye.click();
  const dialog = agent.page.getByRole('dialog', { name: '查看完整信息' });
  await expect(dialog).toContainText('审计日志');
  await isAccessible(agent.page);
  await dialog.getByRole('button', { name: '查看', exact: true }).click();
  await expect(dialog.getByRole('alert')).toHaveText('请选择查看理由');
  await dialog.getByRole('radio', { name: '其他理由' }).check();
  await dialog.getByRole('textbox', { name: '填写理由' }).fill('看看');
  await dialog.getByRole('button', { name: '查看', exact: true }).click();
  await expect(dialog.getByRole('alert')).toContainText('至少 4 个字');
  await expect(agent.page.getByText(PHONE)).toHaveCount(0);

  await dialog.getByRole('radio', { name: '回电联系办事人' }).check();
  await dialog.getByRole('button', { name: '查看', exact: true }).click();
  await expect(dialog).toBeHidden();
  await expect(agent.message(PHONE)).toBeVisible();
  // The telephone of the portal, beside the thread; hidden by hand.
  const panel = agent.page.getByRole('complementary', { name: '市民与答复口径' });
  await panel.getByRole('button', { name: '查看完整联系电话' }).click();
  await dialog.getByRole('radio', { name: '回电联系办事人' }).check();
  await dialog.getByRole('button', { name: '查看', exact: true }).click();
  await expect(panel).toContainText('13800138001');
  await isAccessible(agent.page);
  await panel.getByRole('button', { name: '隐藏联系电话' }).click();
  await expect(panel).toContainText('138****8001');

  await expect(agent.message(MASKED)).toBeVisible({ timeout: 70_000 });
  await expect(agent.page.getByText(PHONE)).toHaveCount(0);
});

test('the watermark is in every screenshot, faint, and takes no clicks', async ({ people }) => {
  const agent = await people.agent('agent1001');
  const board = await people.supervisor();
  for (const [page, name] of [
    [agent.page, '李敏'],
    [board.page, '吴督导'],
  ] as const) {
    const mark = page.getByTestId('watermark');
    await expect(mark).toContainText(name);
    await expect(mark).toContainText(/\d{4}-\d{2}-\d{2} \d{2}:\d{2}/);
    // Any piece of the page that is as large as a message has some of it.
    for (const [x, y] of [
      [40, 300],
      [700, 400],
      [1_000, 600],
    ] as const) {
      const { share, most } = await watermarkPixels(page, { x, y, width: 400, height: 220 });
      expect(share, `${name} at ${x},${y}`).toBeGreaterThan(0.002);
      expect(most, `${name} at ${x},${y}`).toBeGreaterThanOrEqual(4);
      // Faint: text below keeps its contrast.
      expect(most, `${name} at ${x},${y}`).toBeLessThanOrEqual(20);
    }
    await isAccessible(page);
    // What lies below is clicked, not the mark.
    const hit = await page.evaluate(() =>
      document.elementFromPoint(700, 400)?.closest('svg')?.getAttribute('data-testid'),
    );
    expect(hit ?? null).toBeNull();
    await page.emulateMedia({ media: 'print' });
    await expect(mark).toBeVisible();
    await page.emulateMedia({ media: 'screen' });
  }
  await agent.choose('小休');
});
