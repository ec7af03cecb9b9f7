//! 小申's answer to one message: a pure function of the message, the item and the knowledge base.

use bangban_domain::{
    Timestamp,
    action::{self, ActionKind},
    words::BotTurn,
};
use bangban_protocol::{ActionOffer, BotOption, DistrictDetail, GuideOffer, HandOverReason, ThreadBody};
use bangban_search::{Decision, HandOverReason as Reason};

use crate::{
    catalogue::Catalogue,
    known::{district_in, source_of},
};

/// Items for which something is offered at one time.
const MAX_OFFERS: usize = 3;

/// What 小申 says, and whether the citizen has thereby asked for a human.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The entry of the thread.
    pub body: ThreadBody,
    /// "I want a person" is a request for a human (rule 1), not a question.
    pub requests_human: bool,
}

impl Reply {
    /// To one who may not ask for humans until then: they are told so, instead of being put into a queue.
    #[must_use]
    pub fn of_blocked(self, until: Option<Timestamp>) -> Self {
        if !self.requests_human {
            return self;
        }
        let body = ThreadBody::BotHandOver { reason: HandOverReason::Blocked, opens_at: until };
        Self { body, requests_human: false }
    }
}

/// The official answer of an entry, with its source, and what the district adds that the question names, or whose team it is.
#[must_use]
pub fn answer(catalogue: &Catalogue, entry: &str, text: &str, team: &str) -> Option<ThreadBody> {
    catalogue.index().entry(entry)?;
    let (knowledge, directory) = (catalogue.knowledge(), catalogue.directory());
    let known = knowledge.get(entry)?;
    let of_team = || directory.team(team).and_then(|team| directory.unit(&team.unit)?.district.as_deref());
    let district = district_in(text, directory).or_else(of_team);
    let detail = district.and_then(|district| knowledge.details(entry).find(|(one, _)| *one == district));
    Some(ThreadBody::BotAnswer {
        entry: known.entry.clone(),
        question: known.content.question.clone(),
        text: known.content.answer.clone(),
        source: source_of(&known.content),
        revision: Some(known.revision),
        since: Some(known.since),
        unreviewed: !known.is_reviewed,
        files: known.files(),
        guide: known.content.items.iter().find_map(|item| catalogue.guide_offer(item)),
        actions: known.content.items.iter().find_map(|item| catalogue.action_offer(item)),
        detail: detail.map(|(code, detail)| DistrictDetail {
            entry: detail.entry.clone(),
            revision: detail.revision,
            district: directory.unit(code).map(|unit| unit.name.clone()).unwrap_or_default(),
            text: detail.content.answer.clone(),
            source: source_of(&detail.content),
            files: detail.files(),
        }),
    })
}

/// Answers, asks back, or points at a human, by confidence. `opens_at`: when people answer again, out of hours only.
#[must_use]
pub fn reply(catalogue: &Catalogue, text: &str, item: Option<&str>, team: &str, opens_at: Option<Timestamp>) -> Reply {
    let decision = catalogue.index().decide(text, item);
    if let Some(offers) = wished(catalogue, text, item, &decision) {
        return Reply { body: ThreadBody::ActionsOffered { offers }, requests_human: false };
    }
    let body = match &decision {
        Decision::Greeting => {
            let guide = item.and_then(|item| catalogue.guide_offer(item));
            ThreadBody::BotGreeting {
                item_name: catalogue.item_name(item),
                suggestions: catalogue.suggestions(item),
                guide,
                actions: item.and_then(|item| catalogue.action_offer(item)),
            }
        }
        Decision::Answer { entry, .. } => match answer(catalogue, entry, text, team) {
            Some(body) => body,
            None => ThreadBody::BotHandOver { reason: HandOverReason::NotFound, opens_at: None },
        },
        Decision::Clarify { options } => {
            let options: Vec<_> = options.iter().filter_map(|id| catalogue.index().entry(id)).collect();
            let guide = guide_of(catalogue, item, &options);
            let option =
                |entry: &bangban_search::Entry| BotOption { entry: entry.id.clone(), question: entry.question.clone() };
            ThreadBody::BotClarify { options: options.into_iter().map(option).collect(), guide }
        }
        Decision::HandOver { reason } => ThreadBody::BotHandOver {
            reason: wire(*reason),
            opens_at: opens_at.filter(|_| *reason == Reason::WantsPerson),
        },
    };
    let requests_human = matches!(decision, Decision::HandOver { reason: Reason::WantsPerson });
    Reply { body, requests_human }
}

/// What can be done of what the message wishes for. Danger, complaints and a wish for a person go before it; a wish that
/// nobody can carry out is answered like any question.
fn wished(catalogue: &Catalogue, text: &str, item: Option<&str>, decision: &Decision) -> Option<Vec<ActionOffer>> {
    let kind = action::wanted(text)?;
    let of_entry = |id: &String| Some(catalogue.index().entry(id)?.item.clone());
    let found: Vec<String> = match decision {
        Decision::Answer { entry, .. } => of_entry(entry).into_iter().collect(),
        Decision::Clarify { options } => options.iter().filter_map(of_entry).collect(),
        Decision::HandOver { reason: Reason::NotFound } => Vec::new(),
        Decision::Greeting | Decision::HandOver { .. } => return None,
    };
    let offer = |item: Option<&str>| ActionOffer {
        item: item.map(str::to_owned),
        item_name: catalogue.item_name(item),
        kinds: vec![kind],
    };
    if !matches!(kind, ActionKind::Book | ActionKind::Apply) {
        return catalogue.actions().has(kind, item).then(|| vec![offer(item)]);
    }
    // What the message names, else what the conversation is about, else what the message may be about.
    let can = |code: &str| catalogue.actions().has(kind, Some(code));
    let mut items: Vec<&str> =
        catalogue.actions().codes().filter(|code| can(code) && names(catalogue, code, text)).collect();
    if items.is_empty() {
        items.extend(item.filter(|code| can(code)));
    }
    if items.is_empty() {
        items.extend(found.iter().map(String::as_str).filter(|code| can(code)));
        items.dedup();
    }
    let offers: Vec<ActionOffer> = items.into_iter().take(MAX_OFFERS).map(|code| offer(Some(code))).collect();
    (!offers.is_empty()).then_some(offers)
}

/// Does the text name the item, by its name or by what people call it?
fn names(catalogue: &Catalogue, code: &str, text: &str) -> bool {
    catalogue.item(code).is_some_and(|item| {
        std::iter::once(&item.name).chain(&item.aliases).any(|name| !name.is_empty() && text.contains(name.as_str()))
    })
}

/// The guided dialogue beside questions to choose from: of the conversation's item, else of the one that all are about.
fn guide_of(catalogue: &Catalogue, item: Option<&str>, options: &[&bangban_search::Entry]) -> Option<GuideOffer> {
    let first = options.first().map(|entry| entry.item.as_str());
    let common = first.filter(|first| options.iter().all(|entry| entry.item == *first));
    catalogue.guide_offer(item.or(common)?)
}

/// What the figures count it as: only questions in scope are counted, and what was none of them the bot has met with a
/// greeting or a hand-over.
#[must_use]
pub const fn turn(body: &ThreadBody) -> Option<BotTurn> {
    match body {
        ThreadBody::BotAnswer { .. } | ThreadBody::GuideChecklist { .. } => Some(BotTurn::Answered),
        ThreadBody::BotClarify { .. } => Some(BotTurn::Clarified),
        ThreadBody::BotHandOver { reason: HandOverReason::NotFound, .. } => Some(BotTurn::NotFound),
        _ => None,
    }
}

const fn wire(reason: Reason) -> HandOverReason {
    match reason {
        Reason::WantsPerson => HandOverReason::WantsPerson,
        Reason::Emergency => HandOverReason::Emergency,
        Reason::Complaint => HandOverReason::Complaint,
        Reason::NotFound => HandOverReason::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::connectors::actions::ItemActions;

    fn hand_over(reason: HandOverReason) -> ThreadBody {
        ThreadBody::BotHandOver { reason, opens_at: None }
    }

    #[test]
    fn real_questions_get_the_official_answer_with_its_source() {
        let catalogue = Catalogue::demo().unwrap();
        let Reply { body, requests_human } =
            reply(&catalogue, "居住证怎么办理，需要什么材料？", Some("residence-permit"), "general", None);
        let ThreadBody::BotAnswer { entry, text, source, .. } = body else { panic!("{body:?}") };
        assert_eq!((entry.as_str(), requests_human), ("kb-residence-permit-apply", false));
        assert!(text.contains("居住登记") && !source.is_empty());
    }

    #[test]
    fn a_wish_is_offered_where_it_can_be_carried_out_and_answered_where_not() {
        let plain = Catalogue::demo().unwrap();
        let actions = ItemActions::of([("residence-permit", true, true), ("passport", true, false)]);
        let catalogue = plain.with_actions(Arc::new(actions));
        let offered =
            |catalogue: &Catalogue, text: &str, item: Option<&str>| match reply(catalogue, text, item, "general", None)
                .body
            {
                ThreadBody::ActionsOffered { offers } => {
                    offers.into_iter().map(|one| (one.item.unwrap_or_default(), one.kinds)).collect()
                }
                _ => Vec::new(),
            };
        let item = Some("residence-permit");
        assert_eq!(offered(&catalogue, "我要预约", item), [("residence-permit".to_owned(), vec![ActionKind::Book])]);
        assert_eq!(offered(&catalogue, "帮我取消预约", None), [(String::new(), vec![ActionKind::Cancel])]);
        assert_eq!(
            offered(&catalogue, "办到哪一步了", item),
            [("residence-permit".to_owned(), vec![ActionKind::Progress])]
        );
        let passport = offered(&catalogue, "帮我预约办护照", item);
        assert_eq!(
            passport.first().map(|one| one.0.as_str()),
            Some("passport"),
            "the item that was named: {passport:?}"
        );
        assert!(offered(&catalogue, "我要预约", None).is_empty(), "nobody knows for what");
        assert!(offered(&catalogue, "转人工，我要预约", item).is_empty(), "a person goes first");
        assert!(offered(&plain, "我要预约", item).is_empty(), "nothing carries it out");
        let question = reply(&catalogue, "居住证怎么办理，需要什么材料？", item, "general", None).body;
        let ThreadBody::BotAnswer { actions: Some(offer), .. } = question else { panic!("{question:?}") };
        assert_eq!(offer.kinds, [ActionKind::Book, ActionKind::Progress]);
    }

    #[test]
    fn asking_for_a_person_is_a_request_and_an_emergency_is_not() {
        let catalogue = Catalogue::demo().unwrap();
        let asked = reply(&catalogue, "转人工", None, "general", None);
        assert_eq!(asked.body, hand_over(HandOverReason::WantsPerson));
        assert!(asked.requests_human);
        let fire = reply(&catalogue, "家里着火了怎么办", None, "general", Some(Timestamp(9)));
        assert_eq!(fire.body, hand_over(HandOverReason::Emergency));
        assert!(!fire.requests_human);
    }

    #[test]
    fn who_is_blocked_is_told_so_and_gets_all_other_answers() {
        let catalogue = Catalogue::demo().unwrap();
        let asked = reply(&catalogue, "转人工", None, "general", None).of_blocked(Some(Timestamp(9)));
        let told = ThreadBody::BotHandOver { reason: HandOverReason::Blocked, opens_at: Some(Timestamp(9)) };
        assert_eq!(asked, Reply { body: told, requests_human: false });
        let question = reply(&catalogue, "居住证怎么办理，需要什么材料？", Some("residence-permit"), "general", None);
        assert_eq!(question.clone().of_blocked(None), question);
    }

    #[test]
    fn out_of_hours_who_asks_for_a_person_is_told_when_there_is_one() {
        let catalogue = Catalogue::demo().unwrap();
        let asked = reply(&catalogue, "转人工", None, "general", Some(Timestamp(9)));
        let told = ThreadBody::BotHandOver { reason: HandOverReason::WantsPerson, opens_at: Some(Timestamp(9)) };
        assert_eq!(asked.body, told);
    }

    #[test]
    fn what_it_does_not_know_it_does_not_answer() {
        let catalogue = Catalogue::demo().unwrap();
        let unknown = reply(&catalogue, "量子计算机的退相干时间一般是多少", None, "general", None);
        assert_eq!(unknown.body, hand_over(HandOverReason::NotFound));
    }
}
