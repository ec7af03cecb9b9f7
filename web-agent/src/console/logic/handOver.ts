/** What the next agent has to know: proposed from the thread, read again above it. */
import type { AgentView, ThreadEntry } from '../../generated/protocol';
import { actionAt, itemOf } from '../../shared/actions/words';
import { guideAt } from '../../shared/guide/words';
import { isSaid } from './lines';

/** Longer ones nobody reads at a hand-over. */
const MOST = 120;

/** How the summary calls its parts. */
export interface SummaryWords {
  item: string;
  question: string;
  answered: string;
  last: string;
  owed: string;
  guide: string;
  action: string;
}

const cut = (text: string): string => ([...text].length > MOST ? `${[...text].slice(0, MOST).join('')}…` : text);

/** Item, first question since a human was asked for, what a guided dialogue was answered, what an action has come to, what was answered last, what the citizen wrote last. */
export function proposedSummary(
  entries: readonly ThreadEntry[],
  itemName: string | null,
  words: SummaryWords,
  textOf: (entry: ThreadEntry) => string,
): string {
  const asked = entries.findIndex(({ body }) => body.type === 'human_requested' || body.type === 'call_back_due');
  const said = entries.filter(isSaid);
  const ofCitizen = said.filter(({ from }) => from.type === 'citizen');
  const ofAgent = said.filter(({ from }) => from.type === 'agent');
  // What was said to 小申 right before a human was asked for is usually the question.
  const before = asked < 0 ? [] : ofCitizen.filter(({ seq }) => seq < entries[asked]!.seq);
  const question = before.at(-1) ?? ofCitizen[0];
  const answered = ofAgent.at(-1);
  const last = ofCitizen.at(-1);
  const isOwed = last && (!answered || last.seq > answered.seq);
  const inGuide = guideAt(entries)?.body.walk.given.flatMap(({ label }) => (label ? [label] : []));
  const lines: [string, string | undefined][] = [
    [words.item, itemName ?? undefined],
    [words.question, question && textOf(question)],
    [words.guide, inGuide?.join('、')],
    [words.action, inAction(entries)],
    [words.answered, answered && textOf(answered)],
    [isOwed ? words.owed : words.last, last && last !== question ? textOf(last) : undefined],
  ];
  return lines.flatMap(([name, text]) => (text ? [`${name}${cut(text.replace(/\s+/g, ' '))}`] : [])).join('\n');
}

/** What an action has come to: what it is about, and what was chosen. */
function inAction(entries: readonly ThreadEntry[]): string | undefined {
  const body = actionAt(entries)?.body;
  if (!body) return undefined;
  return [itemOf(body.walk), ...body.walk.given.map(({ label }) => label)].filter(Boolean).join('、');
}

/** What who served before has written for whoever serves now; null: nothing, or nobody handed it over. */
export function handedOver(
  entries: readonly ThreadEntry[],
  notes: readonly ThreadEntry[],
  me: string,
): { by: string; text: string } | null {
  const taken = [...entries].reverse().find(({ body }) => body.type === 'transferred' || body.type === 'agent_joined');
  if (taken?.body.type !== 'transferred' || taken.body.agent !== me) return null;
  const isRequest = ({ body, at }: ThreadEntry) =>
    body.type === 'transfer_note' && body.what === 'requested' && at <= taken.at;
  const note = [...notes].reverse().find(isRequest);
  if (note?.body.type !== 'transfer_note' || note.body.text.trim() === '') return null;
  return { by: taken.body.fromName, text: note.body.text };
}

/** Minutes until the duty ends, 0 and less once it is over; null: it is not time yet, or nobody is served. */
export function dutyLeft(view: AgentView, now: number): number | null {
  if (view.dutyEndsAt === null || view.remindAt === null || view.conversations.length === 0) return null;
  return now < view.remindAt ? null : Math.ceil((view.dutyEndsAt - now) / 60_000);
}
