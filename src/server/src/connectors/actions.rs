//! The systems that carry actions out, by the contract of docs/actions.md.

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use bangban_domain::{
    CitizenId, ConversationId, Timestamp,
    action::{
        ActionFailure, ActionKind, Appointment, BadField, CaseProgress, Found, Learned, Need, Opening, SEND_WITHIN,
        Walk,
    },
    calendar::OFFSET,
};
use bangban_protocol::ActionOffer;
use bangban_store::{ActionRow, CitizenRow};
use reqwest::{RequestBuilder, Url};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio_util::sync::CancellationToken;

use super::{Line, Problem, Trouble, demo};
use crate::{
    clock::Clock,
    config::{ActionKeys, Config},
    outbox::Allowed,
};

/// Entries of a list that are taken.
const MAX_LIST: usize = 500;

/// What the address of an application has to end with.
const OFFICIAL: &str = ".gov.cn";

/// What can be done about an item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemAction {
    /// An appointment can be made.
    pub book: bool,
    /// How far a case is can be said.
    pub progress: bool,
    /// Where an application begins.
    pub apply: Option<Url>,
}

/// What can be done, by item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemActions(BTreeMap<String, ItemAction>);

impl ItemActions {
    /// Items with what can be done about them: appointments, progress.
    #[cfg(test)]
    pub(crate) fn of<const N: usize>(all: [(&str, bool, bool); N]) -> Self {
        let one =
            |(item, book, progress): (&str, bool, bool)| (item.to_owned(), ItemAction { book, progress, apply: None });
        Self(all.into_iter().map(one).collect())
    }

    /// Of an item.
    #[must_use]
    pub fn get(&self, item: &str) -> Option<&ItemAction> {
        self.0.get(item)
    }

    /// Codes of the items about which something can be done.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Can this be done about the item; of what needs no item, about any?
    #[must_use]
    pub fn has(&self, kind: ActionKind, item: Option<&str>) -> bool {
        let of = |one: &ItemAction| match kind {
            ActionKind::Book | ActionKind::Change | ActionKind::Cancel => one.book,
            ActionKind::Progress => one.progress,
            ActionKind::Apply => one.apply.is_some(),
        };
        match (kind, item) {
            (ActionKind::Book | ActionKind::Apply, Some(item)) => self.get(item).is_some_and(of),
            (ActionKind::Book | ActionKind::Apply, None) => false,
            (ActionKind::Change | ActionKind::Cancel | ActionKind::Progress, _) => self.0.values().any(of),
        }
    }

    /// What is offered beside an answer about the item.
    #[must_use]
    pub fn offer(&self, item: &str, item_name: String) -> Option<ActionOffer> {
        let one = self.get(item)?;
        let all = [
            (ActionKind::Book, one.book),
            (ActionKind::Progress, one.progress),
            (ActionKind::Apply, one.apply.is_some()),
        ];
        let kinds: Vec<ActionKind> = all.into_iter().filter(|(_, is_there)| *is_there).map(|(kind, _)| kind).collect();
        let offer = ActionOffer { item: Some(item.to_owned()), item_name: Some(item_name), kinds };
        (!offer.kinds.is_empty()).then_some(offer)
    }
}

/// Where an application may begin: an official address, and one that looks like nothing else.
fn official(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_official = url.host_str().is_some_and(|host| host.ends_with(OFFICIAL) && host.len() > OFFICIAL.len());
    let is_plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    (url.scheme() == "https" && is_official && is_plain).then_some(url)
}

/// The address of an application with what is known filled in: codes, never anything of a person.
#[must_use]
pub fn filled_in(apply: &Url, known: &[(&str, &str)]) -> String {
    let mut url = apply.clone();
    let said = known.iter().filter(|(_, value)| !value.is_empty());
    url.query_pairs_mut().extend_pairs(said);
    url.into()
}

#[derive(Deserialize)]
struct Items {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    item: String,
    #[serde(default)]
    book: bool,
    #[serde(default)]
    progress: bool,
    #[serde(default)]
    apply: Option<String>,
}

#[derive(Deserialize)]
struct Openings {
    openings: Vec<WireOpening>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOpening {
    code: String,
    hall: String,
    hall_name: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    district: String,
    starts_at: jiff::Timestamp,
    ends_at: jiff::Timestamp,
    left: u32,
}

#[derive(Deserialize)]
struct Appointments {
    appointments: Vec<WireAppointment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAppointment {
    code: String,
    number: String,
    item: String,
    item_name: String,
    hall: String,
    hall_name: String,
    #[serde(default)]
    address: String,
    starts_at: jiff::Timestamp,
    ends_at: jiff::Timestamp,
}

#[derive(Deserialize)]
struct Cases {
    cases: Vec<WireCase>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCase {
    number: String,
    item: String,
    item_name: String,
    accepted_at: jiff::Timestamp,
    step: String,
    #[serde(default)]
    due_at: Option<jiff::Timestamp>,
    #[serde(default)]
    note: String,
}

/// What became of an action.
#[derive(Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Outcome {
    Done { appointment: WireAppointment },
    Failed { reason: String },
    Running,
    Unknown,
}

/// Who it is for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Person<'a> {
    citizen: CitizenId,
    kind: &'a str,
    name: &'a str,
    phone: Option<&'a str>,
    credit_code: Option<&'a str>,
}

fn instant(at: jiff::Timestamp) -> Timestamp {
    Timestamp(at.as_millisecond())
}

/// As RFC 3339, in Shanghai's time.
pub(super) fn written(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    at.display_with_offset(OFFSET).to_string()
}

fn broken(BadField(field): BadField) -> Trouble {
    Trouble::Broken(format!("field {field}"))
}

impl WireOpening {
    fn read(self) -> Result<Opening, Trouble> {
        let Self { code, hall, hall_name, address, district, starts_at, ends_at, left } = self;
        let (starts_at, ends_at) = (instant(starts_at), instant(ends_at));
        let one = Opening { code, hall, hall_name, address, district, starts_at, ends_at, left };
        one.check().map_err(broken)?;
        Ok(one)
    }
}

impl WireAppointment {
    fn read(self) -> Result<Appointment, Trouble> {
        let Self { code, number, item, item_name, hall, hall_name, address, starts_at, ends_at } = self;
        let (starts_at, ends_at) = (instant(starts_at), instant(ends_at));
        let one = Appointment { code, number, item, item_name, hall, hall_name, address, starts_at, ends_at };
        one.check().map_err(broken)?;
        Ok(one)
    }
}

impl WireCase {
    fn read(self) -> Result<CaseProgress, Trouble> {
        let Self { number, item, item_name, accepted_at, step, due_at, note } = self;
        let (accepted_at, due_at) = (instant(accepted_at), due_at.map(instant));
        let one = CaseProgress { number, item, item_name, accepted_at, step, due_at, note };
        one.check().map_err(broken)?;
        Ok(one)
    }
}

/// A list of what can be read; one that cannot spoils the whole.
fn list<T, U>(all: Vec<T>, read: impl Fn(T) -> Result<U, Trouble>) -> Result<Vec<U>, Trouble> {
    if all.len() > MAX_LIST {
        return Err(Trouble::Broken(format!("it has more than {MAX_LIST} parts")));
    }
    all.into_iter().map(read).collect()
}

/// Why an office does not do it; a word that is not of the contract is a plain no.
fn reason(word: &str) -> ActionFailure {
    match ActionFailure::parse(word) {
        Some(
            why @ (ActionFailure::OpeningGone
            | ActionFailure::AlreadyBooked
            | ActionFailure::TooLate
            | ActionFailure::NotFound
            | ActionFailure::Limit),
        ) => why,
        _ => ActionFailure::Refused,
    }
}

fn line(keys: &ActionKeys, allowed: Allowed) -> Result<Line, Problem> {
    let patience = Duration::from_secs(keys.seconds.into());
    Line::new("connectors.actions.url", (&keys.url, &keys.token), patience, allowed)
}

/// The systems that carry actions out.
pub struct Offices {
    line: Line,
    clock: Clock,
    /// Longest wait for one answer.
    pub(crate) patience: Duration,
    /// Actions of one citizen within a day.
    pub(crate) per_day: u64,
}

impl Offices {
    /// Of the configuration; `None`: there is none.
    ///
    /// # Errors
    /// The key and what is wrong with it.
    pub(crate) fn new(keys: &ActionKeys, allowed: Allowed, clock: Clock) -> Result<Option<Self>, Problem> {
        if keys.url.is_empty() {
            return Ok(None);
        }
        let patience = Duration::from_secs(keys.seconds.into());
        Ok(Some(Self { line: line(keys, allowed)?, clock, patience, per_day: keys.per_day.into() }))
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Trouble> {
        self.line.ask(self.clock.now(), request).await
    }

    /// What only asks may be repeated: once, if nobody answered.
    async fn read<T: DeserializeOwned>(&self, path: &str, body: &serde_json::Value) -> Result<T, Trouble> {
        match self.ask(self.line.post(path)?.json(body)).await {
            Err(Trouble::NotSent(_) | Trouble::Unreached(_)) => self.ask(self.line.post(path)?.json(body)).await,
            answer => answer,
        }
    }

    /// What can be done, by item.
    pub(crate) async fn items(&self) -> Result<ItemActions, Trouble> {
        let Items { items } = self.read("items/find", &serde_json::json!({})).await?;
        let one = |item: Item| {
            let apply = item.apply.map(|text| official(&text).ok_or_else(|| broken(BadField("apply")))).transpose()?;
            Ok((item.item, ItemAction { book: item.book, progress: item.progress, apply }))
        };
        Ok(ItemActions(items.into_iter().map(one).collect::<Result<_, Trouble>>()?))
    }

    /// Asks for what a walk needs.
    pub(crate) async fn find(&self, found: &mut Found, need: &Need, citizen: CitizenId) -> Result<(), Trouble> {
        match need {
            Need::Openings(item) => {
                let body = serde_json::json!({ "item": item, "citizen": citizen });
                let Openings { openings } = self.read("openings/find", &body).await?;
                found.openings = Some(list(openings, WireOpening::read)?);
            }
            Need::Appointments => {
                let body = serde_json::json!({ "citizen": citizen });
                let Appointments { appointments } = self.read("appointments/find", &body).await?;
                found.appointments = Some(list(appointments, WireAppointment::read)?);
            }
            Need::Cases => {
                let body = serde_json::json!({ "citizen": citizen });
                let Cases { cases } = self.read("cases/find", &body).await?;
                found.cases = Some(list(cases, WireCase::read)?);
            }
        }
        Ok(())
    }

    /// Carries an action out, under its key: never repeated here. `is_first`: nobody has ever sent it, so that whoever was
    /// not reached has not done it.
    pub(crate) async fn act(&self, row: &ActionRow, citizen: &CitizenRow, is_first: bool) -> Learned {
        let Walk { kind, item, opening, appointment, .. } = &row.walk;
        let person = Person {
            citizen: citizen.id,
            kind: citizen.kind.as_str(),
            name: &citizen.name,
            phone: citizen.phone.as_deref(),
            credit_code: citizen.credit_code.as_deref(),
        };
        let body = serde_json::json!({
            "action": kind,
            "item": appointment.as_ref().map_or(item, |own| &own.item),
            "opening": opening.as_ref().map(|one| &one.code),
            "appointment": appointment.as_ref().map(|own| &own.code),
            "notAfter": written(row.confirmed_at + SEND_WITHIN),
            "person": person,
        });
        let answer = match self.line.post("actions") {
            Ok(request) => self.ask(request.header("idempotency-key", row.id.to_string()).json(&body)).await,
            Err(trouble) => Err(trouble),
        };
        let learned = Self::learned(row, answer).unwrap_or_else(|trouble| match trouble {
            Trouble::Refused(_) if is_first => Learned::Failed(ActionFailure::Refused),
            Trouble::LeftAlone | Trouble::NotSent(_) if is_first => Learned::Failed(ActionFailure::Unavailable),
            _ => Learned::NoReply,
        });
        // Whoever was just told has heard of it.
        if learned == Learned::NeverHeard { Learned::NoReply } else { learned }
    }

    /// Asks what became of an action.
    pub(crate) async fn look_up(&self, row: &ActionRow) -> Learned {
        let answer = self.read("actions/find", &serde_json::json!({ "key": row.id })).await;
        // Whoever does not answer a question has not said that nothing was done.
        Self::learned(row, answer).unwrap_or(Learned::NoReply)
    }

    fn learned(row: &ActionRow, answer: Result<Outcome, Trouble>) -> Result<Learned, Trouble> {
        let read = answer.and_then(|outcome| {
            Ok(match outcome {
                Outcome::Done { appointment } => {
                    let appointment = appointment.read()?;
                    if !row.walk.is_answered_by(&appointment) {
                        return Err(Trouble::Broken("it is about another appointment".to_owned()));
                    }
                    Learned::Done(appointment)
                }
                Outcome::Failed { reason: word } => Learned::Failed(reason(&word)),
                Outcome::Running => Learned::Running,
                Outcome::Unknown => Learned::NeverHeard,
            })
        });
        if let Err(trouble) = &read {
            tracing::warn!(action = %row.id, %trouble, "an office gave no answer about an action");
        }
        read
    }
}

/// What carries actions out: of the configuration, else in the demo the demo's own office.
///
/// # Errors
/// Names the key; or if the demo's office cannot be started.
pub(crate) async fn offices(
    config: &Config,
    demo: bool,
    clock: &Clock,
    stopping: &CancellationToken,
) -> anyhow::Result<Option<Offices>> {
    let mut keys = config.connectors.actions.clone();
    let mut reached = config.notify.allow.clone();
    if demo && keys.url.is_empty() {
        (keys.url, keys.token) = demo::serve(&config.data.dir, clock.clone(), stopping.clone()).await?;
        reached.push(Ipv4Addr::LOCALHOST.to_string());
    }
    let problem = |(key, problem): Problem| anyhow::anyhow!("configuration: {key}: {problem}");
    let allowed = Allowed::new(&reached).map_err(|entry| problem(("notify.allow", entry)))?;
    Offices::new(&keys, allowed, clock.clone()).map_err(problem)
}

/// Is it a configuration that can be used?
///
/// # Errors
/// The key and what is wrong with it.
pub(crate) fn check(keys: &ActionKeys, reached: &[String]) -> Result<(), Problem> {
    if keys.url.is_empty() {
        return Ok(());
    }
    let allowed = Allowed::new(reached).map_err(|entry| ("notify.allow", entry))?;
    line(keys, allowed).map(drop)
}

/// For the log of what only asks.
pub(crate) fn complain(conversation: ConversationId, trouble: &Trouble) {
    tracing::warn!(%conversation, %trouble, "an office could not be asked");
}

/// Names an action in the audit log.
#[must_use]
pub(crate) fn detail(row: &ActionRow, why: Option<ActionFailure>) -> serde_json::Value {
    let ActionRow { conversation, walk: Walk { kind, item, appointment, .. }, .. } = row;
    let item = appointment.as_ref().map_or(item, |own| &own.item);
    serde_json::json!({ "conversation": conversation, "kind": kind, "item": item, "reason": why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_begins_at_an_official_address_and_carries_codes_only() {
        for (text, is_taken) in [
            ("https://zwdt.sh.gov.cn/govPortals/bsfw?x=1", true),
            ("http://zwdt.sh.gov.cn/", false),
            ("https://zwdt.sh.gov.cn.evil.example/", false),
            ("https://zwdt.sh.gov.cn@evil.example/", false),
            ("https://a@zwdt.sh.gov.cn/", false),
            ("https://zwdt.sh.gov.cn:8443/", false),
            ("https://.gov.cn/", false),
            ("javascript:alert(1)//.gov.cn", false),
        ] {
            assert_eq!(official(text).is_some(), is_taken, "{text}");
        }
        let url = official("https://zwdt.sh.gov.cn/a?x=1").unwrap();
        let filled = filled_in(&url, &[("item", "passport"), ("situation", "a&b=c"), ("district", "")]);
        assert_eq!(filled, "https://zwdt.sh.gov.cn/a?x=1&item=passport&situation=a%26b%3Dc");
    }

    #[test]
    fn a_reason_that_is_not_of_the_contract_is_a_plain_no() {
        assert_eq!(reason("opening_gone"), ActionFailure::OpeningGone);
        for word in ["", "sign_in", "unclear", "<script>"] {
            assert_eq!(reason(word), ActionFailure::Refused, "{word}");
        }
    }

    #[test]
    fn what_is_offered_depends_on_the_item() {
        let apply = official("https://zwdt.sh.gov.cn/");
        let one = ItemAction { book: true, progress: false, apply };
        let all = ItemActions(BTreeMap::from([("passport".to_owned(), one)]));
        let offer = all.offer("passport", "护照".to_owned()).unwrap();
        assert_eq!(offer.kinds, [ActionKind::Book, ActionKind::Apply]);
        assert!(all.offer("marriage", String::new()).is_none());
        assert!(all.has(ActionKind::Cancel, None) && all.has(ActionKind::Cancel, Some("marriage")));
        assert!(!all.has(ActionKind::Book, None) && !all.has(ActionKind::Progress, Some("passport")));
        assert!(!ItemActions::default().has(ActionKind::Cancel, None));
    }

    #[test]
    fn instants_are_written_with_their_offset() {
        assert_eq!(written(Timestamp(1_795_996_800_000)), "2026-11-30T08:00:00+08:00");
    }
}
