/** Calls: departments' telephones from a file and by hand, a duty of one day, its copy and its way back. */
import { readFileSync } from 'node:fs';
import { expect, isAccessible, test } from './support/fixtures';

test('telephones are imported, found and changed', async ({ people }) => {
  const admin = await people.admin();
  await admin.go('转接号码');
  const { page } = admin;
  await page.getByRole('searchbox').fill('企业登记专线');
  await expect(page.getByRole('table').getByRole('button')).toHaveCount(2);
  await isAccessible(page);

  await page.getByRole('link', { name: '导入' }).click();
  const [download] = await Promise.all([page.waitForEvent('download'), admin.button('下载现有号码作模板').click()]);
  const lines = readFileSync(await download.path(), 'utf8')
    .replace(/^\ufeff/, '')
    .trimEnd()
    .split(/\r?\n/);
  const made = [
    'story-1,故事窗口一,021-00009001,上海市公安局,,居住证办理,1,是,否,',
    // The same telephone of the same unit.
    'story-2,故事窗口二,021 0000 9001,上海市公安局,,,,,,',
  ];
  const file = { name: 'numbers.csv', mimeType: 'text/csv', buffer: Buffer.from([lines[0], ...made].join('\r\n')) };
  await page.locator('input[type=file]').setInputFiles(file);
  await admin.button('试运行').click();
  await expect(page.getByTestId('import-problems')).toContainText('同一单位的同一号码');
  await page.getByRole('checkbox', { name: /跳过 1 个有误的行/ }).check();
  await admin.button('导入 1 条').click();
  await expect(admin.toasts).toContainText('已导入 1 个号码');
  await page.getByRole('link', { name: '返回转接号码' }).last().click();

  await admin.open('故事窗口一');
  await expect(admin.field('号码')).toHaveValue('021-00009001');
  await page.getByRole('checkbox', { name: '暂不呼叫' }).check();
  await admin.save();
  // Beside an open record the table has its first columns only.
  await page.getByRole('button', { name: '关闭', exact: true }).click();
  await expect(page.getByRole('table')).toContainText('停用');
});

test('in a week of a department a duty of one day is put in, copied and taken back', async ({ people }) => {
  const admin = await people.admin();
  await admin.go('通话值班');
  const { page } = admin;
  // The demo's shifts leave no gap.
  await expect(page.getByText('本周每条业务线的每个服务时段都有人值班')).toBeVisible();
  await isAccessible(page);
  await admin.pick('按部门', '上海市人力资源和社会保障局');

  await expect(page.getByTestId('duty-number').first()).toContainText('演示号码（虚构）');
  const grid = page.getByRole('grid', { name: '排班表' });
  await expect(grid).toBeVisible();
  await isAccessible(page);
  await admin.button('下一周').click();
  await admin.button('新建班次').click();
  await admin.pick('帮办员', '张伟民');
  await page.getByLabel(/^开始/).fill('20:00');
  await page.getByLabel(/^结束/).fill('21:30');
  await admin.save();
  const evening = grid.getByRole('button', { name: /20:00–21:30/ });
  await expect(evening).toHaveCount(1);

  await admin.button('复制到下一周').click();
  await expect(admin.toasts).toContainText('已复制 1 个单日班次');
  await expect(evening).toHaveCount(1);
  await admin.toasts.getByRole('button', { name: '撤销' }).click();
  await expect(admin.toasts).toContainText('已撤销复制');
  await expect(evening).toHaveCount(0);
  await admin.button('上一周').click();
  await expect(evening).toHaveCount(1);
});

test('a shift that is taken away leaves a gap, which leads to its department, and its return closes it', async ({
  people,
}) => {
  const admin = await people.admin();
  await admin.go('通话值班');
  const { page } = admin;
  const whole = page.getByText('本周每条业务线的每个服务时段都有人值班');
  await expect(whole).toBeVisible();
  await admin.pick('按部门', '上海市公安局');
  const grid = page.getByRole('grid', { name: '排班表' });
  // At night one person alone is on duty, another one on some of the days.
  await grid
    .getByRole('button', { name: /00:00–08:30/ })
    .first()
    .click();
  await admin.remove();
  await page.getByRole('link', { name: '返回全部空档' }).click();
  const gap = page.getByTestId('duty-hole');
  await expect(gap).toHaveCount(1);
  await expect(gap).toContainText('上海市公安局');
  await expect(gap).toContainText(/周(一至周四|五至周日) 00:00–08:30：无人值班/);
  await isAccessible(page);
  await gap.getByRole('link', { name: /^查看 .*上海市公安局 的值班$/ }).click();
  await expect(grid).toBeVisible();
  await admin.toasts.getByRole('button', { name: '撤销' }).click();
  await page.getByRole('link', { name: '返回全部空档' }).click();
  await expect(whole).toBeVisible();
});

test.describe('with calls of the last days', () => {
  test.use({ settings: { history: 'yes' } });

  test('the figures of calls are filled in the demo, and say so', async ({ people }) => {
    const figures = await people.admin('super1');
    await figures.page.goto(new URL('/figures', figures.page.url()).href);
    const { page } = figures;
    await page.getByRole('navigation', { name: '指标页面' }).getByRole('link', { name: '通话' }).click();
    await page.getByRole('button', { name: '近 7 日' }).click();
    await expect(page.getByTestId('has-demo')).toContainText('演示数据');
    const rate = page.getByTestId('call-connect').locator('[data-value]');
    await expect(rate).toHaveText(/^9\d\.\d%$/);
    await expect(page.getByTestId('decline-line').first()).toBeVisible();
    await isAccessible(page);
    await page.getByTestId('call-connect').getByRole('button').click();
    await expect(page.getByTestId('row').first()).toBeVisible();
    await expect(page.getByText('含演示数据（虚构）')).toBeVisible();
  });
});
