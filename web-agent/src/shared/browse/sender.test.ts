import { expect, test, vi } from 'vitest';
import { FrameSender, type Sent } from './sender';

function sender() {
  const answers: ((sent: Sent) => void)[] = [];
  const timers: { run: () => void; ms: number }[] = [];
  const said: string[] = [];
  const heard = { pause: vi.fn(), anew: vi.fn(), refused: vi.fn() };
  const frames = new FrameSender({
    send: (piece) => {
      said.push(piece);
      return new Promise((resolve) => answers.push(resolve));
    },
    ...heard,
    setTimeout: (run, ms) => timers.push({ run, ms }),
    clearTimeout: (timer) => timers.splice(timer - 1, 1),
  });
  const answer = async (sent: Sent) => {
    answers.shift()!(sent);
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { frames, said, heard, timers, answer };
}

test('pieces go one after the other', async () => {
  const { frames, said, answer } = sender();
  ['a', 'b', 'c'].forEach((piece) => frames.push(piece));
  expect(said).toEqual(['a']);
  await answer('sent');
  expect(said).toEqual(['a', 'b']);
  await answer('sent');
  await answer('sent');
  frames.push('d');
  expect(said).toEqual(['a', 'b', 'c', 'd']);
});

test('too much that waits is dropped, and the page shows itself anew when the way is free', async () => {
  const { frames, said, heard, timers, answer } = sender();
  frames.push('a');
  const large = 'x'.repeat(4 * 1024 * 1024);
  frames.push(large);
  expect(heard.pause).not.toHaveBeenCalled();
  frames.push(large);
  expect(heard.pause).toHaveBeenCalledTimes(1);
  frames.push('of no use');
  await answer('sent');
  expect(said).toEqual(['a']);
  expect(heard.anew).not.toHaveBeenCalled();
  timers.shift()!.run();
  expect(heard.anew).toHaveBeenCalledTimes(1);
  frames.push('b');
  expect(said).toEqual(['a', 'b']);
});

test('a server without room is asked again, less and less often', async () => {
  const { frames, timers, answer } = sender();
  const pauses: number[] = [];
  for (let time = 0; time < 6; time++) {
    frames.push('a');
    await answer('later');
    const timer = timers.shift()!;
    pauses.push(timer.ms);
    timer.run();
  }
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 16_000]);
});

test('what was refused is told, and what came after it does not fit any more', async () => {
  const { frames, said, heard, answer } = sender();
  frames.push('a');
  frames.push('b');
  await answer('refused');
  expect(heard.refused).toHaveBeenCalledTimes(1);
  expect(said).toEqual(['a']);
  frames.push('c');
  await answer('lost');
  expect(heard.refused).toHaveBeenCalledTimes(1);
  frames.reset();
  frames.push('d');
  expect(said).toEqual(['a', 'c', 'd']);
});
