//! What one citizen chooses until it can be confirmed.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{ActionAsk, ActionFailure, ActionKind, ActionOption, Appointment, CaseProgress, Opening};
use crate::{Timestamp, calendar::OFFSET};

/// Options of one question; more nobody reads.
pub const MAX_OPTIONS: usize = 30;

/// A choice that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(rename = "ActionChosen", export_to = "protocol.ts"))]
pub struct Chosen {
    /// What was asked.
    pub ask: ActionAsk,
    /// Code of the option.
    pub code: String,
    /// As it was read.
    pub label: String,
    /// There was nothing else to choose: it was not asked.
    pub known: bool,
}

/// How far a citizen has come: everything, so that a thread can carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(rename = "ActionWalk", export_to = "protocol.ts"))]
#[serde(rename_all = "camelCase")]
pub struct Walk {
    /// What is to be done.
    pub kind: ActionKind,
    /// Code of the item that the citizen asked about; empty: none. What is changed or cancelled may be about another one.
    pub item: String,
    /// Its name.
    pub item_name: String,
    /// Code of the district whose halls come first; empty: none.
    pub district: String,
    /// In the order in which they were made.
    pub given: Vec<Chosen>,
    /// Whose time is changed, or which is cancelled.
    pub appointment: Option<Appointment>,
    /// The time that was chosen.
    pub opening: Option<Opening>,
}

/// What the offices have said; `None`: they have not been asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Free times for the item.
    pub openings: Option<Vec<Opening>>,
    /// The citizen's appointments.
    pub appointments: Option<Vec<Appointment>>,
    /// The citizen's cases.
    pub cases: Option<Vec<CaseProgress>>,
}

/// What has to be asked of the offices first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Free times for this item.
    Openings(String),
    /// The citizen's appointments.
    Appointments,
    /// The citizen's cases.
    Cases,
}

/// Where a walk stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This is not known yet.
    Need(Need),
    /// This is asked.
    Ask(ActionAsk, Vec<ActionOption>),
    /// All is chosen: 确认 or 取消.
    Confirm,
    /// How far the case is.
    Progress(CaseProgress),
    /// It ends here.
    Fail(ActionFailure),
}

/// Why a step cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such option, or none any more.
    NoOption,
    /// There is nothing before it.
    AtBegin,
}

fn local_date(at: Timestamp) -> Date {
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    OFFSET.to_datetime(instant).date()
}

fn local_time(at: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    OFFSET.to_datetime(instant).strftime("%H:%M").to_string()
}

fn span(from: Timestamp, to: Timestamp) -> String {
    format!("{}-{}", local_time(from), local_time(to))
}

/// Those about the item, if any is; else all.
fn about<'a, T>(all: &'a [T], item: &str, of: impl Fn(&T) -> &str) -> Vec<&'a T> {
    let own: Vec<&T> = all.iter().filter(|one| of(one) == item).collect();
    if own.is_empty() { all.iter().collect() } else { own }
}

impl Walk {
    /// One that has not begun.
    #[must_use]
    pub fn begin(kind: ActionKind, item: &str, item_name: &str, district: &str) -> Self {
        Self {
            kind,
            item: item.to_owned(),
            item_name: item_name.to_owned(),
            district: district.to_owned(),
            given: Vec::new(),
            appointment: None,
            opening: None,
        }
    }

    const fn asks(&self) -> &'static [ActionAsk] {
        match self.kind {
            ActionKind::Book => &[ActionAsk::Hall, ActionAsk::Date, ActionAsk::Time],
            ActionKind::Change => &[ActionAsk::Appointment, ActionAsk::Date, ActionAsk::Time],
            ActionKind::Cancel => &[ActionAsk::Appointment],
            ActionKind::Progress => &[ActionAsk::Case],
            ActionKind::Apply => &[],
        }
    }

    fn chosen(&self, ask: ActionAsk) -> Option<&str> {
        self.given.iter().find(|one| one.ask == ask).map(|one| one.code.as_str())
    }

    /// The hall: of an appointment that is changed its own.
    fn hall(&self) -> Option<&str> {
        self.appointment.as_ref().map(|one| one.hall.as_str()).or_else(|| self.chosen(ActionAsk::Hall))
    }

    /// Free times that can be meant, earliest first.
    fn openings<'a>(&self, all: &'a [Opening], now: Timestamp) -> Vec<&'a Opening> {
        let is_own = |one: &Opening| {
            self.appointment.as_ref().is_some_and(|own| own.hall == one.hall && own.starts_at == one.starts_at)
        };
        let mut free: Vec<&Opening> =
            all.iter().filter(|one| one.left > 0 && one.starts_at > now && !is_own(one)).collect();
        if let Some(hall) = self.hall() {
            free.retain(|one| one.hall == hall);
        } else if free.iter().any(|one| one.district == self.district) {
            free.retain(|one| one.district == self.district);
        }
        if let Some(date) = self.chosen(ActionAsk::Date) {
            free.retain(|one| local_date(one.starts_at).to_string() == date);
        }
        free.sort_by(|a, b| (a.starts_at, &a.code).cmp(&(b.starts_at, &b.code)));
        free
    }

    fn missing(&self, ask: ActionAsk, found: &Found) -> Option<Need> {
        let need = match ask {
            ActionAsk::Appointment if found.appointments.is_none() => Need::Appointments,
            ActionAsk::Case if found.cases.is_none() => Need::Cases,
            ActionAsk::Hall | ActionAsk::Date | ActionAsk::Time if found.openings.is_none() => {
                let item = self.appointment.as_ref().map_or(&self.item, |own| &own.item);
                Need::Openings(item.clone())
            }
            _ => return None,
        };
        Some(need)
    }

    fn options(&self, ask: ActionAsk, found: &Found, now: Timestamp) -> Vec<ActionOption> {
        let openings = || self.openings(found.openings.as_deref().unwrap_or_default(), now);
        let mut options: Vec<ActionOption> = Vec::new();
        match ask {
            ActionAsk::Appointment => {
                let all: Vec<Appointment> = found.appointments.iter().flatten().cloned().collect();
                let ahead: Vec<Appointment> = all.into_iter().filter(|one| one.starts_at > now).collect();
                options.extend(about(&ahead, &self.item, |one| &one.item).into_iter().map(|one| ActionOption {
                    code: one.code.clone(),
                    label: format!(
                        "{} {} {} {}",
                        one.item_name,
                        one.hall_name,
                        local_date(one.starts_at),
                        span(one.starts_at, one.ends_at)
                    ),
                    at: Some(one.starts_at),
                    left: None,
                }));
            }
            ActionAsk::Case => {
                let all = found.cases.as_deref().unwrap_or_default();
                options.extend(about(all, &self.item, |one| &one.item).into_iter().map(|one| ActionOption {
                    code: one.number.clone(),
                    label: format!("{} {}", one.item_name, one.number),
                    at: None,
                    left: None,
                }));
            }
            ActionAsk::Hall => {
                for one in openings() {
                    if !options.iter().any(|known| known.code == one.hall) {
                        let label = one.hall_name.clone();
                        options.push(ActionOption { code: one.hall.clone(), label, at: None, left: None });
                    }
                }
            }
            ActionAsk::Date => {
                for one in openings() {
                    let code = local_date(one.starts_at).to_string();
                    match options.iter_mut().find(|known| known.code == code) {
                        Some(known) => known.left = known.left.map(|left| left.saturating_add(one.left)),
                        None => options.push(ActionOption {
                            label: code.clone(),
                            code,
                            at: Some(one.starts_at),
                            left: Some(one.left),
                        }),
                    }
                }
            }
            ActionAsk::Time => options.extend(openings().into_iter().map(|one| ActionOption {
                code: one.code.clone(),
                label: span(one.starts_at, one.ends_at),
                at: Some(one.starts_at),
                left: Some(one.left),
            })),
        }
        options.truncate(MAX_OPTIONS);
        options
    }

    /// Takes an option that was looked at.
    fn take(&mut self, ask: ActionAsk, option: &ActionOption, found: &Found, is_known: bool) {
        match ask {
            ActionAsk::Appointment => {
                self.appointment = found.appointments.iter().flatten().find(|one| one.code == option.code).cloned();
            }
            ActionAsk::Time => {
                self.opening = found.openings.iter().flatten().find(|one| one.code == option.code).cloned();
            }
            ActionAsk::Hall | ActionAsk::Date | ActionAsk::Case => {}
        }
        let (code, label) = (option.code.clone(), option.label.clone());
        self.given.push(Chosen { ask, code, label, known: is_known });
    }

    /// Where it stands. What leaves nothing to choose is taken; a day is asked even so, because it is the citizen's.
    pub fn next(&mut self, found: &Found, now: Timestamp) -> Next {
        for ask in self.asks() {
            if self.chosen(*ask).is_some() {
                continue;
            }
            if let Some(need) = self.missing(*ask, found) {
                return Next::Need(need);
            }
            let options = self.options(*ask, found, now);
            match (&options[..], ask) {
                ([], ActionAsk::Appointment) => return Next::Fail(ActionFailure::NoAppointments),
                ([], ActionAsk::Case) => return Next::Fail(ActionFailure::NoCases),
                ([], _) => return Next::Fail(ActionFailure::NoOpenings),
                ([only], ActionAsk::Appointment | ActionAsk::Hall | ActionAsk::Case) => {
                    self.take(*ask, only, found, true);
                }
                _ => return Next::Ask(*ask, options),
            }
        }
        let Some(number) = self.chosen(ActionAsk::Case) else { return Next::Confirm };
        let Some(cases) = &found.cases else { return Next::Need(Need::Cases) };
        match cases.iter().find(|one| one.number == number) {
            Some(case) => Next::Progress(case.clone()),
            None => Next::Fail(ActionFailure::NotFound),
        }
    }

    /// Chooses an option of what is asked.
    ///
    /// # Errors
    /// [`Refusal::NoOption`].
    pub fn choose(&mut self, ask: ActionAsk, code: &str, found: &Found, now: Timestamp) -> Result<(), Refusal> {
        let options = self.options(ask, found, now);
        let option = options.iter().find(|one| one.code == code).ok_or(Refusal::NoOption)?;
        self.take(ask, option, found, false);
        Ok(())
    }

    /// Takes the last choice back that the citizen made.
    ///
    /// # Errors
    /// [`Refusal::AtBegin`].
    pub fn back(&mut self) -> Result<(), Refusal> {
        let last = self.given.iter().rposition(|one| !one.known).ok_or(Refusal::AtBegin)?;
        for undone in self.given.drain(last..) {
            match undone.ask {
                ActionAsk::Appointment => self.appointment = None,
                ActionAsk::Time => self.opening = None,
                ActionAsk::Hall | ActionAsk::Date | ActionAsk::Case => {}
            }
        }
        Ok(())
    }

    /// May the last choice be taken back?
    #[must_use]
    pub fn may_go_back(&self) -> bool {
        self.given.iter().any(|one| !one.known)
    }

    /// Is everything there that the office has to be told?
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        match self.kind {
            ActionKind::Book => self.opening.is_some(),
            ActionKind::Change => self.opening.is_some() && self.appointment.is_some(),
            ActionKind::Cancel => self.appointment.is_some(),
            ActionKind::Progress | ActionKind::Apply => false,
        }
    }

    /// Is this what was asked for? What an office says of something else is no answer.
    #[must_use]
    pub fn is_answered_by(&self, appointment: &Appointment) -> bool {
        let (wanted, own) = (self.opening.as_ref(), self.appointment.as_ref());
        let item = own.map_or(&self.item, |own| &own.item);
        let (hall, starts_at) = match (wanted, own) {
            (Some(opening), _) => (&opening.hall, opening.starts_at),
            (None, Some(own)) => (&own.hall, own.starts_at),
            (None, None) => return false,
        };
        appointment.item == *item && appointment.hall == *hall && appointment.starts_at == starts_at
    }
}
