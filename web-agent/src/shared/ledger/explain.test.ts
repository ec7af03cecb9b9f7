import { expect, test } from 'vitest';
import type { LedgerLine } from '../../generated/protocol';
import { clockOf, explain, instantOf, lengthOf, stepsOf } from './explain';

const at = (text: string) => Date.parse(`${text}+08:00`);

const friday = at('2026-11-27T16:59:30');
const line: LedgerLine = {
  promise: 'next_response',
  no: 1,
  state: 'miss',
  policy: { id: 'sla-1', version: 3, name: '居住证' },
  askedAt: friday,
  span: 180_000,
  counted: [
    { from: friday, to: at('2026-11-27T17:00:00') },
    { from: at('2026-11-30T09:00:00'), to: at('2026-11-30T09:02:30') },
  ],
  dueAt: at('2026-11-30T09:02:30'),
  dueBefore: null,
  steps: [
    { after: 90_000, at: at('2026-11-30T09:01:00'), actions: ['notify'] },
    { after: 180_000, at: at('2026-11-30T09:02:30'), actions: ['notify', 'alert'] },
  ],
  reached: 1,
  stepped: [],
  answeredAt: at('2026-11-30T09:02:44'),
  answeredBy: '王建华',
  leftAt: null,
  corrected: false,
  measuredAt: null,
  corrections: [],
};

test('a row explains its arithmetic in both languages', () => {
  expect(explain(line, 'zh')).toEqual([
    '2026-11-27 16:59:30 市民发言待回复',
    '按策略“居住证”第 3 版，承诺 3 分服务时间',
    '16:59:30 至 17:00:00 计 30 秒',
    '2026-11-30 09:00:00 至 2026-11-30 09:02:30 计 2 分 30 秒',
    '到期 2026-11-30 09:02:30',
    '2026-11-30 09:02:44 王建华 响应，用时 64 小时 3 分 14 秒，晚于到期 14 秒',
  ]);
  expect(explain(line, 'en')).toEqual([
    '2026-11-27 16:59:30: the citizen wrote and waited for an answer',
    'By policy “居住证”, version 3: 3 min of service time',
    '16:59:30 to 17:00:00 counts 30 s',
    '2026-11-30 09:00:00 to 2026-11-30 09:02:30 counts 2 min 30 s',
    'Due 2026-11-30 09:02:30',
    '2026-11-30 09:02:44 answered by 王建华, after 64 h 3 min 14 s, 14 s after it was due',
  ]);
});

test('a correction is told with what was measured', () => {
  const corrected = { ...line, corrected: true, measuredAt: line.answeredAt, answeredAt: at('2026-11-30T09:02:30') };
  const said = explain(corrected, 'zh');
  expect(said.at(-2)).toBe('系统记录 2026-11-30 09:02:44 响应，用时 64 小时 3 分 14 秒，晚于到期 14 秒');
  expect(said.at(-1)).toBe('更正为 2026-11-30 09:02:30 响应，用时 64 小时 3 分，正好到期');
  const excused = { ...line, corrected: true, measuredAt: line.answeredAt };
  expect(explain(excused, 'zh').filter((one) => one.includes('更正为'))).toEqual([]);
  const nothing = { ...line, corrected: true, measuredAt: null, answeredAt: null, leftAt: line.dueAt + 1_000 };
  expect(explain(nothing, 'zh').slice(-2)).toEqual([
    '系统记录：没有响应',
    '2026-11-30 09:02:31 会话已结束或市民已离开',
  ]);
});

test('a first response counts without a break', () => {
  const first = {
    ...line,
    promise: 'first_response',
    policy: null,
    span: 60_000,
    dueAt: friday + 60_000,
  } as LedgerLine;
  const answered = { ...first, answeredAt: friday + 59_990 };
  expect(explain(answered, 'zh').slice(1)).toEqual([
    '按系统配置，承诺 1 分，不因下班或午休而暂停',
    '到期 17:00:30',
    '17:00:29 王建华 响应，用时 59 秒，早于到期 10 毫秒',
  ]);
});

test('steps say what followed and whether they were reached', () => {
  expect(stepsOf(line, 'zh')).toEqual([
    { text: '2026-11-30 09:01:00 提醒帮办员', reached: true },
    { text: '2026-11-30 09:02:30 提醒帮办员、告警督导', reached: false },
  ]);
});

test('instants and lengths', () => {
  expect(clockOf(at('2026-11-27T00:00:05'))).toBe('00:00:05');
  expect(instantOf(at('2026-11-28T00:00:00'), friday)).toBe('2026-11-28 00:00:00');
  expect(lengthOf(3_661_000, 'zh')).toBe('1 小时 1 分 1 秒');
  expect(lengthOf(999, 'en')).toBe('999 ms');
});
