/** What a row says of itself, in words: why it counts as it does. */
import type { FigureRow, Outcome } from '../generated/protocol';
import type { Language } from '../shared/words';
import { instantText } from './numbers';

type Both = Record<Language, string>;

const INSTANTS: Record<string, Both> = {
  due_at: { zh: '应响应', en: 'due' },
  answered_at: { zh: '响应', en: 'answered' },
  left_at: { zh: '离开', en: 'left' },
  measured_at: { zh: '更正前响应', en: 'measured' },
  corrected_at: { zh: '更正于', en: 'corrected' },
  excused_at: { zh: '更正为不计', en: 'taken out' },
  first_at: { zh: '首次派单', en: 'first offer' },
  ended_at: { zh: '派单结束', en: 'ended' },
  human_at: { zh: '请求人工', en: 'asked for a human' },
  served_at: { zh: '接起', en: 'accepted' },
  closed_at: { zh: '办结', en: 'closed' },
  reopened_at: { zh: '继续', en: 'taken up again' },
  rated_at: { zh: '评价于', en: 'rated' },
  slot_starts_at: { zh: '约定自', en: 'slot from' },
  slot_ends_at: { zh: '约定至', en: 'slot to' },
  last_at: { zh: '最后提问', en: 'last question' },
  solved_at: { zh: '表示已解决', en: 'said solved' },
  returned_at: { zh: '再来', en: 'came back' },
};

const WORDS: Record<string, Both> = {
  outcome: { zh: '结果', en: 'outcome' },
  result: { zh: '结果', en: 'result' },
  state: { zh: '回执', en: 'receipt' },
  last_turn: { zh: '小申', en: 'bot' },
};

const TEXTS: Record<string, Both> = {
  solved_by_bot: { zh: '小申已解决', en: 'solved by the bot' },
  solved: { zh: '已解决', en: 'solved' },
  unsolved: { zh: '未解决', en: 'not solved' },
  abandoned: { zh: '市民已离开', en: 'abandoned' },
  left_message: { zh: '留言已处理', en: 'message dealt with' },
  out_of_scope: { zh: '转专门渠道', en: 'out of scope' },
  abuse: { zh: '不当使用', en: 'abuse' },
  accepted: { zh: '接起', en: 'accepted' },
  missed: { zh: '未接', en: 'missed' },
  declined: { zh: '拒接', en: 'declined' },
  agent_unavailable: { zh: '人员不可用', en: 'agent unavailable' },
  conversation_gone: { zh: '办事人离开', en: 'conversation gone' },
  taken: { zh: '同事接起', en: 'taken by a colleague' },
  transfer_cancelled: { zh: '转接取消', en: 'transfer cancelled' },
  open: { zh: '待处理', en: 'open' },
  done: { zh: '已处理', en: 'done' },
  cancelled: { zh: '已取消', en: 'cancelled' },
  answered: { zh: '已答复', en: 'answered' },
  clarified: { zh: '请其选择', en: 'asked back' },
  proposed: { zh: '请人核对', en: 'proposed to a person' },
  not_found: { zh: '无答案', en: 'had none' },
} satisfies Record<Outcome, Both> & Record<string, Both>;

export interface Fact {
  name: string;
  text: string;
}

/** Without the instant by which it is counted, which stands before it, and of the others only the time on the same day. */
export function factsOf(row: FigureRow, language: Language): Fact[] {
  const day = instantText(row.at).slice(0, 10);
  const instants = Object.entries(INSTANTS).flatMap(([field, name]) => {
    const at = row.numbers[field];
    if (at === undefined || (at === row.at && field !== 'first_at')) return [];
    const text = instantText(at);
    return [{ name: name[language], text: text.startsWith(day) ? text.slice(11) : text }];
  });
  const stars = row.numbers.stars;
  const words = Object.entries(WORDS).flatMap(([word, name]) => {
    const text = row.words[word];
    return text === undefined ? [] : [{ name: name[language], text: TEXTS[text]?.[language] ?? text }];
  });
  const rated = stars === undefined ? [] : [{ name: language === 'zh' ? '评分' : 'stars', text: String(stars) }];
  return [...instants, ...words, ...rated];
}
