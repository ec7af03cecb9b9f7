/** The arithmetic of a row of the ledger in words. The server says the instants; here they become sentences. */
import type { CorrectionVerdict, LedgerLine, LedgerState, Promise as Owed, StepAction } from '../../generated/protocol';
import type { Language } from '../words';

const SHANGHAI = 8 * 3_600_000;
const two = (n: number) => String(n).padStart(2, '0');

/** `14:59:30`, in Shanghai. */
export function clockOf(at: number): string {
  const day = new Date(at + SHANGHAI);
  return `${two(day.getUTCHours())}:${two(day.getUTCMinutes())}:${two(day.getUTCSeconds())}`;
}

/** `2026-11-27`, in Shanghai. */
export const dateOf = (at: number): string => new Date(at + SHANGHAI).toISOString().slice(0, 10);

/** The date too, if it is another one than that of `beside`. */
export const instantOf = (at: number, beside: number): string =>
  dateOf(at) === dateOf(beside) ? clockOf(at) : `${dateOf(at)} ${clockOf(at)}`;

/** `3 分 20 秒`, `3 min 20 s`; what is below a second only where there is nothing else. */
export function lengthOf(ms: number, language: Language): string {
  const words = language === 'zh' ? ['小时', '分', '秒', '毫秒'] : ['h', 'min', 's', 'ms'];
  const whole = Math.abs(ms);
  if (whole < 1_000) return `${whole} ${words[3]}`;
  const seconds = Math.floor(whole / 1_000);
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const said = parts.flatMap((n, at) => (n > 0 ? [`${n} ${words[at]}`] : []));
  return said.join(' ');
}

export const promiseName: Record<Owed, Record<Language, string>> = {
  first_response: { zh: '首次响应', en: 'First response' },
  call_back: { zh: '约定回电', en: 'Call-back' },
  next_response: { zh: '后续响应', en: 'Next response' },
};

/** Always shown with its glyph. */
export const stateName: Record<LedgerState, Record<Language, string>> = {
  running: { zh: '计时中', en: 'running' },
  overdue: { zh: '已超时', en: 'overdue' },
  hit: { zh: '达标', en: 'kept' },
  miss: { zh: '未达标', en: 'missed' },
  released: { zh: '到期前结束，不计', en: 'ended before it was due, not counted' },
  excused: { zh: '更正为不计', en: 'taken out by a correction' },
};

export const stateGlyph: Record<LedgerState, string> = {
  running: '●',
  overdue: '■',
  hit: '✓',
  miss: '✗',
  released: '○',
  excused: '○',
};

export const actionName: Record<StepAction, Record<Language, string>> = {
  notify: { zh: '提醒帮办员', en: 'the agent is told' },
  widen: { zh: '扩大派单范围', en: 'the next ring is asked' },
  alert: { zh: '告警督导', en: 'supervisors are alerted' },
  offer_to_all: { zh: '同时派给所有人', en: 'everybody is asked' },
};

export const verdictName: Record<CorrectionVerdict, Record<Language, string>> = {
  answered: { zh: '更正响应时间', en: 'Another time of the answer' },
  excused: { zh: '不计入指标', en: 'Not counted' },
  withdrawn: { zh: '撤回更正', en: 'Correction taken back' },
};

const ASKED: Record<Owed, Record<Language, string>> = {
  first_response: { zh: '请求人工', en: 'a human was asked for' },
  call_back: { zh: '回电时段开始', en: 'the call-back slot began' },
  next_response: { zh: '市民发言待回复', en: 'the citizen wrote and waited for an answer' },
};

/** Which rule holds, with its state. */
export function ruleOf({ policy }: LedgerLine, language: Language): string {
  if (!policy) return language === 'zh' ? '系统配置' : 'the configuration';
  const name = policy.name ?? policy.id;
  return language === 'zh' ? `策略“${name}”第 ${policy.version} 版` : `policy “${name}”, version ${policy.version}`;
}

/** How an instant of an answer stands to when it was due. */
function against(line: LedgerLine, at: number, language: Language): string {
  const zh = language === 'zh';
  const took = lengthOf(at - line.askedAt, language);
  const rest = line.dueAt - at;
  const how = lengthOf(rest, language);
  if (rest === 0) return zh ? `用时 ${took}，正好到期` : `after ${took}, just when it was due`;
  if (rest > 0) return zh ? `用时 ${took}，早于到期 ${how}` : `after ${took}, ${how} before it was due`;
  return zh ? `用时 ${took}，晚于到期 ${how}` : `after ${took}, ${how} after it was due`;
}

/** One sentence for each step of the arithmetic. */
export function explain(line: LedgerLine, language: Language): string[] {
  const zh = language === 'zh';
  const at = (instant: number) => instantOf(instant, line.askedAt);
  const asked = `${dateOf(line.askedAt)} ${clockOf(line.askedAt)}`;
  const said = [zh ? `${asked} ${ASKED[line.promise].zh}` : `${asked}: ${ASKED[line.promise].en}`];
  const span = lengthOf(line.span, language);
  const isService = line.promise === 'next_response';
  if (zh) said.push(`按${ruleOf(line, 'zh')}，承诺 ${span}${isService ? '服务时间' : '，不因下班或午休而暂停'}`);
  else {
    const kind = isService ? 'of service time' : 'that stand still for no break';
    said.push(`By ${ruleOf(line, 'en')}: ${span} ${kind}`);
  }
  if (isService) {
    for (const { from, to } of line.counted) {
      const length = lengthOf(to - from, language);
      said.push(zh ? `${at(from)} 至 ${at(to)} 计 ${length}` : `${at(from)} to ${at(to)} counts ${length}`);
    }
  }
  said.push(zh ? `到期 ${at(line.dueAt)}` : `Due ${at(line.dueAt)}`);
  if (line.dueBefore !== null) {
    const before = at(line.dueBefore);
    said.push(zh ? `节假日公布前为 ${before}` : `Before the holidays were published: ${before}`);
  }
  if (line.corrected && line.measuredAt !== null) {
    const measured = against(line, line.measuredAt, language);
    said.push(
      zh ? `系统记录 ${at(line.measuredAt)} 响应，${measured}` : `Measured: ${at(line.measuredAt)}, ${measured}`,
    );
  } else if (line.corrected) said.push(zh ? '系统记录：没有响应' : 'Measured: no answer');
  if (line.answeredAt !== null && !(line.corrected && line.answeredAt === line.measuredAt)) {
    const how = against(line, line.answeredAt, language);
    const by = line.answeredBy && !line.corrected ? ` ${line.answeredBy}` : '';
    const corrected = zh ? '更正为 ' : 'Corrected: ';
    said.push(
      zh
        ? `${line.corrected ? corrected : ''}${at(line.answeredAt)}${by} 响应，${how}`
        : `${line.corrected ? corrected : ''}${at(line.answeredAt)} answered${by ? ` by${by}` : ''}, ${how}`,
    );
  }
  if (line.answeredAt === null && line.leftAt !== null) {
    const left = at(line.leftAt);
    said.push(zh ? `${left} 会话已结束或市民已离开` : `${left}: ended, or the citizen left`);
  }
  return said;
}

/** Steps with what followed, and whether they were reached. */
export function stepsOf(line: LedgerLine, language: Language): { text: string; reached: boolean }[] {
  const zh = language === 'zh';
  return line.steps.map((step, place) => {
    const actions = step.actions.map((action) => actionName[action][language]).join(zh ? '、' : ', ');
    return {
      text: `${instantOf(step.at, line.askedAt)} ${actions || (zh ? '到期' : 'due')}`,
      reached: place < line.reached,
    };
  });
}
