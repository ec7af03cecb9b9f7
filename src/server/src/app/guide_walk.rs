//! Guided dialogues in conversations (docs/guide.md). How far one is stands in the thread and nowhere else: each entry of 小申
//! in it carries the whole walk, so it is durable before it is shown, and whoever reads the thread goes on from there, after a
//! reload, on another device or on another node.

use std::sync::Arc;

use bangban_domain::{
    ConversationId, Timestamp,
    conversation::{self, MAX_CLIENT_ID},
    guide::{Checklist, Facts, Guide, Next, Refusal, Walk},
    knowledge::{MAX_POINTS, ReviewPoint},
    words::Stage,
};
use bangban_protocol::{Answer, ErrorCode, GuideStepKind, GuideWalk, Party, ThreadBody, ThreadEntry, WireError};
use bangban_store::{Author, Lane, NewEntry, Unit};

use super::{
    App, forbidden, invalid,
    messages::{Writer, bot_entry},
    not_found, store_error, thread_entry,
};
use crate::{
    auth::Principal,
    desk::entry,
    guides::{carried, choices, situations, walk_of},
    known::district_in,
};

/// Entries of a thread that are read at one time.
const PAGE: u32 = 200;

/// Entries before the begin among which the citizen's last question is looked for.
const LOOKED_BACK: u32 = 30;

/// Where a dialogue stands, as a step finds it.
pub(super) enum Standing {
    /// This step was taken already.
    Taken(Answer),
    /// Here.
    At(Box<ThreadBody>),
}

/// A step of a walk, and what the thread says of it.
struct Stepped {
    walk: Walk,
    question: String,
    label: String,
    /// Chosen from several that remained.
    situation: Option<String>,
}

fn no_guide() -> WireError {
    let none = WireError::new(ErrorCode::NotFound, "the item has no guided dialogue in force");
    WireError { field: Some("item".to_owned()), ..none }
}

fn refused(refusal: Refusal) -> WireError {
    match refusal {
        Refusal::NoChoice => WireError::field("choice", "is none of the choices"),
        Refusal::NotAsked => WireError::new(ErrorCode::InvalidStage, "nothing is asked"),
        Refusal::AtBegin => WireError::new(ErrorCode::InvalidStage, "nothing was answered yet"),
    }
}

/// The walk of an entry, if it is one of 小申 in a dialogue.
fn walk_in(body: &ThreadBody) -> Option<&GuideWalk> {
    match body {
        ThreadBody::GuideAsked { walk, .. }
        | ThreadBody::GuideSeveral { walk, .. }
        | ThreadBody::GuideChecklist { walk, .. } => Some(walk),
        _ => None,
    }
}

fn is_guide(body: &ThreadBody) -> bool {
    walk_in(body).is_some()
}

/// Takes a step from where a dialogue stands.
fn step(guide: &Guide, at: &ThreadBody, kind: GuideStepKind, choice: Option<&str>) -> Result<Stepped, WireError> {
    let walk = walk_in(at).map(walk_of).unwrap_or_default();
    let chosen = || choice.ok_or_else(|| WireError::field("choice", "is missing"));
    let silent = |walk| Stepped { walk, question: String::new(), label: String::new(), situation: None };
    Ok(match (kind, at) {
        (GuideStepKind::Answer, ThreadBody::GuideSeveral { situations, .. }) => {
            let chosen = chosen()?;
            let one = situations.iter().find(|one| one.code == chosen).ok_or_else(|| refused(Refusal::NoChoice))?;
            Stepped { label: one.label.clone(), situation: Some(one.code.clone()), ..silent(walk) }
        }
        (GuideStepKind::Answer, ThreadBody::GuideAsked { text, choices, .. }) => {
            let chosen = chosen()?;
            let next = guide.answer(&walk, chosen).map_err(refused)?;
            let label = choices.iter().find(|one| one.code == chosen).map(|one| one.label.clone()).unwrap_or_default();
            Stepped { question: text.clone(), label, ..silent(next) }
        }
        (GuideStepKind::Skip, ThreadBody::GuideAsked { text, .. }) => {
            Stepped { question: text.clone(), ..silent(guide.skip(&walk).map_err(refused)?) }
        }
        // The situation was chosen from a list: back to the list.
        (GuideStepKind::Back, ThreadBody::GuideChecklist { .. })
            if matches!(guide.next(&mut walk.clone()), Next::Several(_)) =>
        {
            silent(walk)
        }
        (GuideStepKind::Back, _) => silent(guide.back(&walk).map_err(refused)?),
        (GuideStepKind::Restart, _) => silent(Guide::restart()),
        (GuideStepKind::Answer | GuideStepKind::Skip, _) => return Err(refused(Refusal::NotAsked)),
    })
}

impl App {
    /// Begins an item's guided dialogue: for the citizen, or the agent for them.
    pub(super) async fn start_guide(
        self: &Arc<Self>,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        client_id: &str,
        item: &str,
    ) -> Result<Answer, WireError> {
        let client_id = conversation::text("clientId", client_id, MAX_CLIENT_ID).map_err(invalid)?;
        let Writer { author, party, .. } = self.writer(who, id)?;
        let catalogue = self.catalogue();
        let guide = catalogue.guides().get(item).ok_or_else(no_guide)?.clone();
        let item_name = catalogue.item_name(Some(item)).ok_or_else(no_guide)?;
        let (citizen, team) = {
            let live = self.shared.live.get(&id).ok_or_else(not_found)?;
            (live.citizen, live.view.team.clone())
        };
        let text = self.last_asked(id).await?;
        let citizen = self.store.citizen(citizen).await.map_err(store_error)?.ok_or_else(not_found)?;
        let directory = catalogue.directory();
        let of_team = || directory.team(&team).and_then(|team| directory.unit(&team.unit)?.district.as_deref());
        let facts = Facts {
            text: &text,
            kind: (!citizen.anonymous).then_some(citizen.kind),
            district: district_in(&text, directory).or_else(of_team),
        };
        let mut walk = guide.content.begin(&facts);
        let next = self.told(item, &item_name, (guide.revision, &guide.content), &mut walk, None).await?;
        let started = ThreadBody::GuideStarted { item: item.to_owned(), item_name };
        self.append_step(at, id, (author, &party), client_id, &started, &next).await
    }

    /// A step of the citizen's.
    #[expect(clippy::too_many_arguments, reason = "the fields of one command")]
    pub(super) async fn guide_step(
        self: &Arc<Self>,
        who: &Principal,
        at: Timestamp,
        id: ConversationId,
        client_id: &str,
        on: u64,
        kind: GuideStepKind,
        choice: Option<&str>,
    ) -> Result<Answer, WireError> {
        let client_id = conversation::text("clientId", client_id, MAX_CLIENT_ID).map_err(invalid)?;
        let Principal::Citizen(_) = who else { return Err(forbidden()) };
        let Writer { author, party, .. } = self.writer(who, id)?;
        let stands = match self.standing(id, on, client_id, is_guide).await? {
            Standing::Taken(answer) => return Ok(answer),
            Standing::At(body) => *body,
        };
        let before = walk_in(&stands).ok_or_else(|| WireError::field("on", "is no entry of a guided dialogue"))?;
        let catalogue = self.catalogue();
        let now = catalogue.guides().get(&before.item).ok_or_else(no_guide)?;
        // A walk goes on by the revision that it began with; one that begins anew takes the newest.
        let (revision, guide) = if kind == GuideStepKind::Restart || now.revision == before.revision {
            (now.revision, Arc::clone(&now.content))
        } else {
            let old = self.store.guide_revision(&before.item, before.revision).await.map_err(store_error)?;
            (before.revision, Arc::new(old.ok_or_else(no_guide)?.content))
        };
        let Stepped { mut walk, question, label, situation } = step(&guide, &stands, kind, choice)?;
        let known = (revision, &*guide);
        let next = self.told(&before.item, &before.item_name, known, &mut walk, situation.as_deref()).await?;
        let stepped = ThreadBody::GuideStepped { on, step: kind, question, label };
        self.append_step(at, id, (author, &party), client_id, &stepped, &next).await
    }

    /// What somebody did and what 小申 says to it, as one unit.
    async fn append_step(
        self: &Arc<Self>,
        at: Timestamp,
        id: ConversationId,
        (author, party): (Author, &Party),
        client_id: &str,
        done: &ThreadBody,
        next: &ThreadBody,
    ) -> Result<Answer, WireError> {
        let mut done = entry(id, Lane::Public, at, author, party, done);
        done.client_id = Some(client_id.to_owned());
        let with_bot = self.shared.live.get(&id).is_some_and(|live| live.view.stage == Stage::Bot);
        let next = if with_bot {
            bot_entry(id, at, next)
        } else {
            // Whoever waits for a person, or is served by one, may go on; it is no turn of the bot's figures.
            NewEntry { follows: true, ..entry(id, Lane::Public, at, Author::Bot, &Party::Bot, next) }
        };
        let unit = Unit { entries: vec![done, next], ..Unit::default() };
        Ok(self.append(at, unit)?.await?.0)
    }

    /// What 小申 says where a walk stands, or of the situation that was chosen from several.
    async fn told(
        &self,
        item: &str,
        item_name: &str,
        (revision, guide): (u32, &Guide),
        walk: &mut Walk,
        situation: Option<&str>,
    ) -> Result<ThreadBody, WireError> {
        let next = guide.next(walk);
        let carried = carried(item, item_name, revision, guide, walk);
        let found = match (situation.and_then(|code| guide.situation(code)), next) {
            (Some(chosen), _) => chosen,
            (None, Next::Found(found)) => found,
            (None, Next::Several(some)) => {
                return Ok(ThreadBody::GuideSeveral { walk: carried, situations: situations(&some) });
            }
            (None, Next::Ask { question, step, most }) => {
                return Ok(ThreadBody::GuideAsked {
                    walk: carried,
                    question: question.code.clone(),
                    text: question.text.clone(),
                    help: question.help.clone(),
                    choices: choices(question),
                    step,
                    most,
                });
            }
        };
        let checklist = Checklist::of(found, &self.points_of(item).await?);
        Ok(ThreadBody::GuideChecklist { walk: carried, checklist })
    }

    /// Every review point of an item.
    pub(super) async fn points_of(&self, item: &str) -> Result<Vec<ReviewPoint>, WireError> {
        let rows = self.store.review_points(item, u32::try_from(MAX_POINTS).unwrap_or(u32::MAX)).await;
        Ok(rows.map_err(store_error)?.into_iter().map(|row| row.point).collect())
    }

    /// The citizen's last words, among the last entries.
    async fn last_asked(&self, id: ConversationId) -> Result<String, WireError> {
        let rows = self.store.entries_before(id, Lane::Public, u64::MAX, LOOKED_BACK).await.map_err(store_error)?;
        for row in rows.into_iter().rev() {
            if let ThreadEntry { from: Party::Citizen, body: ThreadBody::Text { text, .. }, .. } = thread_entry(row)? {
                return Ok(text);
            }
        }
        Ok(String::new())
    }

    /// Where the dialogue stands that a step answers, if it stands there still. `is_of`: is it an entry of 小申 in one?
    pub(super) async fn standing(
        &self,
        id: ConversationId,
        on: u64,
        client_id: &str,
        is_of: fn(&ThreadBody) -> bool,
    ) -> Result<Standing, WireError> {
        let none = || WireError::field("on", "is no entry of such a dialogue");
        let mut after = on.checked_sub(1).ok_or_else(none)?;
        let mut stands = None;
        let mut is_last = true;
        loop {
            let rows = self.store.entries_after(id, Lane::Public, after, PAGE).await.map_err(store_error)?;
            let is_full = rows.len() == PAGE as usize;
            after = rows.last().map_or(after, |row| row.seq);
            for row in rows {
                let (seq, at, is_mine) = (row.seq, row.at, row.client_id.as_deref() == Some(client_id));
                let ThreadEntry { from, body, .. } = thread_entry(row)?;
                if seq == on {
                    stands = Some(body).filter(|body| from == Party::Bot && is_of(body));
                } else if is_mine && from == Party::Citizen {
                    return Ok(Standing::Taken(Answer::Sent { seq, at }));
                } else if from == Party::Bot && is_of(&body) {
                    is_last = false;
                }
            }
            if !is_full {
                break;
            }
        }
        match stands {
            Some(body) if is_last => Ok(Standing::At(Box::new(body))),
            Some(_) => Err(WireError { field: Some("on".to_owned()), ..outdated() }),
            None => Err(none()),
        }
    }
}

fn outdated() -> WireError {
    WireError::new(ErrorCode::Outdated, "the dialogue has gone on")
}
