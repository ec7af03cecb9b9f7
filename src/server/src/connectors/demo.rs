//! The demo's office: a real HTTP server on this machine that keeps the contract of docs/actions.md, with made-up halls that
//! say that they are. What it has done is in a file of the data folder, so that a restart forgets nothing.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::post,
};
use bangban_domain::{
    Timestamp,
    action::ActionKind,
    calendar::OFFSET,
    time::{DAY, HOUR, Millis},
};
use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::actions::written;
use crate::{clock::Clock, desk::new_id};

/// Working days ahead that have free times.
const DAYS: usize = 5;

/// So long before it begins an appointment may be changed or cancelled.
const NOTICE: Millis = HOUR;

/// Places of each time; of the first one of a day there is one, so that two can want it.
const PLACES: u32 = 2;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    item: String,
    item_name: String,
    book: bool,
    progress: bool,
    apply: Option<String>,
}

#[derive(Deserialize)]
struct Hall {
    code: String,
    name: String,
    address: String,
    district: String,
}

#[derive(Deserialize)]
struct Case {
    step: String,
    note: String,
}

/// config/demo/actions.json.
#[derive(Deserialize)]
struct File {
    items: Vec<Item>,
    halls: Vec<Hall>,
    hours: Vec<String>,
    case: Case,
}

#[derive(Clone, Serialize, Deserialize)]
struct Booked {
    citizen: String,
    number: String,
    item: String,
    opening: String,
}

/// What it has done.
#[derive(Default, Serialize, Deserialize)]
struct Done {
    /// By its code.
    appointments: BTreeMap<String, Booked>,
    /// Answers by key: a repeated one is answered, and not carried out.
    keys: BTreeMap<String, Value>,
}

struct Office {
    file: File,
    path: PathBuf,
    clock: Clock,
    token: String,
    done: Mutex<Done>,
}

/// A time in a hall.
struct Place<'a> {
    hall: &'a Hall,
    code: String,
    starts_at: Timestamp,
    places: u32,
}

#[derive(Deserialize)]
struct About {
    #[serde(default)]
    item: String,
    #[serde(default)]
    citizen: String,
}

#[derive(Deserialize)]
struct Key {
    key: String,
}

#[derive(Deserialize)]
struct Person {
    citizen: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    action: ActionKind,
    item: String,
    opening: Option<String>,
    appointment: Option<String>,
    not_after: jiff::Timestamp,
    person: Person,
}

fn failed(reason: &str) -> Value {
    json!({ "state": "failed", "reason": reason })
}

impl Office {
    fn item_name(&self, item: &str) -> &str {
        self.file.items.iter().find(|one| one.item == item).map_or("", |one| &one.item_name)
    }

    /// All times of the next working days, whoever has them.
    fn places(&self, now: Timestamp) -> Vec<Place<'_>> {
        let today = OFFSET.to_datetime(jiff::Timestamp::from_millisecond(now.0).unwrap_or_default()).date();
        let days = today.series(jiff::Span::new().days(1)).skip(1);
        let working = days.filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday));
        let mut places = Vec::new();
        for day in working.take(DAYS) {
            for hall in &self.file.halls {
                for (n, hour) in self.file.hours.iter().enumerate() {
                    let Ok(time) = jiff::civil::Time::strptime("%H:%M", hour) else { continue };
                    let Ok(at) = OFFSET.to_timestamp(day.to_datetime(time)) else { continue };
                    let code = format!("{}.{day}.{}", hall.code, hour.replace(':', ""));
                    let starts_at = Timestamp(at.as_millisecond());
                    places.push(Place { hall, code, starts_at, places: if n == 0 { 1 } else { PLACES } });
                }
            }
        }
        places
    }

    fn left(done: &Done, place: &Place<'_>, item: &str) -> u32 {
        let taken = done.appointments.values().filter(|one| one.opening == place.code && one.item == item).count();
        place.places.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    fn appointment(&self, code: &str, booked: &Booked) -> Option<Value> {
        // The code names hall, day and time: it stays readable when its day is over.
        let mut parts = booked.opening.splitn(3, '.');
        let (hall, day, hour) = (parts.next()?, parts.next()?, parts.next()?);
        let hall = self.file.halls.iter().find(|one| one.code == hall)?;
        let day: jiff::civil::Date = day.parse().ok()?;
        let time = jiff::civil::Time::strptime("%H%M", hour).ok()?;
        let starts_at = Timestamp(OFFSET.to_timestamp(day.to_datetime(time)).ok()?.as_millisecond());
        Some(json!({
            "code": code, "number": booked.number, "item": booked.item, "itemName": self.item_name(&booked.item),
            "hall": hall.code, "hallName": hall.name, "address": hall.address,
            "startsAt": written(starts_at), "endsAt": written(starts_at + HOUR),
        }))
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Done) -> T) -> T {
        use_it(&mut self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn starts_at(appointment: &Value) -> Option<Timestamp> {
        let at: jiff::Timestamp = appointment["startsAt"].as_str()?.parse().ok()?;
        Some(Timestamp(at.as_millisecond()))
    }

    /// Is there room for somebody at this time?
    fn has_room(&self, done: &Done, opening: &str, item: &str, now: Timestamp) -> bool {
        self.places(now).iter().any(|place| place.code == opening && Self::left(done, place, item) > 0)
    }

    fn carry_out(&self, done: &mut Done, order: &Order, now: Timestamp) -> Value {
        if order.not_after.as_millisecond() < now.0 {
            return failed("too_late");
        }
        let own = order.appointment.as_ref().and_then(|code| {
            let booked = done.appointments.get(code).filter(|one| one.citizen == order.person.citizen)?;
            Some((code.clone(), booked.clone()))
        });
        let is_late = |appointment: &Value| Self::starts_at(appointment).is_none_or(|at| at < now + NOTICE);
        match (order.action, own, &order.opening) {
            (ActionKind::Book, _, Some(opening)) => {
                let is_offered = self.file.items.iter().any(|one| one.item == order.item && one.book);
                let is_mine = |one: &Booked| {
                    let at = self.appointment("", one).as_ref().and_then(Self::starts_at);
                    one.citizen == order.person.citizen && one.item == order.item && at.is_some_and(|at| at > now)
                };
                if !is_offered {
                    return failed("refused");
                }
                if done.appointments.values().any(is_mine) {
                    return failed("already_booked");
                }
                if !self.has_room(done, opening, &order.item, now) {
                    return failed("opening_gone");
                }
                let n = done.appointments.len() + 1;
                let (citizen, item) = (order.person.citizen.clone(), order.item.clone());
                let booked = Booked { citizen, number: format!("YS{n:06}"), item, opening: opening.clone() };
                let code = format!("ap{:x}", new_id());
                let answer = self.appointment(&code, &booked);
                done.appointments.insert(code, booked);
                answer.map_or_else(|| failed("refused"), |one| json!({ "state": "done", "appointment": one }))
            }
            (ActionKind::Change, Some((code, booked)), Some(opening)) => {
                let Some(before) = self.appointment(&code, &booked) else { return failed("not_found") };
                if is_late(&before) {
                    return failed("too_late");
                }
                if !self.has_room(done, opening, &booked.item, now) {
                    return failed("opening_gone");
                }
                let booked = Booked { opening: opening.clone(), ..booked };
                let answer = self.appointment(&code, &booked);
                done.appointments.insert(code, booked);
                answer.map_or_else(|| failed("refused"), |one| json!({ "state": "done", "appointment": one }))
            }
            (ActionKind::Cancel, Some((code, booked)), _) => {
                let Some(before) = self.appointment(&code, &booked) else { return failed("not_found") };
                if is_late(&before) {
                    return failed("too_late");
                }
                done.appointments.remove(&code);
                json!({ "state": "done", "appointment": before })
            }
            (ActionKind::Change | ActionKind::Cancel, None, _) => failed("not_found"),
            _ => failed("refused"),
        }
    }
}

type Shared = State<Arc<Office>>;

async fn only_ours(State(office): Shared, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if shown.and_then(|value| value.strip_prefix("Bearer ")) == Some(&office.token) {
        return next.run(request).await;
    }
    StatusCode::UNAUTHORIZED.into_response()
}

async fn items(State(office): Shared) -> Json<Value> {
    let one =
        |item: &Item| json!({ "item": item.item, "book": item.book, "progress": item.progress, "apply": item.apply });
    Json(json!({ "items": office.file.items.iter().map(one).collect::<Vec<_>>() }))
}

async fn openings(State(office): Shared, Json(about): Json<About>) -> Json<Value> {
    let now = office.clock.now();
    let is_offered = office.file.items.iter().any(|one| one.item == about.item && one.book);
    let all = office.with(|done| {
        let places = office.places(now).into_iter().filter(|_| is_offered);
        let one = |place: Place<'_>| {
            json!({
                "code": place.code, "hall": place.hall.code, "hallName": place.hall.name, "address": place.hall.address,
                "district": place.hall.district, "startsAt": written(place.starts_at),
                "endsAt": written(place.starts_at + HOUR), "left": Office::left(done, &place, &about.item),
            })
        };
        places.map(one).collect::<Vec<_>>()
    });
    Json(json!({ "openings": all }))
}

async fn appointments(State(office): Shared, Json(about): Json<About>) -> Json<Value> {
    let all = office.with(|done| {
        let own = done.appointments.iter().filter(|(_, one)| one.citizen == about.citizen);
        own.filter_map(|(code, one)| office.appointment(code, one)).collect::<Vec<_>>()
    });
    Json(json!({ "appointments": all }))
}

async fn cases(State(office): Shared, Json(about): Json<About>) -> Json<Value> {
    let accepted_at = office.clock.now() - 3 * DAY;
    // One for everybody, about the first item that has a progress.
    let one = office.file.items.iter().find(|one| one.progress).map(|item| {
        let number = about.citizen.chars().rev().take(8).collect::<String>().to_uppercase();
        json!({
            "number": format!("DEMO-{number}"), "item": item.item, "itemName": item.item_name,
            "acceptedAt": written(accepted_at), "step": office.file.case.step, "dueAt": written(accepted_at + 10 * DAY),
            "note": office.file.case.note,
        })
    });
    Json(json!({ "cases": one.into_iter().collect::<Vec<_>>() }))
}

async fn act(State(office): Shared, headers: HeaderMap, Json(order): Json<Order>) -> Response {
    let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let now = office.clock.now();
    let (answer, kept) = office.with(|done| {
        if let Some(before) = done.keys.get(key) {
            return (before.clone(), None);
        }
        let answer = office.carry_out(done, &order, now);
        done.keys.insert(key.to_owned(), answer.clone());
        (answer, serde_json::to_vec(&*done).ok())
    });
    if let Some(kept) = kept
        && let Err(error) = tokio::fs::write(&office.path, kept).await
    {
        tracing::warn!(%error, "the demo's office cannot keep what it has done");
    }
    Json(answer).into_response()
}

async fn outcome(State(office): Shared, Json(Key { key }): Json<Key>) -> Json<Value> {
    Json(office.with(|done| done.keys.get(&key).cloned()).unwrap_or_else(|| json!({ "state": "unknown" })))
}

/// Starts it; gives its address and the token that it wants to see.
///
/// # Errors
/// If its port or its file cannot be used.
pub(super) async fn serve(dir: &Path, clock: Clock, stopping: CancellationToken) -> anyhow::Result<(String, String)> {
    let file: File = serde_json::from_str(include_str!("../../../../config/demo/actions.json"))?;
    let path = dir.join("demo-actions.json");
    let done = match tokio::fs::read(&path).await {
        // Half a file is what a power cut leaves.
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(_) => Done::default(),
    };
    let token = format!("{:032x}", new_id());
    let office = Arc::new(Office { file, path, clock, token: token.clone(), done: Mutex::new(done) });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("the demo's office")?;
    let address = format!("http://{}/v1", listener.local_addr()?);
    let routes = Router::new()
        .route("/v1/items/find", post(items))
        .route("/v1/openings/find", post(openings))
        .route("/v1/appointments/find", post(appointments))
        .route("/v1/cases/find", post(cases))
        .route("/v1/actions", post(act))
        .route("/v1/actions/find", post(outcome))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&office), only_ours))
        .with_state(office);
    tokio::spawn(async move {
        let ends = async move { stopping.cancelled().await };
        if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(ends).await {
            tracing::warn!(%error, "the demo's office has ended");
        }
    });
    Ok((address, token))
}
