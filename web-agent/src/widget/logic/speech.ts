/** Reading aloud, if this browser has a Chinese voice. */
import { readonly, ref } from 'vue';
import type { ThreadBody } from '../../generated/protocol';

const engine: SpeechSynthesis | undefined = globalThis.speechSynthesis;

/** The best voice for Mandarin: one on the device before one from a service. */
export function mandarin(voices: readonly SpeechSynthesisVoice[]): SpeechSynthesisVoice | null {
  const chinese = voices.filter(({ lang }) => /^(zh|cmn)([-_](CN|Hans)|$)/i.test(lang));
  return chinese.find((voice) => voice.localService) ?? chinese[0] ?? null;
}

const voice = ref<SpeechSynthesisVoice | null>(null);
const reading = ref<string | null>(null);

const look = () => {
  voice.value = mandarin(engine?.getVoices() ?? []);
};
look();
// Chromium knows its voices only after a while.
engine?.addEventListener?.('voiceschanged', look);

/** Can we read aloud? */
export const canRead = readonly(voice);
/** Key of what is being read. */
export const readingKey = readonly(reading);

/** What is said of an answer in its place: the entry's own short words, else what is shown, without its marks. */
export function spokenText(body: ThreadBody): string | null {
  if (body.type !== 'bot_answer') return null;
  return body.spoken ?? unmarked(body.rephrased?.text ?? body.text);
}

/** Markdown as somebody would read it out. */
export const unmarked = (markdown: string): string =>
  markdown
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^[ \t]*(#{1,6}|[-*+]|>)[ \t]+/gm, '')
    .replace(/^[ \t]*\|?[ \t:|-]{3,}\|?[ \t]*$/gm, '')
    .replace(/[*_`~|]+/g, ' ')
    .replace(/[ \t]+/g, ' ')
    .trim();

export function stopReading(): void {
  engine?.cancel();
  reading.value = null;
}

/** Reads a text; `key` tells which one. */
export function readAloud(key: string, text: string): void {
  if (!engine || !voice.value) return;
  stopReading();
  const speech = new SpeechSynthesisUtterance(text);
  speech.voice = voice.value;
  speech.lang = voice.value.lang;
  speech.rate = 0.9;
  const ended = () => {
    if (reading.value === key) reading.value = null;
  };
  speech.onend = ended;
  speech.onerror = ended;
  reading.value = key;
  engine.speak(speech);
}
