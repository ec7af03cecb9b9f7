/** Which prepared texts fit what was typed after the slash. */
import type { CannedAnswerView } from '../../generated/protocol';

export interface Fitting {
  /** The code begins so; the one that is typed out comes first. */
  byCode: CannedAnswerView[];
  /** Something else of it fits, or nothing was typed yet. */
  others: CannedAnswerView[];
}

export function cannedFor(answers: readonly CannedAnswerView[], typed: string): Fitting {
  const wanted = typed.trim().toLowerCase();
  if (!wanted) return { byCode: [], others: [...answers] };
  const hasCode = ({ code }: CannedAnswerView) => code.toLowerCase().startsWith(wanted);
  const says = ({ code, title, text }: CannedAnswerView) =>
    [code, title, text].some((part) => part.toLowerCase().includes(wanted));
  const byCode = answers.filter(hasCode).sort((a, b) => a.code.length - b.code.length || a.code.localeCompare(b.code));
  return { byCode, others: answers.filter((answer) => !hasCode(answer) && says(answer)) };
}
