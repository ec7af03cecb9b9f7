import { expect, test } from 'vitest';
import type { ThreadBody } from '../../generated/protocol';
import { mandarin, spokenText } from './speech';

const voice = (lang: string, localService = true) => ({ lang, localService }) as SpeechSynthesisVoice;

test('only a Chinese voice reads Chinese; one on the device is preferred', () => {
  expect(mandarin([])).toBeNull();
  expect(mandarin([voice('en-US'), voice('ja-JP')])).toBeNull();
  expect(mandarin([voice('zh-CN', false), voice('zh-CN')])?.localService).toBe(true);
  expect(mandarin([voice('en-US'), voice('zh_CN', false)])?.lang).toBe('zh_CN');
  expect(mandarin([voice('cmn-Hans-CN')])?.lang).toBe('cmn-Hans-CN');
  // Cantonese and Taiwanese voices read other words.
  expect(mandarin([voice('zh-HK'), voice('zh-TW')])).toBeNull();
});

test('what is read aloud is what is shown, unless the entry has words of its own for it', () => {
  const answer = {
    type: 'bot_answer',
    entry: 'kb-1',
    question: 'Q',
    text: '请**本人**办理',
    source: 'S',
  } as ThreadBody;
  expect(spokenText(answer)).toBe('请 本人 办理');
  const rephrased = { ...answer, rephrased: { text: '请您本人办理', by: 'm' } } as ThreadBody;
  expect(spokenText(rephrased)).toBe('请您本人办理');
  expect(spokenText({ ...rephrased, spoken: '本人办' } as ThreadBody)).toBe('本人办');
});
