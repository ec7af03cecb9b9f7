//! What a citizen and 小申 say to each other, as far as it depends on what was said before (docs/bot.md): "none of these",
//! follow-ups, questions near what is being typed, and what a person is told who takes over.
//!
//! All of it is read from the thread, so that it is the same after a restart, on another node and on a second device.

use std::sync::Arc;

use bangban_domain::{
    ConversationId, Timestamp,
    conversation::{self, MAX_CLIENT_ID},
    dialogue::{Dialogue, Packet, Said, Shown},
    org::Directory,
    words::{CitizenKind, Stage},
};
use bangban_protocol::{
    Answer, BotOption, ErrorCode, HandOverPacket, HandOverReason, Party, ShownOption, ThreadBody, ThreadEntry,
    WireError,
};
use bangban_search::Filter;
use bangban_store::{Lane, Unit};

use super::{
    App, actor, forbidden, invalid,
    messages::{Writer, bot_entry},
    not_found,
    other_words::Worded,
    store_error, thread_entry,
};
use crate::{
    auth::Principal,
    bot::{Asking, Reply, district_of},
    desk::{Order, entry},
    known::district_in,
    masking::masked,
};

/// So much of a thread's end is looked at: longer than anybody talks with 小申 about one matter.
pub(super) const LOOKED_BACK: u32 = 200;

/// Suggestions at one time.
const SUGGESTED: usize = 5;

/// Shortest and longest text that is looked up while it is typed, in characters.
const TYPED: std::ops::RangeInclusive<usize> = 2..=60;

/// What is less likely than that is not suggested.
const LEAST: f64 = 0.05;

/// What a thread says to whoever answers next.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard {
    /// How the dialogue stands.
    pub(super) dialogue: Dialogue,
    /// Code of the district that the page is about, or that the citizen has named last.
    pub(super) district: Option<String>,
    /// The last clarification.
    asked_back: Option<u64>,
    /// The answer that is to be said, in other words.
    pub(super) worded: Option<Worded>,
}

/// What an entry means to the dialogue.
fn said(one: &ThreadEntry) -> Option<Said> {
    Some(match (&one.from, &one.body) {
        (Party::Citizen, ThreadBody::Text { text, .. }) => Said::Asked(text.clone()),
        (_, ThreadBody::OptionsRefused { .. }) => Said::Refused,
        (Party::Bot, ThreadBody::BotAnswer { entry, question, .. }) => {
            Said::Answered { entry: entry.clone(), question: question.clone() }
        }
        (_, ThreadBody::BotClarify { options, .. }) => {
            let shown = |option: &BotOption| Shown {
                entry: option.entry.clone(),
                question: option.question.clone(),
                probability: option.probability,
                is_chosen: false,
            };
            Said::AskedBack(options.iter().map(shown).collect())
        }
        // Somebody has served it, or it was over: what comes after is another matter.
        (
            _,
            ThreadBody::AgentJoined { .. }
            | ThreadBody::Closed { .. }
            | ThreadBody::Reopened
            | ThreadBody::BotFeedback { solved: true, .. },
        ) => Said::Settled,
        _ => return None,
    })
}

/// For which of the knowledge base's readers; a visitor may be either.
pub(super) fn audience(is_anonymous: bool, kind: CitizenKind) -> Option<&'static str> {
    (!is_anonymous).then_some(match kind {
        CitizenKind::Person => "person",
        CitizenKind::Enterprise => "enterprise",
    })
}

/// What was said before, by a thread's end.
pub(super) fn heard_in(thread: &[ThreadEntry], directory: &Directory) -> Heard {
    let mut heard = Heard::default();
    for one in thread {
        match (&one.from, &one.body) {
            (_, ThreadBody::BotGreeting { district: Some(district), .. }) => {
                heard.district = Some(district.clone());
            }
            (Party::Citizen, ThreadBody::Text { text, .. }) => {
                if let Some(named) = district_in(text, directory) {
                    heard.district = Some(named.to_owned());
                }
            }
            (_, ThreadBody::BotClarify { .. }) => heard.asked_back = Some(one.seq),
            _ => {}
        }
        if let Some(said) = said(one) {
            heard.dialogue.hear(one.at, said);
        }
    }
    heard
}

impl App {
    pub(super) async fn end_of_thread(&self, id: ConversationId) -> Result<Vec<ThreadEntry>, WireError> {
        let rows = self.store.entries_before(id, Lane::Public, u64::MAX, LOOKED_BACK).await.map_err(store_error)?;
        rows.into_iter().map(thread_entry).collect()
    }

    /// What was said before in a conversation.
    pub(super) async fn heard(&self, id: ConversationId) -> Result<Heard, WireError> {
        Ok(heard_in(&self.end_of_thread(id).await?, self.catalogue().directory()))
    }
    /// What 小申 says to a citizen by all that is known of them; `ask` makes the reply.
    #[expect(clippy::too_many_arguments, reason = "all that is known of a question")]
    pub(super) fn bot_reply(
        &self,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        item: Option<&str>,
        text: &str,
        heard: &Heard,
        ask: impl FnOnce(&Asking<'_>) -> Reply,
    ) -> Reply {
        let catalogue = self.catalogue();
        let calendar = catalogue.calendar_of(catalogue.team_of(item));
        let team = self.shared.live.get(&id).map(|live| live.view.team.clone()).unwrap_or_default();
        let block = match who {
            Principal::Citizen(citizen) => catalogue.directory().block(citizen.id, catalogue.team_of(item), at),
            Principal::Staff(_) => None,
        };
        let asking = Asking {
            catalogue: &catalogue,
            text,
            item,
            district: district_of(&catalogue, text, heard.district.as_deref(), &team),
            audience: match who {
                Principal::Citizen(citizen) => audience(citizen.anonymous, citizen.kind),
                Principal::Staff(_) => None,
            },
            now: self.clock.now(),
            opens_at: (!calendar.in_service(at)).then(|| calendar.next_open(at).unwrap_or(at)),
            is_checked: block.is_none() && calendar.in_service(at) && self.has_checker(&catalogue, &team),
            heard: &heard.dialogue,
        };
        let reply = ask(&asking);
        match block {
            Some(block) => reply.of_blocked(block.until),
            None => reply,
        }
    }

    /// None of the questions that 小申 offered.
    pub(super) async fn refuse_options(
        self: &Arc<Self>,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        client_id: &str,
        on: u64,
    ) -> Result<Answer, WireError> {
        let client_id = conversation::text("clientId", client_id, MAX_CLIENT_ID).map_err(invalid)?;
        let Principal::Citizen(_) = who else { return Err(forbidden()) };
        let Writer { author, party, asked } = self.writer(who, id)?;
        let thread = self.end_of_thread(id).await?;
        if let Some(taken) = thread.iter().find(|one| one.client_id.as_deref() == Some(client_id) && one.from == party)
        {
            return Ok(Answer::Sent { seq: taken.seq, at: taken.at });
        }
        let heard = self.heard(id).await?;
        let Some(item) = asked else {
            return Err(WireError::new(ErrorCode::InvalidStage, "小申 does not answer now"));
        };
        if heard.asked_back != Some(on) || !heard.dialogue.is_asked_back() {
            let outdated = WireError::new(ErrorCode::Outdated, "nothing stands there that could be refused");
            return Err(WireError { field: Some("on".to_owned()), ..outdated });
        }
        let reply = self.bot_reply(who, at, id, item.as_deref(), "", &heard, |asking| asking.refused());
        let mut refusal = entry(id, Lane::Public, at, author, &party, &ThreadBody::OptionsRefused { on });
        refusal.client_id = Some(client_id.to_owned());
        let unit = Unit { entries: vec![refusal, bot_entry(id, at, &reply.body)], ..Unit::default() };
        let (answer, is_new) = self.append(at, unit)?.await?;
        if reply.requests_human && is_new {
            self.desk.give(actor(who), at, Order::RequestHuman(id)).await?;
        }
        Ok(answer)
    }

    /// Published questions near what a citizen is typing. Nothing of it is kept or logged.
    pub(super) fn suggest(&self, who: &Principal, id: ConversationId, text: &str) -> Result<Answer, WireError> {
        let Principal::Citizen(citizen) = who else { return Err(forbidden()) };
        let live = self.shared.live.get(&id).map(|live| (live.citizen, live.view.clone()));
        let (owner, view) = live.ok_or_else(not_found)?;
        if owner != citizen.id {
            return Err(not_found());
        }
        let text = text.trim();
        if view.stage != Stage::Bot || !TYPED.contains(&text.chars().count()) {
            return Ok(Answer::Suggestions { options: Vec::new() });
        }
        let catalogue = self.catalogue();
        let index = catalogue.index();
        let filter = Filter {
            district: district_of(&catalogue, text, None, &view.team),
            audience: audience(citizen.anonymous, citizen.kind),
            at: Some(self.clock.now().0),
            ..Filter::default()
        };
        let hits = index.search_within(text, view.item.as_deref(), &filter, SUGGESTED);
        let likely = hits.iter().filter(|hit| hit.confidence >= LEAST).filter_map(|hit| hit.entry_in(index));
        // Where nobody has said a district, what holds in one alone is not suggested.
        let likely = likely.filter(|entry| entry.districts.is_empty() || filter.district.is_some());
        let option = |entry: &bangban_search::Entry| BotOption {
            entry: entry.id.clone(),
            question: entry.question.clone(),
            probability: None,
        };
        Ok(Answer::Suggestions { options: likely.map(option).collect() })
    }

    /// What a person is told who takes a conversation over; `None`: nothing was asked of 小申.
    pub(super) async fn packet(&self, id: ConversationId) -> Result<Option<HandOverPacket>, WireError> {
        let mut dialogue = Dialogue::default();
        let (mut reason, mut guide): (Option<HandOverReason>, _) = (None, None);
        let thread = self.end_of_thread(id).await?;
        let proposed = self.proposed_in(id, &thread).await?;
        // Up to the first person: what is said to an agent is no question to 小申.
        let mut is_served = false;
        for one in thread.into_iter().map(masked) {
            if is_served && !matches!(one.body, ThreadBody::Reopened) {
                continue;
            }
            match &one.body {
                ThreadBody::GuideAsked { walk, .. }
                | ThreadBody::GuideSeveral { walk, .. }
                | ThreadBody::GuideChecklist { walk, .. } => guide = Some(walk.clone()),
                ThreadBody::BotHandOver { reason: why, .. } => reason = Some(*why),
                ThreadBody::BotAnswer { .. } | ThreadBody::BotClarify { .. } => reason = None,
                ThreadBody::Reopened => {
                    (dialogue, reason, guide, is_served) = (Dialogue::default(), None, None, false);
                }
                ThreadBody::AgentJoined { .. } => is_served = true,
                _ => {}
            }
            if let Some(said) = said(&one).filter(|said| *said != Said::Settled) {
                dialogue.hear(one.at, said);
            }
        }
        let Packet { question, tried, shown, failed } = dialogue.packet().clone();
        if question.is_none() && tried.is_empty() && shown.is_empty() && guide.is_none() {
            return Ok(None);
        }
        Ok(Some(HandOverPacket {
            reason,
            question,
            tried: tried
                .into_iter()
                .map(|(entry, question)| BotOption { entry, question, probability: None })
                .collect(),
            shown: shown
                .into_iter()
                .map(|one| ShownOption {
                    entry: one.entry,
                    question: one.question,
                    probability: one.probability,
                    chosen: one.is_chosen,
                })
                .collect(),
            failed,
            proposed,
            guide,
        }))
    }
}
