import { describe, expect, it } from 'vitest';
import type { Question } from '../../generated/protocol';
import { sections, total } from './sheet';

const question = (section: string, points: number, fatal = false): Question => ({
  section,
  sectionEn: '',
  text: 'x',
  textEn: '',
  points,
  fatal,
});
const card = [question('a', 40), question('a', 35, true), question('b', 25)];

describe('the total', () => {
  it('is the sum, and nothing where a fatal question has no point', () => {
    expect(total(card, [40, 35, 25])).toBe(100);
    expect(total(card, [0, 1, 25])).toBe(26);
    expect(total(card, [40, 0, 25])).toBe(0);
  });

  it('is not there as long as points are missing', () => {
    expect(total(card, [40, null, 25])).toBeNull();
    expect(total(card, [])).toBeNull();
  });
});

it('neighbours with one heading are one section', () => {
  expect(sections([...card, question('a', 1)])).toEqual([
    { name: 'a', nameEn: 'a', places: [0, 1] },
    { name: 'b', nameEn: 'b', places: [2] },
    { name: 'a', nameEn: 'a', places: [3] },
  ]);
});
