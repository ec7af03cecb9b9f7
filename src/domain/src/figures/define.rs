//! The definitions. Conditions are data, so that one text serves for counting a row here, for counting in SQL, and for asking
//! the rows behind a number.
//!
//! "In no rate" (DOMAIN "Scope"): what was closed as out of scope or as abuse is outside every figure but the two that count
//! it apart.

use super::rows::{Field, Kind, RETURN_WITHIN, Row, Word};
use crate::{
    Timestamp,
    time::Millis,
    words::{Outcome, words},
};

/// A condition on a row. What a row does not have fulfils nothing, so no condition can be negated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    /// Known.
    Set(Field),
    /// Not known.
    Unset(Field),
    /// The first is at most so much later than the second.
    AtMost(Field, Field, Millis),
    /// The first is more than so much later than the second.
    After(Field, Field, Millis),
    /// More than so much ago.
    Over(Field, Millis),
    /// A number between these two, both included.
    Between(Field, i64, i64),
    /// One of these words.
    Word(Word, &'static [&'static str]),
    /// None of these words, or not known.
    NotWord(Word, &'static [&'static str]),
    /// Each of these.
    All(&'static [Self]),
    /// One of these.
    Any(&'static [Self]),
}

impl Is {
    /// Does the row fulfil it at `now`?
    #[must_use]
    pub fn holds(&self, row: &Row, now: Timestamp) -> bool {
        match self {
            Self::Set(field) => row.number(*field).is_some(),
            Self::Unset(field) => row.number(*field).is_none(),
            Self::AtMost(a, b, span) => row.number(*a).zip(row.number(*b)).is_some_and(|(a, b)| a <= b + span),
            Self::After(a, b, span) => row.number(*a).zip(row.number(*b)).is_some_and(|(a, b)| a > b + span),
            Self::Over(field, span) => row.number(*field).is_some_and(|at| at + span < now.0),
            Self::Between(field, least, most) => row.number(*field).is_some_and(|n| (*least..=*most).contains(&n)),
            Self::Word(word, texts) => row.word(*word).is_some_and(|text| texts.contains(&text)),
            Self::NotWord(word, texts) => row.word(*word).is_none_or(|text| !texts.contains(&text)),
            Self::All(parts) => parts.iter().all(|part| part.holds(row, now)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(row, now)),
        }
    }
}

/// What a figure makes of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Those of `of` that also fulfil `hits`, over `of`.
    Rate {
        /// Denominator.
        of: Is,
        /// Numerator.
        hits: Is,
    },
    /// How many.
    Count {
        /// Which.
        of: Is,
    },
    /// How long: mean, percentiles (nearest rank, in whole seconds begun), longest.
    Span {
        /// Which.
        of: Is,
        /// From.
        from: Field,
        /// To.
        to: Field,
    },
    /// Mean of a number.
    Mean {
        /// Which.
        of: Is,
        /// Of what.
        field: Field,
    },
}

impl Shape {
    /// The rows that it is about.
    #[must_use]
    pub const fn of(&self) -> &Is {
        match self {
            Self::Rate { of, .. } | Self::Count { of } | Self::Span { of, .. } | Self::Mean { of, .. } => of,
        }
    }
}

words! {
    /// The figures.
    Figure {
        /// Requests for a human.
        Requests = "requests",
        /// Within-minute rate.
        WithinMinute = "within_minute",
        /// Left within the minute.
        ShortAbandons = "short_abandons",
        /// Answered after the minute.
        AnsweredLate = "answered_late",
        /// Left after the minute.
        LeftLate = "left_late",
        /// Time to the first human response.
        Wait = "wait",
        /// Next-response rate.
        NextResponse = "next_response",
        /// Offers that were accepted.
        Accepted = "accepted",
        /// Offers that nobody answered.
        Missed = "missed",
        /// Offers that were declined.
        Declined = "declined",
        /// Time from the first offer to the acceptance.
        AcceptTime = "accept_time",
        /// Conversations opened.
        Conversations = "conversations",
        /// Human resolution rate.
        HumanResolution = "human_resolution",
        /// ... confirmed by the citizen.
        Confirmed = "confirmed",
        /// ... not reopened within 24 h.
        NotReopened = "not_reopened",
        /// Closed conversations that were taken up again.
        Reopened = "reopened",
        /// Time from the acceptance to the closing.
        Handling = "handling",
        /// Left before a human came.
        Abandoned = "abandoned",
        /// Out of scope.
        OutOfScope = "out_of_scope",
        /// Abuse.
        Abuse = "abuse",
        /// Bot resolution rate.
        BotResolution = "bot_resolution",
        /// Messages left out of hours.
        Messages = "messages",
        /// Call-backs kept in their slot.
        CallBacksKept = "call_backs_kept",
        /// Mean rating.
        Rating = "rating",
        /// Share of bad ratings.
        BadRatings = "bad_ratings",
    }
}

/// A figure, in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Which.
    pub figure: Figure,
    /// What it counts.
    pub kind: Kind,
    /// How.
    pub shape: Shape,
    /// Its name: Chinese, English.
    pub name: [&'static str; 2],
    /// Of a rate its numerator; of the others what is counted or measured.
    pub numerator: [&'static str; 2],
    /// Of a rate and a mean its denominator; of the others empty.
    pub denominator: [&'static str; 2],
    /// Where the definition comes from.
    pub source: [&'static str; 2],
}

/// Stands last where several have to hold: it compares texts, which for every row of a year is dear.
const IN_SCOPE: Is = Is::NotWord(Word::Outcome, &[Outcome::OutOfScope.as_str(), Outcome::Abuse.as_str()]);

/// Closed, in scope, and an agent had accepted it.
const REACHED_HUMAN: Is = Is::All(&[Is::Set(Field::ClosedAt), Is::Set(Field::ServedAt), IN_SCOPE]);

/// Not taken out of the figures by a correction, and in scope.
const COUNTED: Is = Is::All(&[Is::Unset(Field::ExcusedAt), IN_SCOPE]);

const SOLVED: Is = Is::Word(Word::Outcome, &[Outcome::Solved.as_str()]);

/// The minute of a request is decided.
const DECIDED: Is = Is::Any(&[
    Is::Set(Field::AnsweredAt),
    Is::AtMost(Field::DueAt, Field::LeftAt, 0),
    Is::All(&[Is::Unset(Field::LeftAt), Is::Over(Field::DueAt, 0)]),
]);

/// Nobody had come until 24 h after the last answer of a visit, or the citizen has said that it is solved.
const BOT_ALONE: Is = Is::All(&[
    Is::Unset(Field::HumanAt),
    Is::Any(&[
        Is::Set(Field::SolvedAt),
        Is::All(&[
            Is::Word(Word::LastTurn, &["answered"]),
            Is::Unset(Field::ReturnedAt),
            Is::Over(Field::LastAt, RETURN_WITHIN),
        ]),
    ]),
]);

/// It is known what became of a visit.
const VISIT_DECIDED: Is = Is::Any(&[
    Is::Set(Field::SolvedAt),
    Is::Set(Field::HumanAt),
    Is::Set(Field::ReturnedAt),
    Is::Word(Word::LastTurn, &["clarified", "not_found", "proposed"]),
    Is::Over(Field::LastAt, RETURN_WITHIN),
]);

const DOMAIN_TABLE: [&str; 2] = ["公布口径", "published definition"];
const DOMAIN_BESIDE: [&str; 2] = ["公布口径（并列数）", "published definition (shown beside)"];
const RULE_2: [&str; 2] = ["规则 2（服务不中断）", "rule 2 (no interruption)"];
const RULE_13: [&str; 2] = ["规则 13（好差评）", "rule 13 (ratings)"];
const SCOPE: [&str; 2] = ["受理范围规则", "rule of scope"];
const OURS: [&str; 2] = ["本系统口径", "our own definition"];
const NONE: [&str; 2] = ["", ""];

/// All figures, in the order in which they are shown.
pub const DEFINITIONS: &[Definition] = &[
    Definition {
        figure: Figure::Requests,
        kind: Kind::Request,
        shape: Shape::Count { of: IN_SCOPE },
        name: ["人工请求", "Requests for a human"],
        numerator: [
            "服务时间内请求人工的次数，含到时段的回电；不计职责范围外与滥用",
            "Requests for a human in service hours, call-backs at their slot included; without out-of-scope and abuse",
        ],
        denominator: NONE,
        source: OURS,
    },
    Definition {
        figure: Figure::WithinMinute,
        kind: Kind::Request,
        shape: Shape::Rate { of: Is::All(&[DECIDED, COUNTED]), hits: Is::AtMost(Field::AnsweredAt, Field::DueAt, 0) },
        name: ["一分钟响应率", "Within-minute rate"],
        numerator: ["60 秒内得到人工首次响应的请求", "Requests with a first human response within 60 s"],
        denominator: [
            "服务时间内的人工请求。60 秒内未获响应即离开的不计入，另列“短时离开”；60 秒后离开的计为未达；一分钟未走完的、更正为不计的、职责范围外与滥用的不计入",
            "Requests for a human in service hours. Who left before 60 s without an answer is excluded and listed as a short \
             abandon; who left later counts as a miss; a minute that still runs, what a correction took out, out-of-scope and \
             abuse are not counted",
        ],
        source: DOMAIN_TABLE,
    },
    Definition {
        figure: Figure::ShortAbandons,
        kind: Kind::Request,
        shape: Shape::Count {
            of: Is::All(&[Is::Unset(Field::AnsweredAt), Is::After(Field::DueAt, Field::LeftAt, 0), COUNTED]),
        },
        name: ["短时离开", "Short abandons"],
        numerator: ["60 秒内未获响应即离开的请求", "Requests whose citizen left before 60 s without an answer"],
        denominator: NONE,
        source: DOMAIN_TABLE,
    },
    Definition {
        figure: Figure::AnsweredLate,
        kind: Kind::Request,
        shape: Shape::Count { of: Is::All(&[Is::After(Field::AnsweredAt, Field::DueAt, 0), COUNTED]) },
        name: ["超时后响应", "Answered late"],
        numerator: ["60 秒后才得到人工首次响应的请求", "Requests whose first human response came after 60 s"],
        denominator: NONE,
        source: DOMAIN_TABLE,
    },
    Definition {
        figure: Figure::LeftLate,
        kind: Kind::Request,
        shape: Shape::Count {
            of: Is::All(&[Is::Unset(Field::AnsweredAt), Is::AtMost(Field::DueAt, Field::LeftAt, 0), COUNTED]),
        },
        name: ["超时后离开", "Left late"],
        numerator: ["等满 60 秒未获响应、之后离开的请求", "Requests whose citizen left after 60 s without an answer"],
        denominator: NONE,
        source: DOMAIN_TABLE,
    },
    Definition {
        figure: Figure::Wait,
        kind: Kind::Request,
        shape: Shape::Span {
            of: Is::All(&[Is::Set(Field::AnsweredAt), COUNTED]),
            from: Field::AskedAt,
            to: Field::AnsweredAt,
        },
        name: ["首次响应用时", "Time to first response"],
        numerator: [
            "从请求人工到人工首次响应，只计已获响应的请求；分位数取整秒",
            "From the request to the first human response, of requests that were answered; percentiles in whole seconds",
        ],
        denominator: NONE,
        source: DOMAIN_TABLE,
    },
    Definition {
        figure: Figure::NextResponse,
        kind: Kind::Reply,
        shape: Shape::Rate { of: Is::All(&[DECIDED, COUNTED]), hits: Is::AtMost(Field::AnsweredAt, Field::DueAt, 0) },
        name: ["后续响应率", "Next-response rate"],
        numerator: [
            "会话中市民再次发言后，在承诺的服务时间内（默认 3 分钟）得到人工回复的次数",
            "Times that a citizen who wrote again had a human's answer within the promised service time (3 min unless a \
             policy says otherwise)",
        ],
        denominator: [
            "首次响应之后市民发言、待人工回复的次数，连续发言计一次，从第一条未回复的消息起算；到期前会话已结束的、\
             未到期尚无回复的、更正为不计的、职责范围外与滥用的不计入",
            "Times that a citizen wrote after the first response and waited for a human, several messages in a row once, from \
             the first unanswered one; without those whose conversation ended before the answer was due, those not due yet, \
             those that a correction took out, out-of-scope and abuse",
        ],
        source: RULE_2,
    },
    Definition {
        figure: Figure::Accepted,
        kind: Kind::Offer,
        shape: Shape::Rate {
            of: Is::Word(Word::Result, &["accepted", "missed", "declined"]),
            hits: Is::Word(Word::Result, &["accepted"]),
        },
        name: ["接起率", "Accepted offers"],
        numerator: ["帮办人员接起的派单", "Offers that the agent accepted"],
        denominator: [
            "接起、未接与拒接的派单，含转接；被撤回或由同事接起的不计入",
            "Offers accepted, missed or declined, transfers included; without those taken back or taken by a colleague",
        ],
        source: OURS,
    },
    Definition {
        figure: Figure::Missed,
        kind: Kind::Offer,
        shape: Shape::Count { of: Is::Word(Word::Result, &["missed"]) },
        name: ["未接派单", "Missed offers"],
        numerator: ["时限内无人应答的派单", "Offers that nobody answered in time"],
        denominator: NONE,
        source: OURS,
    },
    Definition {
        figure: Figure::Declined,
        kind: Kind::Offer,
        shape: Shape::Count { of: Is::Word(Word::Result, &["declined"]) },
        name: ["拒接派单", "Declined offers"],
        numerator: ["帮办人员拒接的派单", "Offers that the agent declined"],
        denominator: NONE,
        source: OURS,
    },
    Definition {
        figure: Figure::AcceptTime,
        kind: Kind::Offer,
        shape: Shape::Span {
            of: Is::All(&[Is::Word(Word::Result, &["accepted"]), Is::Between(Field::IsTransfer, 0, 0)]),
            from: Field::FirstAt,
            to: Field::EndedAt,
        },
        name: ["首次派单到接起", "First offer to acceptance"],
        numerator: [
            "同一请求从第一次派单到有人接起的时间，不含转接",
            "From the first offer of a request to its acceptance, without transfers",
        ],
        denominator: NONE,
        source: OURS,
    },
    Definition {
        figure: Figure::Conversations,
        kind: Kind::Opening,
        shape: Shape::Count { of: Is::Set(Field::BeganAt) },
        name: ["会话量", "Conversations"],
        numerator: [
            "新开的会话和 7 日内继续的会话，每次继续计一次",
            "Conversations opened, and those taken up again within 7 days, each time once",
        ],
        denominator: NONE,
        source: OURS,
    },
    Definition {
        figure: Figure::HumanResolution,
        kind: Kind::Closing,
        shape: Shape::Rate { of: REACHED_HUMAN, hits: SOLVED },
        name: ["人工解决率", "Human resolution rate"],
        numerator: ["帮办人员办结为“已解决”的会话", "Conversations that the agent closed as solved"],
        denominator: [
            "到达人工并已办结的会话，不计职责范围外与滥用",
            "Closed conversations that reached a human, without out-of-scope and abuse",
        ],
        source: DOMAIN_TABLE,
    },
    Definition {
        figure: Figure::Confirmed,
        kind: Kind::Closing,
        shape: Shape::Rate { of: REACHED_HUMAN, hits: Is::All(&[SOLVED, Is::Between(Field::Stars, 3, 5)]) },
        name: ["市民确认解决", "Confirmed by the citizen"],
        numerator: [
            "其中办结为“已解决”、且市民评价为基本满意及以上（3–5 分）的会话",
            "Those closed as solved which the citizen rated 3 to 5",
        ],
        denominator: ["同人工解决率", "As for the human resolution rate"],
        source: DOMAIN_BESIDE,
    },
    Definition {
        figure: Figure::NotReopened,
        kind: Kind::Closing,
        shape: Shape::Rate {
            of: Is::All(&[
                REACHED_HUMAN,
                Is::Any(&[Is::Set(Field::ReopenedAt), Is::Over(Field::ClosedAt, RETURN_WITHIN)]),
            ]),
            hits: Is::All(&[
                SOLVED,
                Is::Any(&[Is::Unset(Field::ReopenedAt), Is::After(Field::ReopenedAt, Field::ClosedAt, RETURN_WITHIN)]),
            ]),
        },
        name: ["24 小时内未再咨询", "Not reopened within 24 h"],
        numerator: [
            "其中办结为“已解决”、且办结后 24 小时内市民未继续该会话的会话",
            "Those closed as solved which the citizen did not take up again within 24 h",
        ],
        denominator: [
            "同人工解决率，办结未满 24 小时且未被继续的不计入",
            "As for the human resolution rate, without those closed less than 24 h ago and not taken up again",
        ],
        source: DOMAIN_BESIDE,
    },
    Definition {
        figure: Figure::Reopened,
        kind: Kind::Closing,
        shape: Shape::Rate { of: REACHED_HUMAN, hits: Is::Set(Field::ReopenedAt) },
        name: ["再次咨询率", "Reopened"],
        numerator: ["其中市民在 7 日内继续的会话", "Those that the citizen took up again within 7 days"],
        denominator: ["同人工解决率", "As for the human resolution rate"],
        source: OURS,
    },
    Definition {
        figure: Figure::Handling,
        kind: Kind::Closing,
        shape: Shape::Span { of: REACHED_HUMAN, from: Field::ServedAt, to: Field::ClosedAt },
        name: ["办理时长", "Handling time"],
        numerator: [
            "从首次接起到办结，含转接与登记结果的时间",
            "From the first acceptance to the closing, transfers and wrap-up included",
        ],
        denominator: NONE,
        source: OURS,
    },
    Definition {
        figure: Figure::Abandoned,
        kind: Kind::Closing,
        shape: Shape::Count {
            of: Is::All(&[
                Is::Word(Word::Outcome, &[Outcome::Abandoned.as_str()]),
                Is::Set(Field::HumanAt),
                Is::Unset(Field::ServedAt),
            ]),
        },
        name: ["未接通即结束", "Abandoned"],
        numerator: [
            "请求过人工或留过言、未有人接起即由市民结束的会话",
            "Conversations ended by the citizen after asking for a human, before one accepted",
        ],
        denominator: NONE,
        source: OURS,
    },
    Definition {
        figure: Figure::OutOfScope,
        kind: Kind::Closing,
        shape: Shape::Count { of: Is::Word(Word::Outcome, &[Outcome::OutOfScope.as_str()]) },
        name: ["职责范围外", "Out of scope"],
        numerator: [
            "转往法律咨询、诉讼、投诉举报、信访渠道的会话；不计入任何比率",
            "Conversations handed on to legal advice, litigation, complaints or petitions; in no rate",
        ],
        denominator: NONE,
        source: SCOPE,
    },
    Definition {
        figure: Figure::Abuse,
        kind: Kind::Closing,
        shape: Shape::Count { of: Is::Word(Word::Outcome, &[Outcome::Abuse.as_str()]) },
        name: ["滥用", "Abuse"],
        numerator: ["办结为滥用的会话；不计入任何比率", "Conversations closed as abuse; in no rate"],
        denominator: NONE,
        source: SCOPE,
    },
    Definition {
        figure: Figure::BotResolution,
        kind: Kind::Visit,
        shape: Shape::Rate { of: VISIT_DECIDED, hits: BOT_ALONE },
        name: ["智能解决率", "Bot resolution rate"],
        numerator: [
            "未转人工、且市民表示已解决，或得到答复后离开并在 24 小时内未就同一事项再来的访问",
            "Visits without a human in which the citizen said solved, or left after an answer and did not return on the same \
             item within 24 h",
        ],
        denominator: [
            "向小申提出职责范围内问题的访问（间隔不超过 30 分钟的提问为一次），24 小时未满而尚无结论的不计入",
            "Visits in which the bot was asked a question in scope (questions at most 30 min apart are one visit), without \
             those that 24 h have not yet decided",
        ],
        source: DOMAIN_TABLE,
    },
    Definition {
        figure: Figure::Messages,
        kind: Kind::Message,
        shape: Shape::Count { of: Is::Set(Field::MadeAt) },
        name: ["留言", "Messages left"],
        numerator: ["非服务时间留下、约定回电时段的留言", "Messages left out of hours with a promised slot"],
        denominator: NONE,
        source: RULE_2,
    },
    Definition {
        figure: Figure::CallBacksKept,
        kind: Kind::CallBack,
        shape: Shape::Rate {
            of: Is::Any(&[
                Is::Set(Field::AnsweredAt),
                Is::All(&[Is::NotWord(Word::State, &["cancelled"]), Is::Over(Field::SlotEndsAt, 0)]),
            ]),
            hits: Is::AtMost(Field::AnsweredAt, Field::SlotEndsAt, 0),
        },
        name: ["回电履约率", "Call-backs kept in their slot"],
        numerator: ["在约定时段结束前得到人工响应的留言", "Messages answered by a human before the end of their slot"],
        denominator: [
            "已得到响应或约定时段已结束的留言，市民取消的不计入",
            "Messages that were answered or whose slot is over, without those that the citizen took back",
        ],
        source: RULE_2,
    },
    Definition {
        figure: Figure::Rating,
        kind: Kind::Rating,
        shape: Shape::Mean { of: Is::All(&[Is::Set(Field::Stars), IN_SCOPE]), field: Field::Stars },
        name: ["评价均分", "Mean rating"],
        numerator: ["评价得分（1–5）之和", "Sum of the ratings (1 to 5)"],
        denominator: [
            "已评价的会话，不计职责范围外与滥用",
            "Conversations that were rated, without out-of-scope and abuse",
        ],
        source: RULE_13,
    },
    Definition {
        figure: Figure::BadRatings,
        kind: Kind::Rating,
        shape: Shape::Rate { of: Is::All(&[Is::Set(Field::Stars), IN_SCOPE]), hits: Is::Between(Field::Stars, 1, 2) },
        name: ["差评率", "Bad ratings"],
        numerator: ["评价为 1 或 2 分的会话", "Conversations rated 1 or 2"],
        denominator: [
            "已评价的会话，不计职责范围外与滥用",
            "Conversations that were rated, without out-of-scope and abuse",
        ],
        source: RULE_13,
    },
];

impl Figure {
    /// What it is.
    #[must_use]
    pub fn definition(self) -> &'static Definition {
        // In the order of declaration; a test holds it.
        &DEFINITIONS[self as usize]
    }

    /// The figures that count this kind of rows.
    pub fn of_kind(kind: Kind) -> impl Iterator<Item = &'static Definition> {
        DEFINITIONS.iter().filter(move |definition| definition.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_its_definition_in_both_languages() {
        assert_eq!(DEFINITIONS.len(), Figure::ALL.len());
        for (figure, definition) in Figure::ALL.iter().zip(DEFINITIONS) {
            assert_eq!(figure.definition(), definition);
            assert_eq!(definition.figure, *figure);
            let needs_denominator = matches!(definition.shape, Shape::Rate { .. } | Shape::Mean { .. });
            for language in 0..2 {
                assert!(!definition.name[language].is_empty(), "{figure}");
                assert!(!definition.numerator[language].is_empty(), "{figure}");
                assert!(!definition.source[language].is_empty(), "{figure}");
                assert_eq!(!definition.denominator[language].is_empty(), needs_denominator, "{figure}");
            }
        }
    }

    /// A condition on what the table has not would silently hold for no row, and fail in SQL.
    #[test]
    fn conditions_speak_of_what_their_rows_have() {
        fn check(is: &Is, kind: Kind) {
            let has = |field: &Field| assert!(kind.table().fields().contains(field), "{kind} has no {field}");
            match is {
                Is::Set(field) | Is::Unset(field) | Is::Over(field, _) | Is::Between(field, ..) => has(field),
                Is::AtMost(a, b, _) | Is::After(a, b, _) => [a, b].into_iter().for_each(has),
                Is::Word(word, _) | Is::NotWord(word, _) => {
                    assert!(kind.table().words().contains(word), "{kind} has no {word}");
                }
                Is::All(parts) | Is::Any(parts) => parts.iter().for_each(|part| check(part, kind)),
            }
        }
        for definition in DEFINITIONS {
            check(definition.shape.of(), definition.kind);
            match &definition.shape {
                Shape::Rate { hits, .. } => check(hits, definition.kind),
                Shape::Span { from, to, .. } => {
                    check(&Is::Set(*from), definition.kind);
                    check(&Is::Set(*to), definition.kind);
                }
                Shape::Mean { field, .. } => check(&Is::Set(*field), definition.kind),
                Shape::Count { .. } => {}
            }
        }
    }
}
