import { expect, test } from 'vitest';
import type { Checklist, ThreadBody } from '../../generated/protocol';
import { checklistText, guideAt, offerIn, stepText, useGuideWords } from './words';

const words = useGuideWords().value;
const walk = { item: 'passport', itemName: '普通护照签发', revision: 1, given: [], known: [] };
const entry = (seq: number, body: ThreadBody) => ({ seq, body });
const several: ThreadBody = { type: 'guide_several', walk, situations: [] };

test('a dialogue stands at its last entry, and what was offered last is offered', () => {
  const offer = { item: 'passport', itemName: '普通护照签发' };
  const entries = [
    entry(1, { type: 'bot_greeting', itemName: null, suggestions: [], guide: offer }),
    entry(2, several),
    entry(3, { type: 'guide_stepped', on: 2, step: 'restart', question: '', label: '' }),
    entry(4, several),
    entry(5, { type: 'text', text: '谢谢' }),
  ];
  expect(guideAt(entries)?.seq).toBe(4);
  expect(offerIn(entries)).toEqual(offer);
  expect(guideAt([])).toBeNull();
  expect(offerIn(entries.slice(1))).toBeNull();
});

test('a checklist as text names what there is, in order, and nothing that is not', () => {
  const list: Checklist = {
    situation: 'lost',
    name: '遗失补发',
    conditions: [],
    materials: [
      { name: '居民身份证', detail: '原件', source: '' },
      { name: '照片', detail: '', source: '' },
    ],
    where: '出入境受理点',
    duration: '7 个工作日',
    cost: '120 元',
    link: '',
    source: '办事指南',
  };
  expect(checklistText(list, words)).toBe(
    '办事清单：遗失补发\n所需材料\n1. 居民身份证（原件）\n2. 照片\n在哪里办：出入境受理点\n多久：7 个工作日\n费用：120 元\n依据：办事指南',
  );
});

test('what the citizen did is told in words', () => {
  const step = (kind: 'answer' | 'skip' | 'back' | 'restart', label = '') =>
    stepText({ type: 'guide_stepped', on: 1, step: kind, question: '', label }, words);
  expect([step('answer', '首次'), step('skip'), step('back'), step('restart')]).toEqual([
    '首次',
    '不清楚，跳过',
    '返回上一步',
    '重新开始',
  ]);
  expect([words.progress(2, 4), words.progress(4, 4)]).toEqual(['第 2 步，最多 4 步', '第 4 步，最后一步']);
});
