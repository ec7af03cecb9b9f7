//! 小申's answer to one message: a pure function of the message, of what is known of who asks, of what was said before and of the
//! knowledge base. Whatever it says is a published revision or a fixed phrase of which the interface owns the wording.

use bangban_domain::{
    Timestamp,
    action::{self, ActionKind},
    dialogue::{Dialogue, Follow},
    words::BotTurn,
};
use bangban_protocol::{
    ActionOffer, BotOption, BotPhrase, Decided, DistrictDetail, GuideOffer, HandOverReason, SuggestionBasis, ThreadBody,
};
use bangban_search::{Band, Decision, Filter, HandOverReason as Reason, SmallTalk, Weighed, is_only_rude, small_talk};

use crate::{
    catalogue::Catalogue,
    known::{district_in, source_of},
};

/// Never more questions to choose from than this.
const MAX_OPTIONS: usize = 3;

/// What is for this person and at least as likely as this stands beside what is for others.
const AS_LIKELY_AS_NOT: f64 = 0.5;

/// Items for which something is offered at one time.
const MAX_OFFERS: usize = 3;

/// What 小申 says, and whether the citizen has thereby asked for a human.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The entry of the thread.
    pub body: ThreadBody,
    /// Whoever wants a person, is in danger, complains, or was asked back twice in vain goes to a human at once (rule 1), and so does a
    /// likely answer that a person is to check.
    pub requests_human: bool,
}

impl Reply {
    /// To one who may not ask for humans until then: they are told so, instead of being put into a queue. Whoever is in danger is
    /// shown the emergency numbers whatever they have done, and whoever complains the channels for that.
    #[must_use]
    pub fn of_blocked(self, until: Option<Timestamp>) -> Self {
        let body = match self.body {
            ThreadBody::BotHandOver { reason: HandOverReason::WantsPerson | HandOverReason::NotUnderstood, .. } => {
                ThreadBody::BotHandOver {
                    reason: HandOverReason::Blocked,
                    opens_at: until,
                    decided: None,
                    proposed: None,
                }
            }
            other => other,
        };
        Self { body, requests_human: false }
    }
}

/// The official answer of an entry, with its source, and what this district adds.
#[must_use]
pub fn answer(catalogue: &Catalogue, entry: &str, district: Option<&str>) -> Option<ThreadBody> {
    catalogue.index().entry(entry)?;
    let (knowledge, directory) = (catalogue.knowledge(), catalogue.directory());
    let known = knowledge.get(entry)?;
    let detail = district.and_then(|district| knowledge.details(entry).find(|(one, _)| *one == district));
    let name = |code: &str| directory.unit(code).map(|unit| unit.name.clone());
    Some(ThreadBody::BotAnswer {
        entry: known.entry.clone(),
        question: known.content.question.clone(),
        text: known.content.answer.clone(),
        rephrased: None,
        source: source_of(&known.content),
        spoken: Some(known.content.spoken.clone()).filter(|spoken| !spoken.is_empty()),
        revision: Some(known.revision),
        since: Some(known.since),
        unreviewed: !known.is_reviewed,
        only_in: known.content.districts.iter().filter_map(|code| name(code)).collect(),
        files: known.files(),
        guide: known.content.items.iter().find_map(|item| catalogue.guide_offer(item)),
        actions: known.content.items.iter().find_map(|item| catalogue.action_offer(item)),
        detail: detail.map(|(code, detail)| DistrictDetail {
            entry: detail.entry.clone(),
            revision: detail.revision,
            district: name(code).unwrap_or_default(),
            text: detail.content.answer.clone(),
            source: source_of(&detail.content),
            files: detail.files(),
        }),
        decided: None,
    })
}

/// The district that somebody means: the one that they name, or named last, or else the one of the team that would serve them.
#[must_use]
pub fn district_of<'a>(catalogue: &'a Catalogue, text: &str, before: Option<&'a str>, team: &str) -> Option<&'a str> {
    let directory = catalogue.directory();
    let of_team = || directory.team(team).and_then(|team| directory.unit(&team.unit)?.district.as_deref());
    district_in(text, directory).or(before).or_else(of_team)
}

/// What is asked, and what is known of who asks.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// What holds.
    pub catalogue: &'a Catalogue,
    /// The message.
    pub text: &'a str,
    /// The page's item.
    pub item: Option<&'a str>,
    /// Code of the district that is meant; `None`: nobody has said.
    pub district: Option<&'a str>,
    /// `person` or `enterprise`; `None`: nobody has said who they are.
    pub audience: Option<&'a str>,
    /// What holds at this instant counts.
    pub now: Timestamp,
    /// When people answer again; out of hours only.
    pub opens_at: Option<Timestamp>,
    /// Somebody is there who can check an answer for this citizen.
    pub is_checked: bool,
    /// What was said before.
    pub heard: &'a Dialogue,
}

impl Asking<'_> {
    pub(crate) fn filter(&self) -> Filter<'_> {
        Filter { district: self.district, audience: self.audience, at: Some(self.now.0), ..Filter::default() }
    }

    /// The index's decision, and the entry that was taken along for it, if one was.
    pub(crate) fn weighed(&self) -> (Weighed, Option<String>) {
        let index = self.catalogue.index();
        let found = self.for_them(index.weigh(self.text, self.item, &self.filter()));
        let is_open = is_missed(&found.decision) || matches!(found.decision, Decision::Clarify { .. });
        let Some((context, follow)) = self.heard.context_of(self.text, self.now).filter(|_| is_open) else {
            return (found, None);
        };
        match self.with_context(&found, &context.entry, follow) {
            Some(better) => (better, Some(context.entry.clone())),
            None => (found, None),
        }
    }

    /// What is for others too, unless there is something for this person that is as likely as not: a person may found a company,
    /// and an enterprise's clerk may need a residence permit.
    fn for_them(&self, found: Weighed) -> Weighed {
        if self.audience.is_none() || matches!(found.decision, Decision::Answer { .. } | Decision::Greeting) {
            return found;
        }
        let any = self.catalogue.index().weigh(self.text, self.item, &Filter { audience: None, ..self.filter() });
        match any.decision {
            Decision::Answer { .. } if surest(&found) < AS_LIKELY_AS_NOT => any,
            Decision::Answer { entry, .. } => {
                let own = found.nearest.iter().map(|(entry, _)| entry.clone());
                let options = std::iter::once(entry).chain(own).take(MAX_OPTIONS).collect();
                let nearest = any.nearest.into_iter().take(1).chain(found.nearest).take(MAX_OPTIONS).collect();
                Weighed { decision: Decision::Clarify { options }, nearest }
            }
            Decision::Clarify { .. } if is_missed(&found.decision) => any,
            _ => found,
        }
    }

    /// The same question about the item of the last answer, if that says more. What came first without it stays on offer.
    fn with_context(&self, found: &Weighed, entry: &str, follow: Follow) -> Option<Weighed> {
        let index = self.catalogue.index();
        let item = index.entry(entry)?.item.as_str();
        let name = self.catalogue.item_name(Some(item))?;
        let filter = Filter { item: Some(item), ..self.filter() };
        let with = index.weigh(&format!("{name}{}", self.text), Some(item), &filter);
        match (&found.decision, &with.decision) {
            // Whoever does not say "it" means what they say, if there is such a thing.
            (Decision::Clarify { .. }, _) if follow == Follow::Short => None,
            (_, Decision::Answer { entry: other, .. }) if other != entry && surest(&with) > surest(found) => Some(with),
            (_, Decision::Answer { .. } | Decision::Clarify { .. }) => {
                // What was answered just now is hardly what is asked: the others of the item are offered before it.
                let (same, others): (Vec<_>, Vec<_>) = with.nearest.iter().partition(|(other, _)| other == entry);
                let without = match &found.decision {
                    Decision::Clarify { options } => {
                        options.first().filter(|one| others.iter().all(|(other, _)| other != *one))
                    }
                    _ => None,
                };
                let kept = found.nearest.iter().filter(|(one, _)| Some(one) == without);
                let near = others.into_iter().take(MAX_OPTIONS - 1);
                let nearest: Vec<(String, f64)> = near.chain(kept).chain(same).take(MAX_OPTIONS).cloned().collect();
                let options: Vec<String> = nearest.iter().map(|(entry, _)| entry.clone()).collect();
                (!options.is_empty()).then_some(Weighed { decision: Decision::Clarify { options }, nearest })
            }
            (_, Decision::Greeting | Decision::HandOver { .. }) => None,
        }
    }

    fn decided(&self, weighed: &Weighed, context: Option<String>) -> Decided {
        let settings = self.catalogue.knowledge().settings();
        Decided {
            model: settings.model.thresholds.version.clone(),
            thresholds: settings.version,
            probability: surest(weighed),
            context,
        }
    }

    /// The entry that a person is to check instead of asking back: the first one, by its probability alone.
    pub(crate) fn proposed(&self, weighed: &Weighed) -> Option<BotOption> {
        let Decision::Clarify { options } = &weighed.decision else { return None };
        let thresholds = &self.catalogue.knowledge().settings().model.thresholds;
        let (entry, probability) = weighed.nearest.first()?;
        let is_meant = options.first() == Some(entry) && thresholds.band(*probability) == Band::Approve;
        let entry = self.catalogue.index().entry(entry).filter(|_| self.is_checked && is_meant)?;
        Some(BotOption { entry: entry.id.clone(), question: entry.question.clone(), probability: Some(*probability) })
    }

    fn hand_over(&self, reason: HandOverReason, decided: Option<Decided>) -> Reply {
        let requests_human = matches!(
            reason,
            HandOverReason::WantsPerson
                | HandOverReason::Emergency
                | HandOverReason::Complaint
                | HandOverReason::NotUnderstood
                | HandOverReason::Approval
        );
        let opens_at = self.opens_at.filter(|_| requests_human);
        Reply { body: ThreadBody::BotHandOver { reason, opens_at, decided, proposed: None }, requests_human }
    }

    /// A person is asked for at once, and has the answer ready.
    fn proposed_for_check(&self, option: BotOption, decided: Decided) -> Reply {
        let mut reply = self.hand_over(HandOverReason::Approval, Some(decided));
        if let ThreadBody::BotHandOver { proposed, .. } = &mut reply.body {
            *proposed = Some(option);
        }
        reply
    }

    /// To whoever wants none of what was offered.
    #[must_use]
    pub fn refused(&self) -> Reply {
        if self.heard.steps_aside() {
            return self.hand_over(HandOverReason::NotUnderstood, None);
        }
        Reply { body: ThreadBody::BotSays { phrase: BotPhrase::AskAgain }, requests_human: false }
    }

    /// Answers, asks back, or hands over to a human.
    #[must_use]
    pub fn reply(&self) -> Reply {
        let says = |phrase| Reply { body: ThreadBody::BotSays { phrase }, requests_human: false };
        let talk = small_talk(self.text);
        if talk == Some(SmallTalk::Who) {
            return says(BotPhrase::Introduction);
        }
        if is_only_rude(self.text) {
            return says(BotPhrase::Polite);
        }
        let (weighed, context) = self.weighed();
        if let Some(offers) = wished(self.catalogue, self.text, self.item, &weighed.decision) {
            return Reply { body: ThreadBody::ActionsOffered { offers }, requests_human: false };
        }
        let decided = self.decided(&weighed, context);
        let body = match &weighed.decision {
            Decision::Greeting => match talk {
                Some(SmallTalk::Thanks) => return says(BotPhrase::Thanked),
                Some(SmallTalk::Farewell) => return says(BotPhrase::Farewell),
                _ => greeting(self.catalogue, self.item, None),
            },
            Decision::Answer { entry, .. } => match answer(self.catalogue, entry, self.district) {
                Some(body) => with_decision(body, decided),
                None => return self.hand_over(HandOverReason::NotFound, Some(decided)),
            },
            Decision::Clarify { .. } if self.heard.steps_aside() => {
                return self.hand_over(HandOverReason::NotUnderstood, Some(decided));
            }
            Decision::Clarify { options } => match self.proposed(&weighed) {
                Some(option) => return self.proposed_for_check(option, decided),
                None => self.ask_back(options, &weighed, decided),
            },
            Decision::HandOver { reason } => {
                let decided = (*reason == Reason::NotFound).then_some(decided);
                return self.hand_over(wire(*reason), decided);
            }
        };
        Reply { body, requests_human: false }
    }

    fn ask_back(&self, options: &[String], weighed: &Weighed, decided: Decided) -> ThreadBody {
        let index = self.catalogue.index();
        let entries: Vec<_> = options.iter().filter_map(|id| index.entry(id)).collect();
        let probability = |id: &str| weighed.nearest.iter().find(|(entry, _)| entry == id).map(|(_, sure)| *sure);
        let option = |entry: &bangban_search::Entry| BotOption {
            entry: entry.id.clone(),
            question: entry.question.clone(),
            probability: probability(&entry.id),
        };
        ThreadBody::BotClarify {
            options: entries.iter().map(|entry| option(entry)).collect(),
            guide: guide_of(self.catalogue, self.item, &entries),
            decided: Some(decided),
        }
    }
}

/// 小申's first words on a page.
#[must_use]
pub fn greeting(catalogue: &Catalogue, item: Option<&str>, district: Option<String>) -> ThreadBody {
    let (suggestions, basis): (Vec<BotOption>, Option<SuggestionBasis>) = catalogue.suggestions(item);
    ThreadBody::BotGreeting {
        item_name: catalogue.item_name(item),
        suggestions,
        basis,
        guide: item.and_then(|item| catalogue.guide_offer(item)),
        actions: item.and_then(|item| catalogue.action_offer(item)),
        district,
    }
}

/// How sure the index is of what came first.
fn surest(weighed: &Weighed) -> f64 {
    weighed.nearest.first().map_or(0.0, |(_, probability)| *probability)
}

const fn is_missed(decision: &Decision) -> bool {
    matches!(decision, Decision::HandOver { reason: Reason::NotFound })
}

fn with_decision(mut body: ThreadBody, by: Decided) -> ThreadBody {
    if let ThreadBody::BotAnswer { decided, .. } = &mut body {
        *decided = Some(by);
    }
    body
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
        ThreadBody::BotHandOver { reason: HandOverReason::Approval, .. } => Some(BotTurn::Proposed),
        ThreadBody::BotHandOver { reason: HandOverReason::NotFound | HandOverReason::NotUnderstood, .. } => {
            Some(BotTurn::NotFound)
        }
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

    use bangban_domain::{
        dialogue::{Said, Shown},
        knowledge::Content,
        org::{Audience, UnitKind},
    };
    use bangban_store::{Author, ThresholdRow};

    use super::*;
    use crate::{connectors::actions::ItemActions, known::Knowledge};

    const NOW: Timestamp = Timestamp(1_000);

    fn asking<'a>(catalogue: &'a Catalogue, text: &'a str, item: Option<&'a str>, heard: &'a Dialogue) -> Asking<'a> {
        let (district, audience, opens_at, is_checked) = (None, None, None, false);
        Asking { catalogue, text, item, district, audience, now: NOW, opens_at, is_checked, heard }
    }

    fn reply(catalogue: &Catalogue, text: &str, item: Option<&str>) -> Reply {
        asking(catalogue, text, item, &Dialogue::default()).reply()
    }

    fn reason(reply: &Reply) -> (Option<HandOverReason>, bool) {
        let ThreadBody::BotHandOver { reason, .. } = reply.body else { return (None, reply.requests_human) };
        (Some(reason), reply.requests_human)
    }

    fn answered(reply: &Reply) -> Option<&str> {
        match &reply.body {
            ThreadBody::BotAnswer { entry, .. } => Some(entry),
            _ => None,
        }
    }

    /// The last of these entries was asked back with, after this many clarifications in vain.
    fn asked_back(times: usize) -> Dialogue {
        let shown = Shown {
            entry: "kb-id-card-lost".to_owned(),
            question: "身份证丢了怎么补领？".to_owned(),
            probability: Some(0.4),
            is_chosen: false,
        };
        let turn = [Said::Asked("证".to_owned()), Said::AskedBack(vec![shown])];
        Dialogue::of(std::iter::repeat_n(turn, times).flatten().map(|said| (NOW, said)))
    }

    #[test]
    fn real_questions_get_the_official_answer_with_its_source_and_how_it_was_decided() {
        let catalogue = Catalogue::demo().unwrap();
        let Reply { body, requests_human } =
            reply(&catalogue, "居住证怎么办理，需要什么材料？", Some("residence-permit"));
        let ThreadBody::BotAnswer { entry, text, source, decided, .. } = body else { panic!("{body:?}") };
        assert_eq!((entry.as_str(), requests_human), ("kb-residence-permit-apply", false));
        assert!(text.contains("居住登记") && !source.is_empty());
        let Decided { thresholds, probability, context, .. } = decided.unwrap();
        assert_eq!((thresholds, probability, context), (0, 1.0, None));
    }

    /// In every state of the dialogue: nothing before, asked back once, asked back twice, on any page.
    #[test]
    fn danger_a_complaint_and_a_wish_for_a_person_go_over_at_once_whatever_was_said_before() {
        let catalogue = Catalogue::demo().unwrap();
        for (text, wanted) in [
            ("转人工", HandOverReason::WantsPerson),
            ("家里着火了怎么办", HandOverReason::Emergency),
            ("我要投诉你们窗口", HandOverReason::Complaint),
        ] {
            for times in 0..3 {
                let heard = asked_back(times);
                for item in [None, Some("residence-permit")] {
                    let said = asking(&catalogue, text, item, &heard).reply();
                    assert_eq!(reason(&said), (Some(wanted), true), "{text} {times} {item:?}");
                }
            }
        }
    }

    #[test]
    fn a_wish_is_offered_where_it_can_be_carried_out_and_answered_where_not() {
        let plain = Catalogue::demo().unwrap();
        let actions = ItemActions::of([("residence-permit", true, true), ("passport", true, false)]);
        let catalogue = plain.with_actions(Arc::new(actions));
        let offered = |catalogue: &Catalogue, text: &str, item: Option<&str>| match reply(catalogue, text, item).body {
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
        let question = reply(&catalogue, "居住证怎么办理，需要什么材料？", item).body;
        let ThreadBody::BotAnswer { actions: Some(offer), .. } = question else { panic!("{question:?}") };
        assert_eq!(offer.kinds, [ActionKind::Book, ActionKind::Progress]);
    }

    #[test]
    fn after_two_clarifications_in_vain_a_person_takes_over() {
        let catalogue = Catalogue::demo().unwrap();
        let vague = "证件遗失怎么补办";
        assert!(matches!(reply(&catalogue, vague, None).body, ThreadBody::BotClarify { .. }), "is asked back");
        for (times, wanted) in [(0, None), (1, None), (2, Some(HandOverReason::NotUnderstood))] {
            let heard = asked_back(times);
            let said = asking(&catalogue, vague, None, &heard).reply();
            assert_eq!(reason(&said), (wanted, wanted.is_some()), "asked back {times} times");
            if times == 0 {
                continue;
            }
            let refused = asking(&catalogue, "", None, &heard).refused();
            assert_eq!(reason(&refused), (wanted, wanted.is_some()), "refused after {times}");
            if wanted.is_none() {
                assert_eq!(refused.body, ThreadBody::BotSays { phrase: BotPhrase::AskAgain });
            }
            // A question that is known is answered all the same.
            let known = asking(&catalogue, "身份证丢了怎么补领？", None, &heard).reply();
            assert_eq!(answered(&known), Some("kb-id-card-lost"));
        }
    }

    #[test]
    fn who_is_blocked_is_told_so_and_gets_all_other_answers_and_emergency_numbers() {
        let catalogue = Catalogue::demo().unwrap();
        let until = Some(Timestamp(9));
        for (said, wanted) in [
            (reply(&catalogue, "转人工", None), HandOverReason::Blocked),
            (asking(&catalogue, "", None, &asked_back(2)).refused(), HandOverReason::Blocked),
            (reply(&catalogue, "救命", None), HandOverReason::Emergency),
            (reply(&catalogue, "我要投诉", None), HandOverReason::Complaint),
        ] {
            assert_eq!(reason(&said.of_blocked(until)), (Some(wanted), false));
        }
        let told = reply(&catalogue, "转人工", None).of_blocked(until);
        assert!(matches!(told.body, ThreadBody::BotHandOver { opens_at, .. } if opens_at == until));
        let question = reply(&catalogue, "居住证怎么办理，需要什么材料？", Some("residence-permit"));
        assert_eq!(question.clone().of_blocked(None), question);
    }

    #[test]
    fn out_of_hours_who_asks_for_a_person_is_told_when_there_is_one() {
        let catalogue = Catalogue::demo().unwrap();
        let heard = Dialogue::default();
        let late = |text| Asking { opens_at: Some(Timestamp(9)), ..asking(&catalogue, text, None, &heard) }.reply();
        for (text, wanted) in [("转人工", Some(Timestamp(9))), ("量子计算机的退相干时间一般是多少", None)]
        {
            let ThreadBody::BotHandOver { opens_at, .. } = late(text).body else { panic!("{text}") };
            assert_eq!(opens_at, wanted, "{text}");
        }
    }

    #[test]
    fn what_it_does_not_know_it_does_not_answer_and_whoever_is_only_rude_is_met_politely() {
        let catalogue = Catalogue::demo().unwrap();
        let unknown = reply(&catalogue, "量子计算机的退相干时间一般是多少", None);
        assert_eq!(reason(&unknown), (Some(HandOverReason::NotFound), false));
        for (text, phrase) in [
            ("他妈的", BotPhrase::Polite),
            ("谢谢！", BotPhrase::Thanked),
            ("再见", BotPhrase::Farewell),
            ("你是谁", BotPhrase::Introduction),
        ] {
            assert_eq!(reply(&catalogue, text, None).body, ThreadBody::BotSays { phrase }, "{text}");
        }
        assert_eq!(reason(&reply(&catalogue, "妈的着火了", None)), (Some(HandOverReason::Emergency), true));
        assert!(answered(&reply(&catalogue, "身份证丢了怎么补领？", None)).is_some());
    }

    /// It never invents: whatever is said stands in a revision that is in force, or the interface has the words.
    #[test]
    fn every_sentence_is_of_a_published_revision_or_a_fixed_phrase() {
        let catalogue = Catalogue::demo().unwrap();
        let known = |entry: &str| catalogue.knowledge().get(entry).unwrap_or_else(|| panic!("{entry}")).clone();
        let mut seen = [0; 4];
        let entries: Vec<_> = catalogue.index().entries().cloned().collect();
        for (at, entry) in entries.iter().enumerate().step_by(5) {
            let whole = entry.similar.iter().chain([&entry.question]).cloned();
            // Cut short, doubled with the next one, about the item alone.
            let half: String = entry.question.chars().take(5).collect();
            let next = &entries[(at + 1) % entries.len()].question;
            let texts = whole.chain([half, format!("{} {next}", entry.question), entry.item.clone()]);
            for text in texts {
                for heard in [Dialogue::default(), after("kb-residence-permit-apply"), asked_back(2)] {
                    match asking(&catalogue, &text, None, &heard).reply().body {
                        ThreadBody::BotAnswer { entry, question, text, source, revision, detail, .. } => {
                            let known = known(&entry);
                            let content = &known.content;
                            assert_eq!((&question, &text), (&content.question, &content.answer));
                            assert_eq!((source, revision), (source_of(content), Some(known.revision)));
                            assert_eq!(detail, None);
                            seen[0] += 1;
                        }
                        ThreadBody::BotClarify { options, .. } => {
                            assert!(!options.is_empty() && options.len() <= MAX_OPTIONS, "{text}");
                            for option in options {
                                assert_eq!(option.question, known(&option.entry).content.question);
                            }
                            seen[1] += 1;
                        }
                        ThreadBody::BotHandOver { .. } => seen[2] += 1,
                        ThreadBody::BotSays { .. } | ThreadBody::BotGreeting { .. } => seen[3] += 1,
                        other => panic!("小申 says {other:?} to {text}"),
                    }
                }
            }
        }
        assert!(seen[0] > 200 && seen[1] > 20 && seen[2] > 2, "{seen:?}");
    }

    /// This entry was answered a moment ago.
    fn after(entry: &str) -> Dialogue {
        let answered = Said::Answered { entry: entry.to_owned(), question: String::new() };
        Dialogue::of([(NOW, Said::Asked("q".to_owned())), (NOW, answered)])
    }

    #[derive(serde::Deserialize)]
    struct FollowUp {
        /// What was answered before.
        after: String,
        q: String,
        /// What is meant.
        entry: String,
    }

    /// Answered with it, or offered among what is asked back with.
    fn leads_to(body: &ThreadBody, entry: &str) -> (bool, bool) {
        match body {
            ThreadBody::BotAnswer { entry: said, .. } => (said == entry, said == entry),
            ThreadBody::BotClarify { options, .. } => (false, options.iter().any(|option| option.entry == entry)),
            _ => (false, false),
        }
    }

    #[test]
    fn a_follow_up_is_understood_by_what_was_answered_before() {
        let catalogue = Catalogue::demo().unwrap();
        let set: Vec<FollowUp> = serde_json::from_str(include_str!("../../../config/demo/follow_ups.json")).unwrap();
        let (mut with, mut without, mut wrong) = (0, 0, 0);
        for FollowUp { after: before, q, entry } in &set {
            let alone = reply(&catalogue, q, None).body;
            let said = asking(&catalogue, q, None, &after(before)).reply().body;
            with += usize::from(leads_to(&said, entry).1);
            without += usize::from(leads_to(&alone, entry).1);
            if matches!(said, ThreadBody::BotAnswer { .. }) && !leads_to(&said, entry).0 {
                wrong += 1;
            }
            println!("{before} + {q} -> {:?}", leads_to(&said, entry));
        }
        println!("{with} of {} with context, {without} without, {wrong} answered wrongly", set.len());
        assert!(with * 10 >= set.len() * 7, "{with} of {}", set.len());
        assert!(with > without + set.len() / 3 && wrong <= 1, "{with} {without} {wrong}");
    }

    /// Questions in full, whatever was answered before: nothing is lost by it.
    #[test]
    fn a_question_in_full_is_answered_as_if_nothing_had_been_said() {
        let catalogue = Catalogue::demo().unwrap();
        let entries: Vec<_> = catalogue.index().entries().cloned().collect();
        let mut lost = Vec::new();
        for entry in entries.iter().step_by(3) {
            for text in entry.similar.iter().chain([&entry.question]) {
                let alone = leads_to(&reply(&catalogue, text, None).body, &entry.id);
                for before in ["kb-residence-permit-apply", "kb-company-setup-setup"] {
                    let said = leads_to(&asking(&catalogue, text, None, &after(before)).reply().body, &entry.id);
                    if alone.0 && !said.0 || alone.1 && !said.1 {
                        lost.push((text, before));
                    }
                }
            }
        }
        assert_eq!(lost, []);
    }

    fn empty() -> Content {
        Content {
            question: String::new(),
            similar: Vec::new(),
            answer: String::new(),
            spoken: String::new(),
            items: Vec::new(),
            situations: Vec::new(),
            districts: Vec::new(),
            audience: Audience::Both,
            source: String::new(),
            clause: String::new(),
            valid_from: None,
            valid_to: None,
            supersedes: None,
            files: Vec::new(),
            base: None,
        }
    }

    #[test]
    fn what_holds_in_one_district_or_for_others_is_not_answered_to_whom_it_does_not_concern() {
        let directory = crate::organisation::demo_directory().unwrap();
        let own = |id: &str, question: &str, district: Option<&str>, audience| {
            let content = Content {
                question: question.to_owned(),
                answer: format!("{id} 的答复"),
                items: vec!["residence-permit".to_owned()],
                districts: district.iter().map(|code| (*code).to_owned()).collect(),
                audience,
                source: "示例".to_owned(),
                ..empty()
            };
            (id.to_owned(), crate::known::testing::published(id, content))
        };
        let districts: Vec<&str> =
            directory.units().filter(|(_, unit)| unit.kind == UnitKind::District).map(|(code, _)| code).collect();
        let (here, there) = (districts[0], districts[1]);
        let same = "居住证受理点周六开门吗";
        let entries = [
            own("kb-here", same, Some(here), Audience::Both),
            own("kb-there", same, Some(there), Audience::Both),
            own("kb-person", "公积金缴存比例怎么调整", None, Audience::Person),
            own("kb-enterprise", "公积金缴存比例怎么调整", None, Audience::Enterprise),
        ];
        let knowledge = Knowledge::at(&entries.into_iter().collect(), &directory, NOW);
        let catalogue = Catalogue::demo().unwrap().with_knowledge(Arc::new(knowledge));
        let heard = Dialogue::default();
        let said =
            |text, district, audience| Asking { district, audience, ..asking(&catalogue, text, None, &heard) }.reply();
        let here_said = said(same, Some(here), None);
        assert_eq!(answered(&here_said), Some("kb-here"));
        let ThreadBody::BotAnswer { only_in, .. } = here_said.body else { panic!() };
        assert_eq!(only_in, [directory.unit(here).unwrap().name.clone()], "and says where alone it holds");
        assert_eq!(answered(&said(same, Some(there), None)), Some("kb-there"));
        assert_eq!(reason(&said(same, Some(districts[2]), None)).0, Some(HandOverReason::NotFound), "nobody's");
        let money = "公积金缴存比例怎么调整";
        assert_eq!(answered(&said(money, None, Some("person"))), Some("kb-person"));
        assert_eq!(answered(&said(money, None, Some("enterprise"))), Some("kb-enterprise"));
        // What has not begun, or is over, at the instant of the question.
        let late = Asking { now: Timestamp(-1), district: Some(here), ..asking(&catalogue, same, None, &heard) };
        assert_eq!(reason(&late.reply()).0, Some(HandOverReason::NotFound));
    }

    #[test]
    fn thresholds_of_another_version_decide_otherwise_and_say_so() {
        let catalogue = Catalogue::demo().unwrap();
        let text = "居住证丢了咋办";
        let ThreadBody::BotAnswer { decided: Some(by), .. } = reply(&catalogue, text, None).body else { panic!() };
        let row = ThresholdRow {
            version: 4,
            answer: 0.999,
            clarify: 0.1,
            approve: None,
            basis: String::new(),
            reason: String::new(),
            copy_of: None,
            calibrator: None,
            figures: None,
            changed_by: Author::System,
            changed_at: NOW,
        };
        let settings = catalogue.knowledge().settings().next(Some(&row), Vec::new());
        let strict = catalogue.with_knowledge(Arc::new(catalogue.knowledge().by(settings)));
        let ThreadBody::BotClarify { decided: Some(strictly), options, .. } = reply(&strict, text, None).body else {
            panic!("asks back")
        };
        assert_eq!((by.thresholds, strictly.thresholds), (0, 4));
        assert!((by.probability - strictly.probability).abs() < 1e-9);
        assert_eq!(options[0].probability, Some(strictly.probability));
    }

    #[test]
    fn from_the_level_on_an_answer_is_checked_and_below_it_the_citizen_is_asked() {
        let catalogue = Catalogue::demo().unwrap();
        let text = "居住证丢了咋办";
        let ThreadBody::BotAnswer { decided: Some(by), .. } = reply(&catalogue, text, None).body else { panic!() };
        let sure = by.probability;
        let says = |answer: f64, approve: f64, is_checked: bool, heard: &Dialogue| {
            let row = ThresholdRow {
                version: 1,
                answer,
                clarify: 0.1,
                approve: Some(approve),
                basis: String::new(),
                reason: String::new(),
                copy_of: None,
                calibrator: None,
                figures: None,
                changed_by: Author::System,
                changed_at: NOW,
            };
            let settings = catalogue.knowledge().settings().next(Some(&row), Vec::new());
            let set = catalogue.with_knowledge(Arc::new(catalogue.knowledge().by(settings)));
            Asking { is_checked, ..asking(&set, text, None, heard) }.reply()
        };
        let none = Dialogue::default();
        let checked = says(0.9999, sure, true, &none);
        assert_eq!(reason(&checked), (Some(HandOverReason::Approval), true), "at the level: {sure}");
        assert_eq!(turn(&checked.body), Some(BotTurn::Proposed));
        let ThreadBody::BotHandOver { proposed: Some(option), decided: Some(by), .. } = checked.body else { panic!() };
        assert_eq!((option.entry.as_str(), option.probability, by.thresholds), (MEANT, Some(sure), 1));
        for (answer, approve, is_checked, heard) in
            [(0.9999, sure.next_up(), true, &none), (0.9999, sure, false, &none)]
        {
            let said = says(answer, approve, is_checked, heard);
            assert!(matches!(said.body, ThreadBody::BotClarify { .. }), "{approve} {is_checked}: {said:?}");
        }
        assert!(answered(&says(sure, 0.2, true, &none)).is_some(), "sure enough: nobody needs to check");
        // One who was asked back twice goes to a person in any case.
        assert_eq!(reason(&says(0.9999, sure, true, &asked_back(2))).0, Some(HandOverReason::NotUnderstood));
        assert_eq!(reason(&says(0.9999, sure, true, &asked_back(1))).0, Some(HandOverReason::Approval));
    }

    const MEANT: &str = "kb-residence-permit-lost";
}
