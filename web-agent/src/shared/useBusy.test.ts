import { expect, test } from 'vitest';
import { useBusy } from './useBusy';

test('a second press does nothing, and after a failure one may try again', async () => {
  const failures: unknown[] = [];
  const { isBusy, attempt } = useBusy((error) => failures.push(error));
  let done = 0;
  let finish = () => {};
  const slow = attempt(async () => {
    await new Promise<void>((resolve) => (finish = resolve));
    done += 1;
  });
  await attempt(async () => void (done += 10));
  expect([isBusy.value, done]).toEqual([true, 0]);
  finish();
  await slow;
  expect([isBusy.value, done]).toEqual([false, 1]);
  await attempt(() => Promise.reject(new Error('no')));
  expect([isBusy.value, failures]).toEqual([false, [new Error('no')]]);
});
