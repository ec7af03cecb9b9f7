/** What people read of a guided dialogue, on every page that shows one. */
import type { Checklist, GuideGiven, GuideOffer, ThreadBody } from '../../generated/protocol';
import { useWords } from '../words';

export const useGuideWords = () =>
  useWords(
    {
      name: '按步骤引导',
      start: (item: string) => `按步骤引导：${item}`,
      progress: (step: number, most: number) =>
        step === most ? `第 ${step} 步，最后一步` : `第 ${step} 步，最多 ${most} 步`,
      known: '已知',
      unknown: '不清楚',
      several: '以下情形都有可能，请选择最接近的一个',
      skipped: '不清楚，跳过',
      back: '返回上一步',
      restart: '重新开始',
      checklist: (name: string) => `办事清单：${name}`,
      conditions: '办理条件',
      materials: '所需材料',
      where: '在哪里办',
      duration: '多久',
      cost: '费用',
      link: '办理入口',
      source: '依据',
      copy: '复制清单',
      copied: '清单已复制',
      notCopied: '无法复制，请手动选择文字',
      print: '打印清单',
    },
    {
      name: 'Step by step',
      start: (item) => `Step by step: ${item}`,
      progress: (step, most) => (step === most ? `Step ${step}, the last one` : `Step ${step} of at most ${most}`),
      known: 'Known',
      unknown: 'not known',
      several: 'Each of these may be yours: choose the nearest one',
      skipped: 'I do not know, skip',
      back: 'Back one step',
      restart: 'Begin again',
      checklist: (name) => `Checklist: ${name}`,
      conditions: 'Conditions',
      materials: 'What to bring',
      where: 'Where',
      duration: 'How long',
      cost: 'Cost',
      link: 'Apply online',
      source: 'Source',
      copy: 'Copy the list',
      copied: 'Copied',
      notCopied: 'It could not be copied; please select the text',
      print: 'Print the list',
    },
  );

export type GuideWords = ReturnType<typeof useGuideWords>['value'];

/** A checklist as plain text: to copy, to read aloud. */
export function checklistText(list: Checklist, words: GuideWords): string {
  const lines = [words.checklist(list.name)];
  for (const [title, named] of [
    [words.conditions, list.conditions],
    [words.materials, list.materials],
  ] as const) {
    if (named.length === 0) continue;
    lines.push(title, ...named.map(({ name, detail }, at) => `${at + 1}. ${detail ? `${name}（${detail}）` : name}`));
  }
  const facts = { where: list.where, duration: list.duration, cost: list.cost, link: list.link, source: list.source };
  for (const [key, value] of Object.entries(facts)) {
    if (value) lines.push(`${words[key as keyof typeof facts]}：${value}`);
  }
  return lines.join('\n');
}

/** Where a dialogue stands, as an entry of 小申 says it. */
export type GuideBody = Extract<ThreadBody, { type: 'guide_asked' | 'guide_several' | 'guide_checklist' }>;

export const isGuide = (body: ThreadBody): body is GuideBody =>
  body.type === 'guide_asked' || body.type === 'guide_several' || body.type === 'guide_checklist';

/** The entry of 小申 at which the dialogue of a thread stands: the last one. */
export function guideAt<T extends { body: ThreadBody }>(entries: readonly T[]): (T & { body: GuideBody }) | null {
  for (let at = entries.length - 1; at >= 0; at -= 1) {
    const entry = entries[at]!;
    if (isGuide(entry.body)) return entry as T & { body: GuideBody };
  }
  return null;
}

/** The guided dialogue that 小申 offered last. */
export function offerIn(entries: readonly { body: ThreadBody }[]): GuideOffer | null {
  for (let at = entries.length - 1; at >= 0; at -= 1) {
    const { body } = entries[at]!;
    if ('guide' in body && body.guide) return body.guide;
  }
  return null;
}

/** What the citizen did, in words. */
export function stepText(body: Extract<ThreadBody, { type: 'guide_stepped' }>, words: GuideWords): string {
  switch (body.step) {
    case 'answer':
      return body.label;
    case 'skip':
      return words.skipped;
    case 'back':
      return words.back;
    case 'restart':
      return words.restart;
  }
}

/** An answer that was given, for whoever reads it. */
export const givenText = ({ label }: GuideGiven, words: GuideWords): string => label || words.unknown;
