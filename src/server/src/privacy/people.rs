//! What there is about one person: to find them, to hand it out, to erase it (个人信息保护法 articles 45 and 47).

use std::{collections::HashSet, sync::Arc};

use axum::body::Bytes;
use bangban_domain::{
    AgentId, CallId, CitizenId, ConversationId, Timestamp, WindowId,
    alert::Intervention,
    call::{CallEnd, CallOrigin},
    conversation,
    history::Event,
    learning::LabelKind,
    window::{EndedBecause, Purpose},
    words::{Channel, CitizenKind, Outcome, Stage},
};
use bangban_protocol::{ErrorCode, Party, ThreadBody, ThreadEntry, WireError};
use bangban_store::{
    Archive, Audit, Author, Change, CitizenRow, ErasureRow, ErasureState, LabelRow, Lane, PastCall, PrivacyChange,
    Store, StoreError, Unit, WindowRow,
};
use futures_util::TryStreamExt as _;
use serde::Serialize;
use tokio::sync::mpsc;

use super::{hashed, json, page, zip::Zip};
use crate::{
    app::thread_entry,
    clock::Clock,
    desk::new_id,
    files::{Files, Variant},
};

/// Entries read at once.
const PAGE: u32 = 500;

/// A search finds at most so many.
const FOUND: u32 = 20;

/// A person as an export has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonData {
    /// Id.
    pub id: CitizenId,
    /// Full name.
    pub name: String,
    /// Person or enterprise.
    pub kind: CitizenKind,
    /// Real-name level.
    pub level: String,
    /// Telephone.
    pub phone: Option<String>,
    /// Unified social credit code of an enterprise.
    pub credit_code: Option<String>,
    /// Last token.
    pub seen_at: Timestamp,
}

impl From<CitizenRow> for PersonData {
    fn from(row: CitizenRow) -> Self {
        let CitizenRow { id, name, kind, level, phone, credit_code, seen_at, .. } = row;
        Self { id, name, kind, level, phone, credit_code, seen_at }
    }
}

/// A virtual window as an export has it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct WindowData<'a> {
    window: WindowId,
    conversation: ConversationId,
    opened_at: Timestamp,
    live_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    because: Option<EndedBecause>,
    /// How well it went.
    quality: Option<&'a serde_json::value::RawValue>,
    consents: Vec<ConsentData<'a>>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ConsentData<'a> {
    purpose: Purpose,
    text: &'a str,
    version: u32,
    given_at: Timestamp,
    taken_back_at: Option<Timestamp>,
}

impl<'a> From<&'a WindowRow> for WindowData<'a> {
    fn from(row: &'a WindowRow) -> Self {
        let consents = row.consents.iter().map(|(consent, taken_back_at)| ConsentData {
            purpose: consent.purpose,
            text: &consent.text.id,
            version: consent.text.version,
            given_at: consent.at,
            taken_back_at: *taken_back_at,
        });
        Self {
            window: row.window,
            conversation: row.conversation,
            opened_at: row.opened_at,
            live_at: row.live_at,
            ended_at: row.ended_at,
            because: row.because,
            quality: row.quality.as_ref().map(|quality| &*quality.0),
            consents: consents.collect(),
        }
    }
}

/// A call as an export has it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct CallData<'a> {
    call: CallId,
    conversation: Option<ConversationId>,
    origin: CallOrigin,
    item: Option<&'a str>,
    began_at: Timestamp,
    answered_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    because: Option<CallEnd>,
    stars: Option<u8>,
    /// What operators wrote.
    notes: Vec<CallNote<'a>>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct CallNote<'a> {
    at: Timestamp,
    note: &'a str,
    work_order: Option<&'a str>,
}

impl<'a> From<&'a PastCall> for CallData<'a> {
    fn from(past: &'a PastCall) -> Self {
        let notes = past.notes.iter();
        Self {
            call: past.row.call,
            conversation: past.row.conversation,
            origin: past.row.origin,
            item: past.row.item.as_deref(),
            began_at: past.row.began_at,
            answered_at: past.row.answered_at,
            ended_at: past.row.ended_at,
            because: past.row.because,
            stars: past.row.stars,
            notes: notes
                .map(|(at, note, work_order)| CallNote { at: *at, note, work_order: work_order.as_deref() })
                .collect(),
        }
    }
}

/// A conversation as an export has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "as in `ConversationRow`")]
pub struct ConversationData {
    pub id: ConversationId,
    pub item: Option<String>,
    pub team: String,
    pub channel: Channel,
    pub hall: Option<String>,
    pub ticket: Option<String>,
    pub stage: Stage,
    pub outcome: Option<Outcome>,
    pub stars: Option<u8>,
    pub comment: Option<String>,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
    pub call_back_phone: Option<String>,
    pub receipts: Vec<(String, String)>,
    pub thread: Vec<ThreadEntry>,
    pub notes: Vec<ThreadEntry>,
    /// What is kept back of the notes: named, so that the person can ask for it.
    pub withheld: Vec<Withheld>,
    pub files: Vec<String>,
    /// What the thread taught the knowledge base.
    pub labels: Vec<LabelData>,
}

/// A question of the person, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelData {
    /// Position of the entry of the thread that says it.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What became of it.
    pub kind: LabelKind,
    /// As it is kept: without personal data.
    pub question: String,
    /// The knowledge entry.
    pub entry: Option<String>,
}

impl From<LabelRow> for LabelData {
    fn from(row: LabelRow) -> Self {
        let LabelRow { seq, at, kind, question, entry, .. } = row;
        Self { seq, at, kind, question, entry }
    }
}

/// A remark that is not handed out with the rest: what a supervisor said to the agent alone about how to work. It is a direction
/// to a member of staff, and so that person's data first. That there is one is told, with the reason (个人信息保护法 article
/// 50); what in it concerns the person is given after somebody has looked at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// Position among the notes.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Why: `direction_to_staff`.
    pub reason: &'static str,
}

/// Takes what was said to the agent alone out of the notes. A note has the instant and the author of the event that says so.
fn withhold(notes: Vec<ThreadEntry>, whispers: &HashSet<(AgentId, Timestamp)>) -> (Vec<ThreadEntry>, Vec<Withheld>) {
    let is_whisper = |entry: &ThreadEntry| match (&entry.from, &entry.body) {
        (Party::Agent { id, .. }, ThreadBody::Note { .. }) => whispers.contains(&(*id, entry.at)),
        _ => false,
    };
    let (kept_back, notes): (Vec<_>, Vec<_>) = notes.into_iter().partition(is_whisper);
    let told = |entry: ThreadEntry| Withheld { seq: entry.seq, at: entry.at, reason: "direction_to_staff" };
    (notes, kept_back.into_iter().map(told).collect())
}

/// See the module.
pub struct People {
    store: Store,
    files: Arc<Files>,
    clock: Clock,
}

/// Who acts, from where and why, for the audit log.
#[derive(Debug, Clone)]
pub struct Act {
    /// Who.
    pub by: AgentId,
    /// Network address.
    pub address: String,
    /// Why; masked already.
    pub reason: Option<String>,
}

fn store_error(error: StoreError) -> WireError {
    match error {
        StoreError::StillOpen(_) => still_open(),
        other => crate::app::store_error(other),
    }
}

fn still_open() -> WireError {
    let error =
        WireError::new(ErrorCode::InvalidStage, "the person has a conversation that is not closed: close it first");
    WireError { field: Some("conversations".to_owned()), ..error }
}

fn none() -> WireError {
    WireError::new(ErrorCode::NotFound, "no such person")
}

impl People {
    /// Of these rows and files.
    #[must_use]
    pub const fn new(store: Store, files: Arc<Files>, clock: Clock) -> Self {
        Self { store, files, clock }
    }

    fn archive(&self) -> Archive {
        self.store.archive()
    }

    /// By an id of the person or of one of their conversations, a receipt, or a telephone number, exactly.
    ///
    /// # Errors
    /// Names the field.
    pub async fn find(&self, text: &str) -> Result<Vec<CitizenRow>, WireError> {
        let text =
            conversation::text("q", text, 64).map_err(|error| WireError::field("q", error.problem.to_string()))?;
        let ids = if let Ok(id) = text.parse::<CitizenId>() {
            vec![id]
        } else if let Ok(id) = text.parse::<ConversationId>() {
            self.store.conversation(id).await.map_err(store_error)?.map(|row| row.citizen).into_iter().collect()
        } else if text.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            self.archive().citizen_of_receipt(text).await.map_err(store_error)?.into_iter().collect()
        } else {
            let phone = conversation::telephone("q", text).map_err(|_| {
                WireError::field("q", "must be the id of a person or conversation, a receipt, or a telephone number")
            })?;
            self.archive().citizens_with_phone(&phone, FOUND).await.map_err(store_error)?
        };
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            rows.extend(self.store.citizen(id).await.map_err(store_error)?);
        }
        Ok(rows)
    }

    /// How many conversations they have, and how many of them are open.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn count(&self, id: CitizenId) -> Result<(usize, usize), WireError> {
        let all = self.archive().all_conversations_of(id).await.map_err(store_error)?;
        Ok((all.len(), self.open(&all).await?))
    }

    async fn open(&self, ids: &[ConversationId]) -> Result<usize, WireError> {
        let mut open = 0;
        for id in ids {
            let row = self.store.conversation(*id).await.map_err(store_error)?;
            open += usize::from(row.is_some_and(|row| row.stage != Stage::Closed));
        }
        Ok(open)
    }

    /// A line of the audit log about a person.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn tell(&self, act: &Act, action: &'static str, id: CitizenId) -> Result<(), WireError> {
        let line = self.line(act, action, id, &serde_json::json!({}));
        self.commit(vec![Change::Audit(line)]).await
    }

    fn line(&self, act: &Act, action: &'static str, id: CitizenId, detail: &impl Serialize) -> Audit {
        Audit {
            at: self.clock.now(),
            actor: Author::Agent(act.by),
            action,
            kind: "citizen".to_owned(),
            subject: id.to_string(),
            unit: None,
            reason: act.reason.clone(),
            address: Some(act.address.clone()),
            detail: json(detail),
        }
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<(), WireError> {
        self.store.commit(Unit { changes, ..Unit::default() }).await.map(drop).map_err(store_error)
    }

    // --- export -------------------------------------------------------------------------------------------------

    /// Everything about one person as a ZIP archive, part by part. The line in the audit log is there before the first byte.
    ///
    /// # Errors
    /// `not_found`, or whatever the store says.
    pub async fn export(
        self: &Arc<Self>,
        id: CitizenId,
        act: &Act,
    ) -> Result<mpsc::Receiver<Result<Bytes, std::io::Error>>, WireError> {
        let person: PersonData = self.store.citizen(id).await.map_err(store_error)?.ok_or_else(none)?.into();
        let conversations = self.archive().all_conversations_of(id).await.map_err(store_error)?;
        let detail = serde_json::json!({ "conversations": conversations.len() });
        let line = self.line(act, "citizen.export", id, &detail);
        self.commit(vec![Change::Audit(line)]).await?;
        let (into, from) = mpsc::channel(4);
        let (people, act) = (Arc::clone(self), act.clone());
        tokio::spawn(async move {
            let mut package = Package { zip: Zip::default(), into: &into, at: people.clock.now(), parts: Vec::new() };
            if let Err(error) = people.write(&mut package, person, conversations, &act).await {
                tracing::warn!(error = format!("{error:#}"), citizen = %id, "an export has no end");
                // The receiver sees a broken body, not a short archive.
                drop(into.send(Err(std::io::Error::other("the export cannot be completed"))).await);
            }
        });
        Ok(from)
    }

    async fn write(
        &self,
        package: &mut Package<'_>,
        person: PersonData,
        conversations: Vec<ConversationId>,
        act: &Act,
    ) -> anyhow::Result<()> {
        let mut html = page::head(&person, package.at);
        package.json("person.json", &person).await?;
        let windows = self.archive().windows_of(person.id).await?;
        package.json("windows.json", &windows.iter().map(WindowData::from).collect::<Vec<_>>()).await?;
        let calls = self.archive().calls_of(person.id).await?;
        package.json("calls.json", &calls.iter().map(CallData::from).collect::<Vec<_>>()).await?;
        for id in conversations {
            let Some(mut data) = self.conversation(id).await? else { continue };
            for file in self.archive().files_of(id).await? {
                let Some((row, part)) = self.files.open(file, Variant::Original, None).await? else { continue };
                let bytes: Vec<Bytes> = part.bytes.try_collect().await?;
                let name = format!("files/{file}-{}", row.name.replace(['/', '\\', ':'], "_"));
                package.part(&name, bytes.concat()).await?;
                data.files.push(name);
            }
            html += &page::conversation(&data);
            package.json(&format!("conversations/{id}.json"), &data).await?;
        }
        package.part("index.html", html.into_bytes()).await?;
        let proof = Proof {
            citizen: person.id,
            exported_by: act.by,
            exported_at: package.at,
            reason: act.reason.as_deref(),
            parts: std::mem::take(&mut package.parts),
        };
        package.json("proof.json", &proof).await?;
        package.end().await
    }

    async fn conversation(&self, id: ConversationId) -> anyhow::Result<Option<ConversationData>> {
        let Some(row) = self.store.conversation(id).await? else { return Ok(None) };
        let whispers = self.store.events_of(id).await?.into_iter().filter_map(|event| match event.what {
            Event::Intervened { by, what: Intervention::Whispered } => Some((by, event.at)),
            _ => None,
        });
        let (notes, withheld) = withhold(self.thread(id, Lane::Notes).await?, &whispers.collect());
        Ok(Some(ConversationData {
            id,
            item: row.item,
            team: row.team,
            channel: row.channel,
            hall: row.hall,
            ticket: row.ticket,
            stage: row.stage,
            outcome: row.outcome,
            stars: row.stars,
            comment: row.comment,
            opened_at: row.opened_at,
            closed_at: row.closed_at,
            call_back_phone: row.call_back_phone,
            receipts: self.archive().receipts_of(id).await?,
            thread: self.thread(id, Lane::Public).await?,
            notes,
            withheld,
            files: Vec::new(),
            labels: self.store.labels_of(id).await?.into_iter().map(LabelData::from).collect(),
        }))
    }

    async fn thread(&self, id: ConversationId, lane: Lane) -> anyhow::Result<Vec<ThreadEntry>> {
        let mut entries = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry: &ThreadEntry| entry.seq);
            let rows = self.store.entries_after(id, lane, after, PAGE).await?;
            let is_last = rows.len() < PAGE as usize;
            for row in rows {
                entries.push(thread_entry(row)?);
            }
            if is_last {
                return Ok(entries);
            }
        }
    }

    // --- erasure ------------------------------------------------------------------------------------------------

    /// Asks for the erasure of a person's data; another one has to confirm it.
    ///
    /// # Errors
    /// `not_found`; `invalid_stage` under legal hold, with an open conversation, or if it was asked for already.
    pub async fn ask_erasure(&self, id: CitizenId, act: &Act, is_held: bool) -> Result<ErasureRow, WireError> {
        self.store.citizen(id).await.map_err(store_error)?.ok_or_else(none)?;
        self.check_erasure(id, is_held).await?;
        if self.asked(id).await?.is_some() {
            return Err(WireError::new(
                ErrorCode::InvalidStage,
                "it was asked for already and waits for a second person",
            ));
        }
        let row = ErasureRow {
            id: format!("er_{:032x}", new_id()),
            citizen: id,
            asked_by: act.by,
            asked_at: self.clock.now(),
            reason: act.reason.clone().unwrap_or_default(),
            state: ErasureState::Asked,
            decided: None,
            proof: None,
        };
        let line = self.line(act, "citizen.erase_asked", id, &serde_json::json!({ "erasure": row.id }));
        self.commit(vec![Change::Privacy(PrivacyChange::Erasure(row.clone())), Change::Audit(line)]).await?;
        Ok(row)
    }

    async fn asked(&self, id: CitizenId) -> Result<Option<ErasureRow>, WireError> {
        let last = self.archive().erasure_of(id).await.map_err(store_error)?;
        Ok(last.filter(|row| row.state == ErasureState::Asked))
    }

    async fn check_erasure(&self, id: CitizenId, is_held: bool) -> Result<(), WireError> {
        if is_held {
            let error = WireError::new(ErrorCode::InvalidStage, "the person's data is under legal hold");
            return Err(WireError { field: Some("hold".to_owned()), ..error });
        }
        if self.count(id).await?.1 > 0 {
            return Err(still_open());
        }
        Ok(())
    }

    /// Confirms: everything that tells who it was goes, the skeletons of the conversations stay for the figures and belong
    /// to nobody.
    ///
    /// # Errors
    /// `not_found` if nobody has asked; `forbidden` to the one who has; as [`People::ask_erasure`].
    pub async fn confirm_erasure(&self, id: CitizenId, act: &Act, is_held: bool) -> Result<ErasureRow, WireError> {
        let asked =
            self.asked(id).await?.ok_or_else(|| WireError::new(ErrorCode::NotFound, "nobody has asked for it"))?;
        if asked.asked_by == act.by {
            return Err(WireError::new(ErrorCode::Forbidden, "somebody else than who has asked has to confirm it"));
        }
        self.check_erasure(id, is_held).await?;
        let at = self.clock.now();
        let conversations = self.archive().all_conversations_of(id).await.map_err(store_error)?;
        let mut files = Vec::new();
        for conversation in &conversations {
            files.extend(self.archive().files_of(*conversation).await.map_err(store_error)?);
        }
        let proof = serde_json::json!({
            "erasure": asked.id,
            "askedBy": asked.asked_by,
            "confirmedBy": act.by,
            "at": at,
            "conversations": conversations.iter().map(|id| hashed(id.to_string())).collect::<Vec<_>>(),
            "files": files.iter().map(|id| hashed(id.to_string())).collect::<Vec<_>>(),
        });
        let row =
            ErasureRow { state: ErasureState::Done, decided: Some((act.by, at)), proof: Some(json(&proof)), ..asked };
        let line = self.line(act, "citizen.erase", id, &proof);
        let into = CitizenId::new(new_id());
        let erase = PrivacyChange::Erase { citizen: id, into, conversations, at };
        let changes =
            vec![Change::Privacy(erase), Change::Privacy(PrivacyChange::Erasure(row.clone())), Change::Audit(line)];
        self.commit(changes).await?;
        // The rows say that they are gone; what cannot be deleted now is the sweeper's.
        if let Err(error) = self.files.sweep().await {
            tracing::warn!(error = format!("{error:#}"), "bytes of erased files are left for later");
        }
        Ok(row)
    }

    /// Does not confirm.
    ///
    /// # Errors
    /// `not_found` if nobody has asked.
    pub async fn refuse_erasure(&self, id: CitizenId, act: &Act) -> Result<ErasureRow, WireError> {
        let asked =
            self.asked(id).await?.ok_or_else(|| WireError::new(ErrorCode::NotFound, "nobody has asked for it"))?;
        let decided = Some((act.by, self.clock.now()));
        let row = ErasureRow { state: ErasureState::Refused, decided, ..asked };
        let line = self.line(act, "citizen.erase_refused", id, &serde_json::json!({ "erasure": row.id }));
        self.commit(vec![Change::Privacy(PrivacyChange::Erasure(row.clone())), Change::Audit(line)]).await?;
        Ok(row)
    }

    /// Wishes to erase, open ones first.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn erasures(&self) -> Result<Vec<ErasureRow>, WireError> {
        self.archive().erasures(100).await.map_err(store_error)
    }

    /// The wish that waits for a second person.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn waiting_erasure(&self, id: CitizenId) -> Result<Option<ErasureRow>, WireError> {
        self.asked(id).await
    }
}

/// What an export says of itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Proof<'a> {
    citizen: CitizenId,
    exported_by: AgentId,
    exported_at: Timestamp,
    reason: Option<&'a str>,
    /// Name and SHA-256 of every part.
    parts: Vec<(String, String)>,
}

/// An archive on its way.
struct Package<'a> {
    zip: Zip,
    into: &'a mpsc::Sender<Result<Bytes, std::io::Error>>,
    at: Timestamp,
    parts: Vec<(String, String)>,
}

impl Package<'_> {
    async fn json(&mut self, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
        self.part(name, serde_json::to_vec_pretty(value)?).await
    }

    async fn part(&mut self, name: &str, bytes: Vec<u8>) -> anyhow::Result<()> {
        let header = self.zip.part(name, &bytes, self.at)?;
        self.parts.push((name.to_owned(), hashed(&bytes)));
        self.send(header).await?;
        self.send(bytes).await
    }

    async fn end(&mut self) -> anyhow::Result<()> {
        let end = std::mem::take(&mut self.zip).end()?;
        self.send(end).await
    }

    async fn send(&self, bytes: Vec<u8>) -> anyhow::Result<()> {
        self.into.send(Ok(bytes.into())).await.map_err(|_| anyhow::anyhow!("nobody takes it any more"))
    }
}
