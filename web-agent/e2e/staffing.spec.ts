/** Staffing: requests from a file, the fewest agents that keep the promise beside the roster, cancelled and exported. */
import { readFileSync } from 'node:fs';
import { expect, isAccessible, test } from './support/fixtures';

/** Of every half hour from nine to noon so many. */
const file = (count: number) => ({
  name: '到达.csv',
  mimeType: 'text/csv',
  buffer: Buffer.from(
    `时间,数量\n${['09:00', '09:30', '10:00', '10:30', '11:00', '11:30'].map((time) => `${time},${count}`).join('\n')}\n`,
  ),
});

test('agents are needed for what is uploaded; the roster stands beside it', async ({ people }) => {
  const supervisor = await people.admin('super1');
  await supervisor.go('人力测算');
  const { page } = supervisor;
  await expect(page.getByText('所选日子没有请求')).toBeVisible();
  await expect(supervisor.button('开始测算')).toBeDisabled();
  await isAccessible(page);

  const upload = page.getByLabel('上传请求量（CSV）');
  await upload.setInputFiles({ name: 'bad.csv', mimeType: 'text/csv', buffer: Buffer.from('时间\n09:00,1\nnoon\n') });
  await expect(page.getByRole('alert')).toContainText('第 3 行');
  await upload.setInputFiles(file(6));
  await expect(page.getByText('已用文件 到达.csv（1 天）')).toBeVisible();
  await page.getByLabel('平均办理时长（秒）').fill('300');
  await page.getByLabel('平均耐心（秒）').fill('120');
  await supervisor.button('开始测算').click();
  const table = page.getByRole('table', { name: '人力测算' });
  await expect(table.getByRole('row', { name: /^09:00/ })).toBeVisible({ timeout: 60_000 });
  await isAccessible(page);
  // Six in half an hour for five minutes each are one agent's work: one alone does not keep the minute for nine in ten.
  const cells = (
    await table
      .getByRole('row', { name: /^10:00/ })
      .getByRole('cell')
      .allTextContents()
  ).map((text) => text.trim());
  const [requests, need, have, gap, within] = cells;
  expect(requests).toBe('6.0');
  expect(Number(need)).toBeGreaterThanOrEqual(2);
  expect(Number(need)).toBeLessThanOrEqual(5);
  expect(parseFloat(within!)).toBeGreaterThanOrEqual(90);
  const short = Number(need) - Number(have);
  expect(gap).toBe(short > 0 ? `▼ ${short}` : short === 0 ? '0' : `+${-short}`);
  await expect(page.getByRole('img', { name: /每半小时的请求、需要人数与排班人数/ })).toBeVisible();
  await page.getByText('测算方法').click();
  await expect(page.getByText(/同一套派单程序/)).toBeVisible();

  const download = page.waitForEvent('download');
  await supervisor.button('导出 CSV').click();
  const text = readFileSync((await (await download).path())!, 'utf8');
  expect(text).toContain(`10:00,6.0,${need},${have}`);

  // A long one is stopped.
  await upload.setInputFiles(file(600));
  await supervisor.button('开始测算').click();
  await supervisor.button('取消').click();
  await expect(page.getByText('测算已取消')).toBeVisible();
  await expect(supervisor.button('开始测算')).toBeEnabled();
});

test('an editor has no such screen', async ({ people }) => {
  const editor = await people.admin('editor1');
  await expect(editor.nav.getByRole('link', { name: '人力测算' })).toBeHidden();
});
