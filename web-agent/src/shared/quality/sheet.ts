/** What points of a score card make together; the server counts the same (`domain::quality::score`). */
import type { InspectionAnswer, Question } from '../../generated/protocol';

/** Null: some question has no points yet. */
export function total(questions: readonly Question[], points: readonly (number | null)[]): number | null {
  if (questions.some((_, at) => points[at] === null || points[at] === undefined)) return null;
  if (questions.some(({ fatal }, at) => fatal && points[at] === 0)) return 0;
  return questions.reduce((sum, _, at) => sum + (points[at] ?? 0), 0);
}

export interface Section {
  name: string;
  nameEn: string;
  /** Places of its questions in the card. */
  places: number[];
}

/** Neighbours with the same heading stand together. */
export function sections(questions: readonly Question[]): Section[] {
  const found: Section[] = [];
  questions.forEach(({ section, sectionEn }, at) => {
    const last = found.at(-1);
    if (last?.name === section) last.places.push(at);
    else found.push({ name: section, nameEn: sectionEn || section, places: [at] });
  });
  return found;
}

export const pointsOf = (answers: readonly InspectionAnswer[]): (number | null)[] =>
  answers.map(({ points }) => points);
