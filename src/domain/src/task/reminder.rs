//! Who is reminded of a task, and when (rule 12): at half time its owner, one working day before it is due the owner and the
//! owner's head, when it is overdue the supervisor too. A call-back has no working day before it is due.

use crate::{
    AgentId, Timestamp,
    calendar::Calendar,
    rights::Grant,
    task::TaskKind,
    words::{Role, words},
};

words! {
    /// A step of a task's reminders, in their order.
    ReminderStep {
        /// Half of the time is over.
        Half = "half",
        /// It is due in one working day.
        Eve = "eve",
        /// It is overdue.
        Overdue = "overdue",
    }
}

words! {
    /// As whom somebody is reminded.
    Addressed {
        /// Who works on it, else the unit's editors; of a call-back the unit's agents and operators.
        Owner = "owner",
        /// The unit's leaders.
        Head = "head",
        /// The unit's supervisors.
        Supervisor = "supervisor",
    }
}

impl ReminderStep {
    /// Who is reminded at this step, and everybody who was before.
    #[must_use]
    pub const fn addressed(self) -> &'static [Addressed] {
        match self {
            Self::Half => &[Addressed::Owner],
            Self::Eve => &[Addressed::Owner, Addressed::Head],
            Self::Overdue => &[Addressed::Owner, Addressed::Head, Addressed::Supervisor],
        }
    }
}

impl Addressed {
    const fn roles(self, kind: TaskKind) -> &'static [Role] {
        match (self, kind) {
            (Self::Owner, TaskKind::CallBack) => &[Role::Agent, Role::Operator],
            (Self::Owner, TaskKind::Gap | TaskKind::Policy | TaskKind::Correction) => &[Role::Editor],
            (Self::Head, _) => &[Role::Leader],
            (Self::Supervisor, _) => &[Role::Supervisor],
        }
    }
}

/// A step and its instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reminder {
    /// Which.
    pub step: ReminderStep,
    /// When.
    pub at: Timestamp,
}

/// The steps of a task in order. Half time is moved to the next service hours, because nobody works on it before; a step that
/// would not lie between opening and the next one is left out. Overdue is the first millisecond after the due time.
#[must_use]
pub fn reminders(opened_at: Timestamp, due_at: Timestamp, calendar: &Calendar) -> Vec<Reminder> {
    let middle = opened_at + due_at.since(opened_at).max(0) / 2;
    let half = calendar.next_open(middle).unwrap_or(middle);
    let eve = calendar.working_day_before(due_at).at;
    let has_eve = eve > opened_at && eve < due_at;
    let mut steps = Vec::with_capacity(3);
    if half > opened_at && half < if has_eve { eve } else { due_at } {
        steps.push(Reminder { step: ReminderStep::Half, at: half });
    }
    if has_eve {
        steps.push(Reminder { step: ReminderStep::Eve, at: eve });
    }
    steps.push(Reminder { step: ReminderStep::Overdue, at: due_at + 1 });
    steps
}

/// The steps of a task of this kind. A call-back runs by hours: half time is moved to the next service hours only if it is not
/// due before they begin, and there is no step between.
#[must_use]
pub fn reminders_of(kind: TaskKind, opened_at: Timestamp, due_at: Timestamp, calendar: &Calendar) -> Vec<Reminder> {
    if kind != TaskKind::CallBack {
        return reminders(opened_at, due_at, calendar);
    }
    let middle = opened_at + due_at.since(opened_at).max(0) / 2;
    let half = calendar.next_open(middle).filter(|at| *at < due_at).unwrap_or(middle);
    let half = (half > opened_at).then_some(Reminder { step: ReminderStep::Half, at: half });
    half.into_iter().chain([Reminder { step: ReminderStep::Overdue, at: due_at + 1 }]).collect()
}

/// The step that is to be told at `now`, and the one after that which is still to come. Of several that were missed while
/// nobody looked only the last is told. `told` is the last one that was.
#[must_use]
pub fn step_at(
    steps: &[Reminder],
    told: Option<ReminderStep>,
    now: Timestamp,
) -> (Option<ReminderStep>, Option<Reminder>) {
    let left = steps.iter().filter(|one| told.is_none_or(|told| one.step > told));
    let due = left.clone().rfind(|one| one.at <= now).map(|one| one.step);
    (due, left.clone().find(|one| one.at > now).copied())
}

/// A member of staff who may be addressed.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Who.
    pub id: AgentId,
    /// What they may do.
    pub grants: &'a [Grant],
}

/// Who is told at a step: of each part those of the nearest unit that has some. `units` are the task's unit and those above
/// it, the city last; a grant for the whole city is the city's. Whoever has taken the task on is its only owner. A part that
/// nobody has is taken by the next one, so that no reminder is lost; nobody is named twice.
#[must_use]
pub fn addressees(
    (kind, step): (TaskKind, ReminderStep),
    units: &[String],
    item: Option<&str>,
    assignee: Option<AgentId>,
    staff: &[Member<'_>],
) -> Vec<(AgentId, Addressed)> {
    let mut told: Vec<(AgentId, Addressed)> = Vec::new();
    let mut is_missing = false;
    for part in Addressed::ALL.iter().copied() {
        if !step.addressed().contains(&part) && !is_missing {
            break;
        }
        let of_part = match (part, assignee) {
            (Addressed::Owner, Some(assignee)) if staff.iter().any(|one| one.id == assignee) => vec![assignee],
            _ => nearest(part.roles(kind), units, item, staff),
        };
        is_missing = of_part.is_empty();
        for one in of_part {
            if told.iter().all(|(known, _)| *known != one) {
                told.push((one, part));
            }
        }
    }
    told
}

/// Those with one of the roles for the item in the nearest unit that has any, in the order of their ids.
fn nearest(roles: &[Role], units: &[String], item: Option<&str>, staff: &[Member<'_>]) -> Vec<AgentId> {
    let is_about =
        |grant: &Grant| grant.items.is_empty() || item.is_some_and(|item| grant.items.iter().any(|one| one == item));
    let at = |unit: Option<&str>| {
        let has = |one: &&Member<'_>| {
            one.grants
                .iter()
                .any(|grant| roles.contains(&grant.role) && grant.unit.as_deref() == unit && is_about(grant))
        };
        let mut found: Vec<AgentId> = staff.iter().filter(has).map(|one| one.id).collect();
        found.sort_unstable();
        found
    };
    let places = units.iter().map(|unit| Some(unit.as_str())).chain([None]);
    places.map(at).find(|found| !found.is_empty()).unwrap_or_default()
}
