import { effectScope } from 'vue';
import { afterEach, describe, expect, it } from 'vitest';
import { language } from '../shared/words';
import { useBoardWords } from './words';

afterEach(() => (language.value = 'zh'));

/** All texts of a tree of words; functions are called with one mark for each parameter. */
function texts(words: object): string[] {
  return Object.values(words).flatMap((word) =>
    typeof word === 'string'
      ? [word]
      : typeof word === 'function'
        ? [word(...Array.from({ length: word.length }, (_, i) => `<${i}>`))]
        : texts(word),
  );
}

describe('the words', () => {
  it.each(['zh', 'en'] as const)('in %s leave no text empty and use every parameter', (chosen) => {
    language.value = chosen;
    const words = effectScope().run(() => useBoardWords().value)!;
    for (const text of texts(words)) expect(text.trim()).not.toBe('');
    expect(words.lost.stale('<0>', '<1>')).toMatch(/<0>.*<1>/);
    expect(words.announce('<0>', '<1>')).toMatch(/<0>.*<1>/);
  });

  it('define the within-minute rate as DOMAIN does', () => {
    const words = effectScope().run(() => useBoardWords().value)!;
    for (const name of ['hourRate', 'todayRate'] as const) {
      expect(words.figures[name].full).toContain('60 秒内得到人工首次响应');
      expect(words.figures[name].full).toContain('短时离开');
      expect(words.figures[name].full).toContain('60 秒后才离开的计为未达');
    }
  });
});
