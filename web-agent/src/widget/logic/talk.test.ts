import { expect, test } from 'vitest';
import { EndOfSpeech, withSaid } from './talk';

/** Levels 100 ms apart; when is it over? */
const over = (levels: number[]) => {
  const end = new EndOfSpeech();
  const at = levels.findIndex((level, n) => end.isOver(level, n * 100));
  return at < 0 ? null : at * 100;
};
const lasting = (level: number, ms: number) => Array<number>(ms / 100).fill(level);

test('speech is over after a pause, and not before anybody has spoken', () => {
  expect(over([...lasting(0.01, 2_000), ...lasting(0.3, 1_000), ...lasting(0.01, 3_000)])).toBe(4_700);
  // A breath in the middle is no end.
  expect(over([...lasting(0.3, 1_000), ...lasting(0.01, 1_500), ...lasting(0.3, 500)])).toBeNull();
  // Whoever says nothing is not listened to for ever.
  expect(over(lasting(0.01, 9_000))).toBe(8_000);
  // A hum that is no speech does not begin it, but goes on with it.
  expect(over(lasting(0.06, 9_000))).toBe(8_000);
  expect(over([...lasting(0.3, 500), ...lasting(0.06, 3_000)])).toBeNull();
});

test('what was said comes after what was written', () => {
  expect(withSaid('', '居住证')).toBe('居住证');
  expect(withSaid('请问 ', '居住证')).toBe('请问 居住证');
});
