//! Why 小申 answers a message as it does (docs/bot.md): by the entries, words, weights and thresholds that hold now, beside what it
//! decided then.

use bangban_domain::{ConversationId, dialogue::Dialogue, privacy::mask};
use bangban_protocol::{
    Decided, ErrorCode, HandOverReason, Party, SaidOtherwise, ThreadBody, WhyDecision, WhyFeature, WhyHit, WhyTry,
    WhyView, WireError,
};
use bangban_search::{Band, Decision, Explanation, Filter, HandOverReason as Reason, Weighed};
use bangban_store::{Change, FileOwner, Lane, Unit};

use super::{
    App,
    dialogue::{LOOKED_BACK, audience, heard_in},
    not_found, store_error, thread_entry,
};
use crate::{
    auth::Staff,
    bot::{Asking, district_of},
    catalogue::Catalogue,
};

/// Entries that are shown.
const SHOWN: usize = 5;

/// Longest question that is tried.
const MAX_QUESTION: usize = 200;

/// What was decided, of what 小申 says about a question.
fn decided(body: &ThreadBody) -> Option<Option<&Decided>> {
    match body {
        ThreadBody::BotAnswer { decided, .. } | ThreadBody::BotClarify { decided, .. } => Some(decided.as_ref()),
        ThreadBody::BotHandOver {
            reason: HandOverReason::NotFound | HandOverReason::NotUnderstood | HandOverReason::Approval,
            decided,
            ..
        } => Some(decided.as_ref()),
        _ => None,
    }
}

fn said_otherwise(body: &ThreadBody) -> Option<SaidOtherwise> {
    let ThreadBody::BotAnswer { text, rephrased: Some(words), .. } = body else { return None };
    Some(SaidOtherwise { official: text.clone(), text: words.text.clone(), by: words.by.clone() })
}

impl App {
    /// Why 小申 said this, for whoever may read the conversation and reads or keeps the knowledge base. The question is taken
    /// without personal data, so that nothing of it is shown.
    pub(crate) async fn why_said(&self, staff: &Staff, id: ConversationId, seq: u64) -> Result<WhyView, WireError> {
        self.seen_units(staff)?;
        self.check_reading(FileOwner::Staff(staff.id), id).await?;
        let row = self.store.conversation(id).await.map_err(store_error)?.ok_or_else(not_found)?;
        if row.agent != Some(staff.id) {
            let line = self.look_line(staff, &row, "conversation.read", &serde_json::json!({ "seq": seq }));
            let unit = Unit { changes: vec![Change::Audit(line)], ..Unit::default() };
            self.store.commit(unit).await.map_err(store_error)?;
        }
        let before = seq.saturating_add(1);
        let rows = self.store.entries_before(id, Lane::Public, before, LOOKED_BACK).await.map_err(store_error)?;
        let thread = rows.into_iter().map(thread_entry).collect::<Result<Vec<_>, _>>()?;
        let none = || WireError {
            field: Some("seq".to_owned()),
            ..WireError::new(ErrorCode::NotFound, "小申 has decided nothing there")
        };
        let said = thread.last().filter(|said| said.seq == seq).ok_or_else(none)?;
        let then = decided(&said.body).ok_or_else(none)?.cloned();
        let asked = |one: &bangban_protocol::ThreadEntry| match (&one.from, &one.body) {
            (Party::Citizen, ThreadBody::Text { text, .. }) => Some(text.clone()),
            _ => None,
        };
        let at = thread.iter().rposition(|one| asked(one).is_some()).ok_or_else(none)?;
        let question = thread.get(at).and_then(asked).ok_or_else(none)?;
        let catalogue = self.catalogue();
        let heard = heard_in(&thread[..at], catalogue.directory());
        let text = mask(&question);
        let citizen = self.store.citizen(row.citizen).await.map_err(store_error)?;
        let asking = Asking {
            catalogue: &catalogue,
            text: &text,
            item: row.item.as_deref(),
            district: district_of(&catalogue, &text, heard.district.as_deref(), &row.team),
            audience: citizen.and_then(|citizen| audience(citizen.anonymous, citizen.kind)),
            // A follow-up was one when it was asked; what holds is looked at as of now.
            now: thread.get(at).map_or_else(|| self.clock.now(), |one| one.at),
            opens_at: None,
            is_checked: true,
            heard: &heard.dialogue,
        };
        let mut view = explained(&asking, self.clock.now());
        (view.masked, view.then, view.said) = (text != question, then, said_otherwise(&said.body));
        Ok(view)
    }

    /// Why a question would be answered as it would, for whoever reads or keeps the knowledge base.
    pub(crate) fn why_asked(&self, staff: &Staff, wanted: &WhyTry) -> Result<WhyView, WireError> {
        self.seen_units(staff)?;
        let text = bangban_domain::conversation::text("question", &wanted.question, MAX_QUESTION);
        let question = text.map_err(super::invalid)?;
        let catalogue = self.catalogue();
        let item = wanted.item.as_deref().filter(|item| !item.is_empty());
        if item.is_some_and(|item| catalogue.directory().item(item).is_none()) {
            return Err(WireError::field("item", "no such item"));
        }
        let (text, heard) = (mask(question), Dialogue::default());
        let asking = Asking {
            catalogue: &catalogue,
            text: &text,
            item,
            district: district_of(&catalogue, &text, None, ""),
            audience: None,
            now: self.clock.now(),
            opens_at: None,
            is_checked: true,
            heard: &heard,
        };
        let mut view = explained(&asking, asking.now);
        view.masked = text != question;
        Ok(view)
    }
}

fn decision(asking: &Asking<'_>, weighed: &Weighed) -> WhyDecision {
    match &weighed.decision {
        Decision::Clarify { .. } if asking.proposed(weighed).is_some() => WhyDecision::Approve,
        Decision::Answer { .. } => WhyDecision::Answer,
        Decision::Clarify { .. } => WhyDecision::Clarify,
        Decision::HandOver { reason: Reason::NotFound } => WhyDecision::NotFound,
        Decision::Greeting | Decision::HandOver { .. } => WhyDecision::ByWords,
    }
}

/// The question as the index reads it: a follow-up with the item of the answer that it follows on.
fn explanation(asking: &Asking<'_>, context: Option<&str>, weighed: &Weighed, filter: &Filter<'_>) -> Explanation {
    let index = asking.catalogue.index();
    let item = context.and_then(|entry| index.entry(entry)).map(|entry| entry.item.as_str());
    let name = item.and_then(|item| asking.catalogue.item_name(Some(item)));
    let text = name.map_or_else(|| asking.text.to_owned(), |name| format!("{name}{}", asking.text));
    let explain = |filter: &Filter<'_>| index.explain_within(&text, item.or(asking.item), filter, SHOWN);
    let found = explain(&Filter { item, ..*filter });
    // What is for others too came first: then that is what is to be seen.
    let first = weighed.nearest.first().map(|(entry, _)| entry);
    let has_first = first.is_none_or(|first| found.hits.iter().any(|hit| hit.entry == *first));
    if has_first { found } else { explain(&Filter { audience: None, item: None, ..*filter }) }
}

fn explained(asking: &Asking<'_>, now: bangban_domain::Timestamp) -> WhyView {
    let catalogue: &Catalogue = asking.catalogue;
    let (index, settings) = (catalogue.index(), catalogue.knowledge().settings());
    let (weighed, context) = asking.weighed();
    let filter = Filter { at: Some(now.0), ..asking.filter() };
    let found = explanation(asking, context.as_deref(), &weighed, &filter);
    let question_of = |entry: &str| index.entry(entry).map(|one| one.question.clone()).unwrap_or_default();
    let hits = found.hits.into_iter().map(|hit| WhyHit {
        question: question_of(&hit.entry),
        entry: hit.entry,
        row: hit.row,
        by_words: hit.channels[0].into(),
        by_characters: hit.channels[1].into(),
        by_sounds: hit.channels[2].into(),
        features: hit
            .features
            .into_iter()
            .map(|(name, value)| WhyFeature { name: name.to_owned(), value: value.into() })
            .collect(),
        log_odds: hit.log_odds,
        probability: hit.probability,
        band: match hit.band {
            Band::Answer => WhyDecision::Answer,
            Band::Approve => WhyDecision::Approve,
            Band::Clarify => WhyDecision::Clarify,
            Band::HandOver => WhyDecision::NotFound,
        },
    });
    let district = asking.district.and_then(|code| catalogue.directory().unit(code));
    WhyView {
        question: asking.text.to_owned(),
        masked: false,
        read_as: found.read_as,
        words: found.words,
        item_name: catalogue.item_name(asking.item),
        district_name: district.map(|unit| unit.name.clone()),
        context: context.as_deref().map(question_of),
        model: found.version,
        thresholds: settings.version,
        answer: settings.model.thresholds.answer,
        clarify: settings.model.thresholds.clarify,
        approve: settings.model.thresholds.approve,
        decision: decision(asking, &weighed),
        hits: hits.collect(),
        then: None,
        said: None,
    }
}
