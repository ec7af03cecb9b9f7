import { expect, test } from 'vitest';
import {
  addChoice,
  dropChoice,
  dropQuestion,
  emptyGuide,
  fits,
  materialsOf,
  materialsText,
  moved,
  noHistory,
  noted,
  placeOf,
  redone,
  toggleFit,
  undone,
  withAbout,
  withQuestion,
} from './guide';

test('a new guide has two situations that its one question tells apart', () => {
  const guide = emptyGuide();
  expect(guide.situations.map((one) => one.fits)).toEqual([
    [{ question: 'q1', choices: ['c1'] }],
    [{ question: 'q1', choices: ['c2'] }],
  ]);
});

test('what is gone is depended on by nobody', () => {
  const three = toggleFit(addChoice(emptyGuide(), 0), 0, 'q1', 'c3');
  expect(three.situations[0]!.fits).toEqual([{ question: 'q1', choices: ['c1', 'c3'] }]);
  expect(dropChoice(three, 0, 0).situations[0]!.fits).toEqual([{ question: 'q1', choices: ['c3'] }]);
  expect(dropQuestion(three, 0).situations.every((one) => one.fits.length === 0)).toBe(true);
  // A code that was there is not given twice.
  expect(addChoice(dropChoice(three, 0, 0), 0).questions[0]!.choices.map((one) => one.code)).toEqual([
    'c2',
    'c3',
    'c4',
  ]);
});

test('a question that no choice fits does not matter to the situation', () => {
  const guide = toggleFit(emptyGuide(), 0, 'q1', 'c1');
  expect(guide.situations[0]!.fits).toEqual([]);
  expect(fits(guide.situations[0]!, 'q1', 'c1')).toBe(false);
});

test('who asks has two answers whose situations follow', () => {
  const guide = withAbout(addChoice(emptyGuide(), 0), 0, 'audience');
  expect(guide.questions[0]!.choices.map((one) => one.code)).toEqual(['person', 'enterprise']);
  expect(guide.situations[1]!.fits).toEqual([{ question: 'q1', choices: ['enterprise'] }]);
  const back = withAbout(guide, 0, 'other');
  expect(back.situations[1]!.fits).toEqual([{ question: 'q1', choices: ['c2'] }]);
});

test('typing on in one field is one step, and steps are undone and done again', () => {
  const [a, b, c] = ['一', '一二', '一二三'].map((text) => withQuestion(emptyGuide(), 0, { text }));
  let history = noted(noHistory, a!, 'q0.text');
  history = noted(history, b!, 'q0.text');
  history = noted(history, c!, '');
  const first = undone(history, emptyGuide())!;
  expect(first[1]).toBe(c);
  const second = undone(first[0], first[1])!;
  expect(second[1]).toBe(a);
  expect(undone(second[0], second[1])).toBeNull();
  expect(redone(second[0], second[1])![1]).toBe(c);
});

test('documents are written one a line and read back', () => {
  const materials = materialsOf('居民身份证｜原件\n\n 照片 \n复印件|一份|盖章');
  expect(materials).toEqual([
    { name: '居民身份证', note: '原件' },
    { name: '照片', note: '' },
    { name: '复印件', note: '一份｜盖章' },
  ]);
  expect(materialsOf(materialsText(materials))).toEqual(materials);
});

test('the server’s name of a field leads to its place', () => {
  expect(placeOf('questions[1].choices[2].words[0]')).toEqual({ part: 'questions', at: 1, choice: 2, field: 'words' });
  expect(placeOf('questions[3].choices[1]')).toEqual({ part: 'questions', at: 3, choice: 1, field: '' });
  expect(placeOf('situations[4].fits[0].choices')).toEqual({ part: 'situations', at: 4, choice: null, field: 'fits' });
  expect(placeOf('questions')).toEqual({ part: null, at: 0, choice: null, field: 'questions' });
  expect(moved(['a', 'b', 'c'], 2, -1)).toEqual(['a', 'c', 'b']);
  expect(moved(['a'], 0, -1)).toEqual(['a']);
});
