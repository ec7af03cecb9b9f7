//! What desk, bot and sessions look things up in: one state of what is administered, and what follows from it and the
//! configuration. It never changes; [`crate::organisation::Organisation`] has the newest one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use bangban_domain::{
    TeamId,
    alert::Thresholds,
    calendar::Calendar,
    ledger::{PolicyRef, Rule},
    org::{Body, Directory, GENERAL, Item, Kind, Record, SlaPolicy},
    routing::{Plan, Policy, Ring, Settings},
    time::{MINUTE, Millis, SECOND},
    words::Channel,
};
use bangban_protocol::{ActionOffer, BotOption, DirectoryTarget, GuideOffer, KnowledgeHit, SuggestionBasis, TeamView};
use bangban_search::{Entry, Index, Phonebook};

use crate::{
    config::{Config, ConfigError, HoursKey, Widening},
    connectors::actions::ItemActions,
    guides::Guides,
    known::Knowledge,
    organisation::{demo_directory, demo_knowledge},
};

/// Questions that are suggested at the begin.
const SUGGESTED: usize = 4;

/// Fewer than so many do not make a list of what is asked most.
const FEWEST_COUNTED: usize = 2;

/// What is asked most.
#[derive(Default)]
pub struct Asked {
    /// Entries, most often asked first.
    pub counted: Vec<String>,
    /// The demo's, as long as nothing was counted.
    pub examples: Vec<String>,
}

fn option(entry: &Entry) -> BotOption {
    BotOption { entry: entry.id.clone(), question: entry.question.clone(), probability: None }
}

fn span(seconds: u32) -> Millis {
    i64::from(seconds) * SECOND
}

/// What holds where nothing else is said: the configuration.
pub struct Basis {
    /// Service hours.
    pub calendar: Calendar,
    /// The router's numbers.
    pub settings: Settings,
    /// Who else is asked for a queue, and how far first priority is ahead.
    pub widening: Widening,
    /// Are agents asked only within their duty, if they stand in the roster?
    pub follows_roster: bool,
    /// When the state of a team is an alert.
    pub alerts: Thresholds,
    /// Length of a call-back slot, and how many people it takes.
    pub slots: (Millis, u32),
    /// How long the next response may take.
    pub next_response: Millis,
    /// So long before the slot of a promised call-back team and citizen are reminded of it.
    pub call_back_remind: Millis,
    /// So long before the end of a duty the agent is reminded of it.
    pub remind: Millis,
    /// Code of the team that takes the hotline's calls.
    pub call_team: String,
}

impl Basis {
    /// Of the configuration.
    ///
    /// # Errors
    /// Names the key.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let slots = (i64::from(config.service.slot_minutes) * MINUTE, config.service.slot_capacity.into());
        Ok(Self {
            calendar: config.calendar()?,
            settings: config.settings(),
            alerts: config.alert_thresholds(),
            widening: config.widening(),
            follows_roster: config.service.hours != HoursKey::Always,
            slots,
            next_response: config.next_response(),
            call_back_remind: i64::from(config.service.call_back_remind_minutes) * MINUTE,
            remind: i64::from(config.service.remind_minutes) * MINUTE,
            call_team: config.calls.team.clone(),
        })
    }
}

/// At each of these instants the next ring is asked that would not have been asked by then.
fn widen(rings: &mut [Ring], at: &[Millis]) {
    for at in at {
        if let Some(next) = rings.iter_mut().find(|ring| ring.after > *at) {
            next.after = *at;
        }
    }
}

/// See the module.
#[derive(Clone)]
pub struct Catalogue {
    directory: Directory,
    basis: Arc<Basis>,
    /// High-frequency items (高频事项), and the team that answers for each: looked at several times a second.
    frequent: Arc<[(String, TeamId)]>,
    teams: BTreeMap<TeamId, TeamView>,
    /// The city's, and those of teams that have other ones.
    calendar: Calendar,
    calendars: HashMap<String, Calendar>,
    knowledge: Arc<Knowledge>,
    guides: Arc<Guides>,
    asked: Arc<Asked>,
    actions: Arc<ItemActions>,
    /// Made when it is asked for the first time: most states are never searched.
    phonebook: Arc<OnceLock<Phonebook<DirectoryTarget>>>,
}

impl Catalogue {
    /// `knowledge` may be of an earlier state.
    #[must_use]
    pub fn new(directory: Directory, basis: Arc<Basis>, knowledge: Arc<Knowledge>) -> Self {
        let view = |(code, team): (&str, &bangban_domain::org::Team)| {
            let id = directory.team_id(code)?;
            Some((id, TeamView { code: code.to_owned(), name: team.name.clone() }))
        };
        let teams = directory.teams().filter_map(view).collect();
        let configured = basis.calendar.with_holidays(directory.holidays(basis.calendar.holidays()));
        let calendar = directory.calendar(None, &configured);
        let own = |(code, _): (&str, _)| (code.to_owned(), directory.calendar(Some(code), &configured));
        let calendars = directory.teams().map(own).filter(|(_, own)| *own != calendar).collect();
        let (frequent, guides, asked, actions, phonebook) = Default::default();
        let mut this = Self {
            directory,
            basis,
            frequent,
            teams,
            calendar,
            calendars,
            knowledge,
            guides,
            asked,
            actions,
            phonebook,
        };
        let frequent = this.directory.items().filter(|(_, item)| item.high_frequency);
        this.frequent =
            frequent.map(|(code, _)| (code.to_owned(), this.team_or_general(this.team_of(Some(code))))).collect();
        this
    }

    /// The same with other entries in force.
    #[must_use]
    pub fn with_knowledge(&self, knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge, ..self.clone() }
    }

    /// The same with other guides in force.
    #[must_use]
    pub fn with_guides(&self, guides: Arc<Guides>) -> Self {
        Self { guides, ..self.clone() }
    }

    /// The same with other counts of what is asked.
    #[must_use]
    pub fn with_asked(&self, asked: Arc<Asked>) -> Self {
        Self { asked, ..self.clone() }
    }

    /// What is asked most, for the next state.
    #[must_use]
    pub fn shared_asked(&self) -> Arc<Asked> {
        Arc::clone(&self.asked)
    }

    /// The same where other things can be done.
    #[must_use]
    pub fn with_actions(&self, actions: Arc<ItemActions>) -> Self {
        Self { actions, ..self.clone() }
    }

    /// The demo's, by the default configuration.
    ///
    /// # Errors
    /// Names the file and what in it is wrong.
    pub fn demo() -> anyhow::Result<Self> {
        let basis = Arc::new(Basis::new(&Config::load(None)?)?);
        let directory = demo_directory()?;
        let knowledge = Arc::new(demo_knowledge(&directory)?);
        Ok(Self::new(directory, basis, knowledge))
    }

    /// Everything that is administered.
    #[must_use]
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// What holds where nothing else is said.
    #[must_use]
    pub const fn basis(&self) -> &Arc<Basis> {
        &self.basis
    }

    /// An item.
    #[must_use]
    pub fn item(&self, code: &str) -> Option<&Item> {
        self.directory.item(code)
    }

    /// Name of an item.
    #[must_use]
    pub fn item_name(&self, code: Option<&str>) -> Option<String> {
        code.and_then(|code| self.item(code)).map(|item| item.name.clone())
    }

    /// All teams, in the order of their numbers, in which there may be holes.
    pub fn teams(&self) -> impl Iterator<Item = &TeamView> {
        self.teams.values()
    }

    /// A team's number.
    #[must_use]
    pub fn team(&self, code: &str) -> Option<TeamId> {
        self.directory.team_id(code)
    }

    /// The team with a number.
    #[must_use]
    pub fn team_at(&self, id: TeamId) -> Option<&TeamView> {
        self.teams.get(&id)
    }

    /// The number of the team, or of the general one if it is gone.
    #[must_use]
    pub fn team_or_general(&self, code: &str) -> TeamId {
        self.team(code).or_else(|| self.team(GENERAL)).unwrap_or(TeamId(0))
    }

    /// The code of the team that serves an item.
    #[must_use]
    pub fn team_of(&self, item: Option<&str>) -> &str {
        self.directory.team_of(item)
    }

    /// Codes of the high-frequency items (DOMAIN rule 4), and the team that answers for each.
    #[must_use]
    pub fn frequent_items(&self) -> &[(String, TeamId)] {
        &self.frequent
    }

    /// The city's service hours.
    #[must_use]
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// A team's service hours.
    #[must_use]
    pub fn calendar_of(&self, team: &str) -> &Calendar {
        self.calendars.get(team).unwrap_or(&self.calendar)
    }

    /// The calendar by which a unit's deadlines are counted.
    #[must_use]
    pub fn calendar_of_unit(&self, unit: &str) -> Calendar {
        let configured = self.basis.calendar.with_holidays(self.directory.holidays(self.basis.calendar.holidays()));
        self.directory.unit_calendar(unit, &configured)
    }

    /// All that there are.
    pub fn calendars(&self) -> impl Iterator<Item = &Calendar> {
        self.calendars.values().chain([&self.calendar])
    }

    /// A team's call-back slots: their length, and how many people one takes.
    #[must_use]
    pub fn slots_of(&self, team: &str) -> (Millis, u32) {
        let (length, capacity) = self.basis.slots;
        let team = self.directory.team(team);
        let minutes = team.and_then(|team| team.slot_minutes);
        (
            minutes.map_or(length, |minutes| i64::from(minutes) * MINUTE),
            team.and_then(|team| team.slot_capacity).unwrap_or(capacity),
        )
    }

    /// A team's steps of the first response, and how it is offered.
    #[must_use]
    pub fn policy_of(&self, team: &str) -> Policy {
        self.directory.policy(team).map_or_else(|| self.basis.settings.policy(), |own| self.policy_by(own))
    }

    fn policy_by(&self, own: &SlaPolicy) -> Policy {
        let usual = self.basis.settings.policy();
        Policy {
            warn: span(own.warn_seconds),
            alert: span(own.alert_seconds),
            breach: span(own.breach_seconds),
            offer: span(own.offer_seconds),
            parallel_after: own.parallel_seconds.map_or(usual.parallel_after, span),
            parallel: own.parallel_offers.and_then(|offers| u8::try_from(offers).ok()).unwrap_or(usual.parallel),
            all_after: own.all_after(),
            needs_for: own.needs_seconds.map_or(usual.needs_for, span),
        }
    }

    /// What holds for a request instead of what holds for its team: an item's or a channel's policy.
    #[must_use]
    pub fn plan_for(&self, team: &str, item: Option<&str>, channel: Channel) -> Option<Plan> {
        let (record, own) = self.directory.policy_for(team, item, channel)?;
        let is_particular = own.item.is_some() || own.channel.is_some();
        is_particular.then_some(Plan { policy: record.no, team: self.team(team)? })
    }

    /// The record of a plan, if it is still there.
    #[must_use]
    pub fn policy_of_plan(&self, plan: Plan) -> Option<&Record> {
        self.directory.record_at(Kind::SlaPolicy, plan.policy)
    }

    /// What a plan means to the router.
    #[must_use]
    pub fn plan(&self, plan: Plan) -> Option<(Policy, Vec<Ring>)> {
        let Body::SlaPolicy(own) = &self.policy_of_plan(plan)?.body else { return None };
        let team = self.team_at(plan.team)?;
        Some((self.policy_by(own), self.rings_by(&team.code, Some(own))))
    }

    /// By which policy, and which state of it, a team's request is promised something.
    #[must_use]
    pub fn policy_ref(&self, team: &str, plan: Option<Plan>) -> Option<PolicyRef> {
        let record = match plan.and_then(|plan| self.policy_of_plan(plan)) {
            Some(record) => record,
            None => self.directory.policy_record(team)?,
        };
        Some(PolicyRef { id: record.id.clone(), version: record.version })
    }

    /// What is promised to whoever writes in a conversation that a human of this team serves.
    #[must_use]
    pub fn next_response(&self, team: &str, item: Option<&str>, channel: Channel) -> Rule {
        match self.directory.policy_for(team, item, channel) {
            Some((record, own)) => {
                let policy = PolicyRef { id: record.id.clone(), version: record.version };
                own.next_response(self.basis.next_response, policy)
            }
            None => Rule::usual(self.basis.next_response, None),
        }
    }

    /// Who else is asked for a team's queue, and how far first priority is ahead in it.
    #[must_use]
    pub fn widening_of(&self, team: &str) -> Widening {
        self.widening_by(self.directory.policy(team))
    }

    fn widening_by(&self, own: Option<&SlaPolicy>) -> Widening {
        let usual = self.basis.widening;
        own.map_or(usual, |own| Widening {
            neighbours: own.neighbours_seconds.map_or(usual.neighbours, span),
            city: own.city_seconds.map_or(usual.city, span),
            general: own.general_seconds.map_or(usual.general, span),
            head_start: own.head_start_seconds.map_or(usual.head_start, span),
        })
    }

    /// The rings of a team's queue.
    #[must_use]
    pub fn rings_of(&self, team: &str) -> Vec<Ring> {
        self.rings_by(team, self.directory.policy(team))
    }

    fn rings_by(&self, team: &str, own: Option<&SlaPolicy>) -> Vec<Ring> {
        let helpers = self.directory.helpers(team);
        let Widening { neighbours, city, general, .. } = self.widening_by(own);
        let rings = [(neighbours, helpers.neighbours), (city, helpers.city), (general, helpers.general)];
        let some = rings.into_iter().filter(|(_, teams)| !teams.is_empty());
        let mut rings: Vec<Ring> = some.map(|(after, teams)| Ring { after, teams }).collect();
        widen(&mut rings, &own.map(SlaPolicy::widens).unwrap_or_default());
        rings
    }

    /// What 小申 and the agents know.
    #[must_use]
    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    /// The same, for the next state.
    #[must_use]
    pub fn shared_knowledge(&self) -> Arc<Knowledge> {
        Arc::clone(&self.knowledge)
    }

    /// Guided dialogues that are in force.
    #[must_use]
    pub fn guides(&self) -> &Guides {
        &self.guides
    }

    /// The same, for the next state.
    #[must_use]
    pub fn shared_guides(&self) -> Arc<Guides> {
        Arc::clone(&self.guides)
    }

    /// What is offered to whoever asks about an item that has a guided dialogue.
    #[must_use]
    pub fn guide_offer(&self, item: &str) -> Option<GuideOffer> {
        self.guides.get(item)?;
        Some(GuideOffer { item: item.to_owned(), item_name: self.item_name(Some(item))? })
    }

    /// What can be done about items.
    #[must_use]
    pub fn actions(&self) -> &ItemActions {
        &self.actions
    }

    /// The same, for the next state.
    #[must_use]
    pub fn shared_actions(&self) -> Arc<ItemActions> {
        Arc::clone(&self.actions)
    }

    /// What is offered to whoever asks about an item.
    #[must_use]
    pub fn action_offer(&self, item: &str) -> Option<ActionOffer> {
        self.actions.offer(item, self.item_name(Some(item))?)
    }

    /// Items, departments and telephones, as operators look for them.
    #[must_use]
    pub fn phonebook(&self) -> &Phonebook<DirectoryTarget> {
        self.phonebook.get_or_init(|| crate::departments::phonebook(&self.directory))
    }

    /// What 小申 answers from.
    #[must_use]
    pub fn index(&self) -> &Index {
        self.knowledge.index()
    }

    /// Questions that the bot suggests at the begin, and what makes them frequent; without counts, those that are near the
    /// item's name.
    #[must_use]
    pub fn suggestions(&self, item: Option<&str>) -> (Vec<BotOption>, Option<SuggestionBasis>) {
        let is_here = |entry: &&Entry| item.is_none_or(|item| entry.item == item);
        let of = |ids: &[String]| -> Vec<BotOption> {
            let entries = ids.iter().filter_map(|id| self.index().entry(id)).filter(is_here);
            entries.take(SUGGESTED).map(option).collect()
        };
        let asked = of(&self.asked.counted);
        if asked.len() >= FEWEST_COUNTED {
            return (asked, Some(SuggestionBasis::Asked));
        }
        let Some((code, known)) = item.and_then(|code| Some((code, self.item(code)?))) else {
            let examples = of(&self.asked.examples);
            let basis = (!examples.is_empty()).then_some(SuggestionBasis::Demo);
            return (examples, basis);
        };
        let hits = self.index().search(&known.name, Some(code), SUGGESTED);
        let near = hits.iter().filter_map(|hit| hit.entry_in(self.index())).filter(is_here);
        (near.map(option).collect(), None)
    }

    /// What an agent finds.
    #[must_use]
    pub fn search(&self, query: &str, item: Option<&str>, limit: usize) -> Vec<KnowledgeHit> {
        self.knowledge.search(query, item, limit, &self.directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_widens_asks_the_next_ring_earlier_and_none_later() {
        let after = |at: &[Millis]| {
            let ring = |after| Ring { after, teams: vec![TeamId(1)] };
            let mut rings = vec![ring(15_000), ring(25_000), ring(35_000)];
            widen(&mut rings, at);
            rings.into_iter().map(|ring| ring.after).collect::<Vec<_>>()
        };
        assert_eq!(after(&[]), [15_000, 25_000, 35_000]);
        assert_eq!(after(&[5_000]), [5_000, 25_000, 35_000]);
        assert_eq!(after(&[5_000, 10_000]), [5_000, 10_000, 35_000], "each step one ring");
        assert_eq!(after(&[20_000]), [15_000, 20_000, 35_000]);
        assert_eq!(after(&[60_000]), [15_000, 25_000, 35_000], "all have been asked by then");
    }
}
