import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { BotOption } from '../../generated/protocol';
import { createSuggestions, PAUSE } from './suggest';

const option = (entry: string): BotOption => ({ entry, question: `${entry}?` });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('it asks once, a moment after the last key, and shows what was found', async () => {
  const ask = vi.fn((text: string) => Promise.resolve([option(text)]));
  const suggestions = createSuggestions(ask);
  suggestions.typed('居住');
  await vi.advanceTimersByTimeAsync(PAUSE - 1);
  suggestions.typed('居住证');
  await vi.advanceTimersByTimeAsync(PAUSE - 1);
  expect(ask).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(ask.mock.calls).toEqual([['居住证']]);
  expect(suggestions.options.value).toEqual([option('居住证')]);
});

test('an answer that comes late is of no use, and neither is one that fails', async () => {
  const answers: ((found: BotOption[]) => void)[] = [];
  const suggestions = createSuggestions(() => new Promise((resolve) => answers.push(resolve)));
  suggestions.typed('居住证');
  await vi.advanceTimersByTimeAsync(PAUSE);
  suggestions.typed('身份证');
  answers[0]!([option('late')]);
  await vi.advanceTimersByTimeAsync(PAUSE);
  expect(suggestions.options.value).toEqual([]);
  answers[1]!([option('id')]);
  await vi.advanceTimersByTimeAsync(0);
  expect(suggestions.options.value).toEqual([option('id')]);
  const failing = createSuggestions(() => Promise.reject(new Error('rate_limited')));
  failing.typed('居住证');
  await vi.advanceTimersByTimeAsync(PAUSE);
  expect(failing.options.value).toEqual([]);
});

test.each(['', ' 居 ', '居'.repeat(61), '居住证\n丢了'])('%j is not looked up', async (text) => {
  const ask = vi.fn(() => Promise.resolve([option('a')]));
  const suggestions = createSuggestions(ask);
  suggestions.typed(text);
  await vi.advanceTimersByTimeAsync(PAUSE * 2);
  expect(ask).not.toHaveBeenCalled();
});

test('the keyboard goes through them and back to the text', async () => {
  const suggestions = createSuggestions(() => Promise.resolve([option('a'), option('b')]));
  suggestions.typed('居住证');
  await vi.advanceTimersByTimeAsync(PAUSE);
  const places: number[] = [];
  for (const by of [1, 1, 1, 1, -1, -1, -1] as const) {
    suggestions.move(by);
    places.push(suggestions.active.value);
  }
  expect(places).toEqual([0, 1, -1, 0, -1, 1, 0]);
  suggestions.close();
  expect([suggestions.options.value, suggestions.active.value]).toEqual([[], -1]);
  suggestions.move(1);
  expect(suggestions.active.value).toBe(-1);
});
