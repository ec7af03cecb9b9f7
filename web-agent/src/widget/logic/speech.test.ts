import { expect, test } from 'vitest';
import { mandarin } from './speech';

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
