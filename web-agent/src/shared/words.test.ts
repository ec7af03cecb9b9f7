import { effectScope, nextTick } from 'vue';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { language, useSharedWords, useWords } from './words';

afterEach(() => (language.value = 'zh'));

const shared = () => effectScope().run(() => useSharedWords().value)!;

/** Paths of all leaves with their texts. */
const leaves = (words: object, at = ''): [string, string][] =>
  Object.entries(words).flatMap(([key, word]): [string, string][] =>
    typeof word === 'string' ? [[`${at}${key}`, word]] : leaves(word as object, `${at}${key}.`),
  );

describe('shared words', () => {
  it('have the same keys in both languages, none empty, each list without two alike', () => {
    const zh = leaves(shared());
    language.value = 'en';
    const en = leaves(shared());
    expect(en.map(([key]) => key)).toEqual(zh.map(([key]) => key));
    for (const [, text] of [...zh, ...en]) expect(text.trim()).not.toBe('');
    // English has no Chinese left in it.
    for (const [key, text] of en) expect(`${key}: ${text}`).not.toMatch(/\p{Script=Han}/u);
  });

  it('name every SLA state, stage and outcome apart', () => {
    for (const chosen of ['zh', 'en'] as const) {
      language.value = chosen;
      const { stage, outcome, sla } = shared();
      for (const list of [stage, outcome, sla]) {
        expect(new Set(Object.values(list)).size).toBe(Object.values(list).length);
      }
    }
  });
});

it('a page follows the language at once, and tells screen readers which one it is', async () => {
  const words = effectScope().run(() => useWords({ hello: '您好' }, { hello: 'Hello' }))!;
  await nextTick();
  expect([words.value.hello, document.documentElement.lang]).toEqual(['您好', 'zh-CN']);
  language.value = 'en';
  await nextTick();
  expect([words.value.hello, document.documentElement.lang]).toEqual(['Hello', 'en']);
});

it.each([
  ['?lang=en', 'en'],
  ['?item=x&lang=en', 'en'],
  ['?lang=fr', 'zh'],
  ['', 'zh'],
])('the address %s asks for %s', async (search, wanted) => {
  vi.resetModules();
  window.history.replaceState(null, '', `/${search}`);
  const fresh = await import('./words');
  expect(fresh.language.value).toBe(wanted);
  window.history.replaceState(null, '', '/');
});
