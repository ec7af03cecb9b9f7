import { expect, test } from 'vitest';
import type { AgentView, ThreadBody } from '../../generated/protocol';
import { dutyLeft, handedOver, proposedSummary } from './handOver';
import { agent, citizen, conversation, desk, entry, MINUTE } from './testing';

const words = {
  item: '事项：',
  question: '问题：',
  answered: '已答复：',
  last: '市民最后说：',
  owed: '待回复：',
  guide: '引导已答：',
  action: '办事操作：',
};
const textOf = ({ body }: { body: ThreadBody }) => (body.type === 'text' ? body.text : '');
const requested = entry(2, { type: 'system' }, { type: 'human_requested', dueAt: 60_000 });

test('the summary names item, question, answer and what is still open', () => {
  const entries = [
    entry(1, citizen, '居住证  怎么办'),
    requested,
    entry(3, agent, '请带身份证'),
    entry(4, citizen, '还要户口本吗'),
  ];
  expect(proposedSummary(entries, '居住证办理', words, textOf)).toBe(
    '事项：居住证办理\n问题：居住证 怎么办\n已答复：请带身份证\n待回复：还要户口本吗',
  );
  const answered = [...entries, entry(5, agent, '不用')];
  expect(proposedSummary(answered, null, words, textOf)).toBe(
    '问题：居住证 怎么办\n已答复：不用\n市民最后说：还要户口本吗',
  );
  expect(proposedSummary([], null, words, textOf)).toBe('');
  expect(proposedSummary([entry(1, citizen, '长'.repeat(200))], null, words, textOf)).toBe(
    `问题：${'长'.repeat(120)}…`,
  );
});

test('what was answered in a guided dialogue is in the summary', () => {
  const given = [
    { question: 'q1', text: '办哪一项？', choice: 'first', label: '首次申领', known: true },
    { question: 'q2', text: '满半年了吗？', choice: null, label: '', known: false },
    { question: 'q3', text: '凭哪一项？', choice: 'work', label: '在本市就业', known: false },
  ];
  const walk = { item: 'residence-permit', itemName: '居住证办理', revision: 1, given, known: [] };
  const several = entry(3, { type: 'bot' }, { type: 'guide_several', walk, situations: [] });
  expect(proposedSummary([requested, several], null, words, textOf)).toBe('引导已答：首次申领、在本市就业');
});

test('what was chosen in an action is in the summary', () => {
  const given = [
    { ask: 'hall' as const, code: 'a', label: '黄浦大厅', known: true },
    { ask: 'date' as const, code: '2026-12-01', label: '2026-12-01', known: false },
  ];
  const walk = {
    kind: 'book' as const,
    item: 'passport',
    itemName: '普通护照签发',
    district: '',
    given,
    appointment: null,
    opening: null,
  };
  const asked = entry(3, { type: 'bot' }, { type: 'action_asked', walk, ask: 'time', options: [] });
  expect(proposedSummary([requested, asked], null, words, textOf)).toBe('办事操作：普通护照签发、黄浦大厅、2026-12-01');
});

test('only who took over reads what was handed over, and only the last of it', () => {
  const note = (seq: number, text: string) =>
    entry(seq, agent, { type: 'transfer_note', toName: '王', what: 'requested', text });
  const taken = (seq: number, to: string) =>
    entry(seq, { type: 'system' }, { type: 'transferred', fromName: '李敏', agent: to, name: '王', teamName: '居住' });
  const entries = [requested, taken(10, 'ag_2')];
  expect(handedOver(entries, [note(5, '早先的'), note(9, '请跟进')], 'ag_2')).toEqual({ by: '李敏', text: '请跟进' });
  expect(handedOver(entries, [note(9, '请跟进')], 'ag_1')).toBeNull();
  expect(handedOver(entries, [note(11, '后来的')], 'ag_2')).toBeNull();
  expect(handedOver([requested], [note(9, '请跟进')], 'ag_2')).toBeNull();
  expect(handedOver(entries, [note(9, ' ')], 'ag_2')).toBeNull();
});

test('the reminder comes at its time, and stays until nobody is served any more', () => {
  const view = (conversations: AgentView['conversations']) =>
    desk({ dutyEndsAt: 60 * MINUTE, remindAt: 55 * MINUTE, conversations });
  const serving = view([conversation('a')]);
  expect(dutyLeft(serving, 55 * MINUTE - 1)).toBeNull();
  expect(dutyLeft(serving, 55 * MINUTE)).toBe(5);
  expect(dutyLeft(serving, 60 * MINUTE)).toBe(0);
  expect(dutyLeft(serving, 63 * MINUTE)).toBe(-3);
  expect(dutyLeft(view([]), 58 * MINUTE)).toBeNull();
  expect(dutyLeft({ ...serving, dutyEndsAt: null }, 58 * MINUTE)).toBeNull();
});
