/** Out of service hours nobody is turned away: a message, a receipt, a promised time. */
import { rows } from './support/recount';
import { expect, test } from './support/fixtures';

/** Opening hours that do not contain this moment, whenever the story runs. */
const closedNow = () => {
  const hour = (new Date().getUTCHours() + 8) % 24;
  return hour < 12 ? '["13:00-20:00"]' : '["06:00-10:00"]';
};

test.use({ settings: { SERVICE__HOURS: 'calendar', SERVICE__PERIODS: closedNow() } });

test('a message is left with a telephone number and a time, and has a receipt; the board knows', async ({
  people,
  server,
}) => {
  const board = await people.supervisor();
  await expect(board.page.getByTestId('service')).toContainText('非服务时间');
  await board.equalsRecount([]);
  const widget = await people.citizen();
  await widget.human.click();
  const form = widget.root.getByRole('dialog', { name: '给工作人员留言' });
  await expect(form).toBeVisible();
  const submit = form.getByRole('button', { name: '提交留言' });
  // What is missing is named, and what was written stays.
  await submit.click();
  await expect(form.getByRole('alert').filter({ hasText: /./ }).first()).toBeVisible();
  await form.getByRole('textbox', { name: '您的问题' }).fill('房东不肯配合，想问居住证怎么办');
  await form.getByRole('textbox', { name: '联系电话' }).fill('13800138001');
  const slot = form.getByRole('radio').first();
  await slot.check({ force: true });
  await submit.click();
  const done = widget.root.getByRole('dialog', { name: '留言已收到' });
  const receipt = (await done.getByTestId('receipt-number').innerText()).trim();
  expect(rows(server, `SELECT kind FROM receipt WHERE receipt = '${receipt}'`)).toEqual([{ kind: 'message' }]);
  await done.getByRole('button', { name: '完成' }).click();
  await expect(widget.root.getByRole('region', { name: '预约回复' })).toBeVisible();
  await expect(board.figure('callBacks')).toHaveText('1');
  await board.equalsRecount([]);

  // A reload finds it again, and it can be taken back.
  await widget.page.reload();
  const promised = widget.root.getByRole('region', { name: '预约回复' });
  await expect(promised).toBeVisible();
  await promised.getByRole('button', { name: '取消预约' }).click();
  await widget.root.getByRole('alertdialog').getByRole('button', { name: '取消预约' }).click();
  await expect(promised).toBeHidden();
  await expect(board.figure('callBacks')).toHaveText('0');
  await board.equalsRecount([]);
});
