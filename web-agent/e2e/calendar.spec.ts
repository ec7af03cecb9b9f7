/** Service hours that are not as usual: an emergency closure, hours of single days, the published years. */
import { writeFileSync } from 'node:fs';
import { expect, isAccessible, test } from './support/fixtures';

test('a supervisor closes the service at once, people leave a message, and it is opened again', async ({ people }) => {
  const widget = await people.citizen();
  const supervisor = await people.admin('super1');
  await supervisor.go('公告');
  await supervisor.button('新建公告').click();
  await supervisor.page.getByRole('radio', { name: /^故障/ }).check();
  await supervisor.field('内容').fill('机房断电，人工服务暂停，恢复后将逐一回电。');
  await supervisor.page.getByRole('checkbox', { name: '展示期间停止接受人工请求' }).check();
  await supervisor.save();

  await expect(widget.root.getByTestId('notices')).toContainText('机房断电');
  await widget.human.click();
  const form = widget.root.getByRole('dialog', { name: '给工作人员留言' });
  await expect(form.getByRole('radio').first()).toBeVisible();
  await isAccessible(widget.page);
  await widget.page.keyboard.press('Escape');

  await supervisor.remove();
  await expect(widget.root.getByTestId('notices')).not.toContainText('机房断电');
  await widget.askHuman();
});

test('hours of single days are set, shown and taken back', async ({ people, guard }) => {
  guard.allow(/status of 400/);
  const admin = await people.admin();
  await admin.nav.getByRole('link', { name: '服务日历', exact: true }).click();
  await expect(admin.page.getByText('没有特殊时段')).toBeVisible();
  await admin.button('新建特殊时段').click();
  await admin.page.getByLabel('第一天').fill('2026-12-05');
  await admin.page.getByLabel('最后一天').fill('2026-12-05');
  await admin.field('说明').fill('周六延时服务');
  await admin.button('添加时段').click();
  await isAccessible(admin.page);
  await admin.save();
  const table = admin.page.getByRole('table').first();
  await expect(table).toContainText('2026-12-05');
  await expect(table).toContainText('09:00-12:00 13:00-16:00');
  // The end before the begin is named where it is.
  await admin.page.getByLabel('最后一天').fill('2026-12-04');
  await admin.page.getByRole('button', { name: /^保存/ }).click();
  await expect(admin.page.getByText('不能早于第一天')).toBeVisible();
  await admin.page.getByLabel('最后一天').fill('2026-12-06');
  await admin.page.getByRole('button', { name: '删除第 2 段' }).click();
  await admin.page.getByRole('button', { name: '删除第 1 段' }).click();
  await expect(admin.page.getByText('全天不提供人工服务')).toBeVisible();
  await admin.save();
  await expect(table).toContainText('不服务');
  await admin.remove();
  await expect(table).not.toContainText('2026-12-05');
});

test('a year is imported from the published file, and again changes nothing', async ({ people }, info) => {
  const admin = await people.admin();
  await admin.nav.getByRole('link', { name: '服务日历', exact: true }).click();
  await admin.page.getByRole('tab', { name: '节假日与调休' }).click();
  await expect(admin.page.getByText('没有另外录入的年份')).toBeVisible();
  const file = info.outputPath('2027.json');
  const years = {
    2027: { days_off: [{ date: '2027-01-01', name: '元旦' }], work_days: [{ date: '2027-01-03', name: '元旦' }] },
  };
  writeFileSync(file, JSON.stringify({ years }));
  const input = admin.page.locator('input[type=file]');
  await input.setInputFiles(file);
  await expect(admin.toasts).toContainText('已导入 2027 年');
  await input.setInputFiles(file);
  await expect(admin.toasts).toContainText('没有变化');
  await admin.open('2027');
  await expect(admin.page.getByLabel('日期 1').first()).toHaveValue('2027-01-01');
  await isAccessible(admin.page);
  // What is no calendar is refused before anything is written.
  writeFileSync(file, '{"years":{}}');
  await input.setInputFiles(file);
  await expect(admin.toasts).toContainText('不是日历文件');
});
