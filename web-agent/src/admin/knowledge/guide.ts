/** A guided dialogue while somebody writes it: every change gives the next one, and leaves what it was for undoing. Pure. */
import type {
  GuideAbout,
  GuideChoice,
  GuideContent,
  GuideMaterial,
  GuideQuestion,
  GuideSituation,
} from '../../generated/protocol';

/** A code that no other has: nobody reads them, but what is published keeps its own. */
function free(prefix: string, taken: readonly { code: string }[]): string {
  for (let n = taken.length + 1; ; n += 1) {
    if (!taken.some((one) => one.code === `${prefix}${n}`)) return `${prefix}${n}`;
  }
}

const choice = (taken: readonly GuideChoice[]): GuideChoice => ({
  code: free('c', taken),
  label: '',
  words: [],
  districts: [],
});

export function newQuestion({ questions }: GuideContent): GuideQuestion {
  const first = choice([]);
  return {
    code: free('q', questions),
    text: '',
    help: '',
    about: 'other',
    choices: [first, choice([first])],
  };
}

export const newSituation = ({ situations }: GuideContent): GuideSituation => ({
  code: free('s', situations),
  name: '',
  of: '',
  fits: [],
  conditions: [],
  materials: [],
  where: '',
  duration: '',
  cost: '',
  link: '',
  source: '',
});

/** Two situations that one question tells apart: the least that leads somewhere. */
export function emptyGuide(): GuideContent {
  let guide: GuideContent = { questions: [], situations: [] };
  guide = { ...guide, questions: [newQuestion(guide)] };
  const { code, choices } = guide.questions[0]!;
  for (const one of choices) {
    const situation = { ...newSituation(guide), fits: [{ question: code, choices: [one.code] }] };
    guide = { ...guide, situations: [...guide.situations, situation] };
  }
  return guide;
}

const put = <T>(list: readonly T[], at: number, change: Partial<T>): T[] =>
  list.map((one, n) => (n === at ? { ...one, ...change } : one));
const without = <T>(list: readonly T[], at: number): T[] => list.filter((_, n) => n !== at);

/** One up or down; at the end it stays. */
export function moved<T>(list: readonly T[], at: number, by: 1 | -1): T[] {
  const next = [...list];
  const other = at + by;
  if (other < 0 || other >= next.length) return next;
  [next[at], next[other]] = [next[other]!, next[at]!];
  return next;
}

export const withQuestion = (guide: GuideContent, at: number, change: Partial<GuideQuestion>): GuideContent => ({
  ...guide,
  questions: put(guide.questions, at, change),
});

export const withSituation = (guide: GuideContent, at: number, change: Partial<GuideSituation>): GuideContent => ({
  ...guide,
  situations: put(guide.situations, at, change),
});

export function withChoice(guide: GuideContent, at: number, n: number, change: Partial<GuideChoice>): GuideContent {
  return withQuestion(guide, at, { choices: put(guide.questions[at]!.choices, n, change) });
}

export function addChoice(guide: GuideContent, at: number): GuideContent {
  const { choices } = guide.questions[at]!;
  return withQuestion(guide, at, { choices: [...choices, choice(choices)] });
}

/** What depends on something that is gone does not depend on it any more. */
function cleaned(guide: GuideContent): GuideContent {
  const situations = guide.situations.map((situation) => {
    const fits = situation.fits.flatMap((fit) => {
      const question = guide.questions.find((one) => one.code === fit.question);
      const choices = fit.choices.filter((code) => question?.choices.some((one) => one.code === code));
      return choices.length ? [{ ...fit, choices }] : [];
    });
    return { ...situation, fits };
  });
  return { ...guide, situations };
}

export const dropQuestion = (guide: GuideContent, at: number): GuideContent =>
  cleaned({ ...guide, questions: without(guide.questions, at) });

export const dropChoice = (guide: GuideContent, at: number, n: number): GuideContent =>
  cleaned(withQuestion(guide, at, { choices: without(guide.questions[at]!.choices, n) }));

export const dropSituation = (guide: GuideContent, at: number): GuideContent => ({
  ...guide,
  situations: without(guide.situations, at),
});

/** Does a situation depend on a question, and does this choice fit it? */
export const fits = (situation: GuideSituation, question: string, choiceCode: string): boolean =>
  situation.fits.some((fit) => fit.question === question && fit.choices.includes(choiceCode));

/** Says that a choice fits a situation, or not; without any the question does not matter to it. */
export function toggleFit(guide: GuideContent, at: number, question: string, code: string): GuideContent {
  const situation = guide.situations[at]!;
  const before = situation.fits.find((fit) => fit.question === question);
  const chosen = before?.choices.includes(code)
    ? before.choices.filter((one) => one !== code)
    : [...(before?.choices ?? []), code];
  const others = situation.fits.filter((fit) => fit.question !== question);
  const order = guide.questions.map((one) => one.code);
  const next = chosen.length ? [...others, { question, choices: chosen }] : others;
  next.sort((a, b) => order.indexOf(a.question) - order.indexOf(b.question));
  return withSituation(guide, at, { fits: next });
}

/** Another subject: who asks has two answers with names of their own, which situations follow. */
export function withAbout(guide: GuideContent, at: number, about: GuideAbout): GuideContent {
  const question = guide.questions[at]!;
  const names = new Map<string, string>();
  const choices = question.choices.map((one, n): GuideChoice => {
    const taken = about === 'audience' ? ['person', 'enterprise'][n] : undefined;
    const code = taken ?? (['person', 'enterprise'].includes(one.code) ? `c${n + 1}` : one.code);
    names.set(one.code, code);
    return { ...one, code, districts: about === 'district' ? one.districts : [] };
  });
  const kept = about === 'audience' ? choices.slice(0, 2) : choices;
  const situations = guide.situations.map((situation) => ({
    ...situation,
    fits: situation.fits.map((fit) =>
      fit.question === question.code ? { ...fit, choices: fit.choices.map((code) => names.get(code) ?? code) } : fit,
    ),
  }));
  return cleaned(withQuestion({ ...guide, situations }, at, { about, choices: kept }));
}

/** One condition a line. */
export const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

/** One document a line; what stands after the first ｜ or | is how it has to be. */
export const materialsOf = (text: string): GuideMaterial[] =>
  linesOf(text).map((line) => {
    const [name = '', ...note] = line.split(/[｜|]/);
    return { name: name.trim(), note: note.join('｜').trim() };
  });

export const materialsText = (materials: readonly GuideMaterial[]): string =>
  materials.map(({ name, note }) => (note ? `${name}｜${note}` : name)).join('\n');

/** Steps that can be taken back. */
const MOST = 100;

export interface History {
  past: readonly GuideContent[];
  future: readonly GuideContent[];
  /** What the last change was about: typing on in one field is one step. */
  key: string;
}

export const noHistory: History = { past: [], future: [], key: '' };

export function noted(history: History, before: GuideContent, key: string): History {
  if (key !== '' && key === history.key) return { ...history, future: [] };
  return { past: [...history.past, before].slice(-MOST), future: [], key };
}

/** The content before the last step, or null. */
export function undone(history: History, now: GuideContent): [History, GuideContent] | null {
  const before = history.past.at(-1);
  if (!before) return null;
  return [{ past: history.past.slice(0, -1), future: [now, ...history.future], key: '' }, before];
}

export function redone(history: History, now: GuideContent): [History, GuideContent] | null {
  const [next, ...future] = history.future;
  if (!next) return null;
  return [{ past: [...history.past, now], future, key: '' }, next];
}

/** Where in a guide a field stands: `questions[1].choices[0].label`. */
export interface Place {
  part: 'questions' | 'situations' | null;
  at: number;
  choice: number | null;
  field: string;
}

export function placeOf(field: string): Place {
  const match = /^(questions|situations)\[(\d+)\](?:\.choices\[(\d+)\])?\.?(.*)$/.exec(field);
  if (!match) return { part: null, at: 0, choice: null, field };
  const [, part, at, choiceAt, rest] = match;
  return {
    part: part as 'questions' | 'situations',
    at: Number(at),
    choice: choiceAt === undefined ? null : Number(choiceAt),
    field: (rest ?? '').replace(/[[.].*$/, ''),
  };
}
