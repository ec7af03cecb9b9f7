//! Whom notices, prepared texts and blocks reach. What a unit says or forbids holds for its own teams and those of the units
//! below it, whatever else it names: nobody's right reaches into a neighbour's queue.

use super::{BlockedVisitor, CITY, CannedAnswer, Directory, Kind, Notice, NoticeLevel, Record};
use crate::{CitizenId, Timestamp};

/// A record of a kind that is known.
type Named<'a, T> = (&'a Record, &'a T);

impl Directory {
    /// Is the team one of the unit's, or of one below it? `None`: the city's, whose are all.
    #[must_use]
    pub fn reaches(&self, unit: Option<&str>, team: &str) -> bool {
        let Some(unit) = unit.filter(|unit| *unit != CITY) else { return true };
        let of_team = self.team(team).map(|team| team.unit.as_str());
        of_team.is_some_and(|own| self.above(own).iter().any(|above| above == unit))
    }

    /// The unit right below `scope` under which `unit` stands; `None`: it is the scope itself, or not below it.
    #[must_use]
    pub fn below<'a>(&'a self, scope: &str, unit: &str) -> Option<&'a str> {
        let above = self.above(unit);
        let place = above.iter().position(|one| one == scope)?;
        above.get(place.checked_sub(1)?).map(String::as_str)
    }

    fn shown_notices(&self, at: Timestamp) -> impl Iterator<Item = Named<'_, Notice>> {
        self.records(Kind::Notice, None).filter_map(move |record| match &record.body {
            super::Body::Notice(notice) if notice.is_shown(at) => Some((record, notice)),
            _ => None,
        })
    }

    /// The notices for whoever asks about an item, or about none.
    #[must_use]
    pub fn notices_about(&self, item: Option<&str>, at: Timestamp) -> Vec<Named<'_, Notice>> {
        let team = self.team_of(item);
        let concerns = |notice: &Notice| {
            let is_of_all = notice.items.is_empty() && notice.teams.is_empty();
            let names_item = item.is_some_and(|item| notice.items.iter().any(|one| one == item));
            is_of_all || names_item || notice.teams.iter().any(|one| one == team)
        };
        let found = self.shown_notices(at).filter(|(_, one)| concerns(one) && self.reaches(one.unit.as_deref(), team));
        most_urgent_first(found.collect())
    }

    /// The notices for somebody of these teams: whatever the citizens whom they serve may be told.
    #[must_use]
    pub fn notices_of(&self, teams: &[String], at: Timestamp) -> Vec<Named<'_, Notice>> {
        let concerns = |notice: &Notice| {
            teams.iter().any(|team| {
                let is_of_all = notice.items.is_empty() && notice.teams.is_empty();
                let serves_item = || notice.items.iter().any(|item| self.team_of(Some(item)) == team);
                self.reaches(notice.unit.as_deref(), team)
                    && (is_of_all || notice.teams.contains(team) || serves_item())
            })
        };
        most_urgent_first(self.shown_notices(at).filter(|(_, one)| concerns(one)).collect())
    }

    /// When the next notice begins or ends.
    #[must_use]
    pub fn next_notice_change(&self, after: Timestamp) -> Option<Timestamp> {
        let instants = self.notices().flat_map(|(_, notice)| [Some(notice.from), notice.to]).flatten();
        instants.filter(|at| *at > after).min()
    }

    /// The prepared texts for somebody of these teams, with their codes, in the order of the codes.
    #[must_use]
    pub fn canned_answers_of(&self, teams: &[String]) -> Vec<(&str, &CannedAnswer)> {
        let is_for = |answer: &CannedAnswer, team: &String| {
            self.reaches(answer.unit.as_deref(), team) && (answer.teams.is_empty() || answer.teams.contains(team))
        };
        let mut found: Vec<_> =
            self.canned_answers().filter(|(_, answer)| teams.iter().any(|team| is_for(answer, team))).collect();
        found.sort_unstable_by_key(|(code, _)| *code);
        found
    }

    /// What keeps the citizen from asking for a human of this team; of several, the one that holds longest.
    #[must_use]
    pub fn block(&self, citizen: CitizenId, team: &str, at: Timestamp) -> Option<&BlockedVisitor> {
        let holds =
            |one: &BlockedVisitor| one.citizen == citizen && one.holds(at) && self.reaches(one.unit.as_deref(), team);
        let found = self.blocked_visitors().map(|(_, one)| one).filter(|one| holds(one));
        // Without an end is longest.
        found.max_by_key(|one| (one.until.is_none(), one.until))
    }
}

/// Of one urgency, the newest first.
fn most_urgent_first(mut notices: Vec<Named<'_, Notice>>) -> Vec<Named<'_, Notice>> {
    let urgency = |level: NoticeLevel| match level {
        NoticeLevel::Outage => 0,
        NoticeLevel::Warning => 1,
        NoticeLevel::Info => 2,
    };
    notices.sort_by_key(|(record, notice)| (urgency(notice.level), std::cmp::Reverse((notice.from, record.no))));
    notices
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::Body, *};

    #[test]
    fn a_unit_stands_under_one_right_below_the_scope_or_is_the_scope() {
        let directory = directory(&[]);
        let below = |scope, unit| directory.below(scope, unit);
        assert_eq!(
            (below(CITY, "xuhui-office"), below("xuhui", "xuhui-office")),
            (Some("xuhui"), Some("xuhui-office"))
        );
        assert_eq!((below(CITY, CITY), below("xuhui", "xuhui"), below("huangpu", "xuhui-office")), (None, None, None));
        assert_eq!(below(CITY, "nowhere"), None);
    }

    /// City, two districts, one team in each and one in the city; two items.
    fn directory(more: &[(Kind, &str, Value)]) -> Directory {
        let unit = |id: &'static str, kind: &str, parent: Option<&str>| {
            (Kind::Unit, id, json!({ "name": id, "kind": kind, "parent": parent }))
        };
        let team = |id: &'static str, unit: &str| (Kind::Team, id, json!({ "name": id, "unit": unit }));
        let item = |id: &'static str, team: &str| {
            (Kind::Item, id, json!({ "name": id, "department": CITY, "audience": "both", "team": team }))
        };
        let base = [
            unit(CITY, "city", None),
            unit("xuhui", "district", Some(CITY)),
            unit("huangpu", "district", Some(CITY)),
            unit("xuhui-office", "office", Some("xuhui")),
            team("general", CITY),
            team("xuhui-team", "xuhui-office"),
            team("huangpu-team", "huangpu"),
            item("permit", "xuhui-team"),
            item("pension", "huangpu-team"),
        ];
        let records = base.iter().chain(more).zip(1..).map(|((kind, id, body), no)| Record {
            id: (*id).to_owned(),
            no,
            version: 1,
            changed_at: Timestamp(0),
            body: Body::read(*kind, body.clone()).unwrap(),
        });
        Directory::new(records)
    }

    fn notice(more: Value) -> Value {
        let mut body = json!({ "text": "停机维护", "level": "info", "from": 100, "to": 200 });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    fn ids(found: &[Named<'_, Notice>]) -> Vec<String> {
        found.iter().map(|(record, _)| record.id.clone()).collect()
    }

    const NOW: Timestamp = Timestamp(150);

    #[test]
    fn a_notice_is_shown_to_those_whom_it_concerns_and_only_in_its_time() {
        let directory = directory(&[
            (Kind::Notice, "all", notice(json!({}))),
            (Kind::Notice, "xuhui", notice(json!({ "unit": "xuhui" }))),
            (Kind::Notice, "permit", notice(json!({ "items": ["permit"] }))),
            (Kind::Notice, "either", notice(json!({ "items": ["pension"], "teams": ["xuhui-team"] }))),
            (Kind::Notice, "early", notice(json!({ "from": 151, "to": null }))),
            (Kind::Notice, "late", notice(json!({ "from": 1, "to": 150 }))),
            // A district names an item of its neighbour's: nobody is told.
            (Kind::Notice, "beyond", notice(json!({ "unit": "huangpu", "items": ["permit"] }))),
        ]);
        for (item, expected) in [
            (Some("permit"), &["either", "permit", "xuhui", "all"][..]),
            (Some("pension"), &["either", "all"]),
            (None, &["all"]),
            (Some("unknown"), &["all"]),
        ] {
            assert_eq!(ids(&directory.notices_about(item, NOW)), expected, "{item:?}");
        }
        for (teams, expected) in [
            (&["xuhui-team"][..], &["either", "permit", "xuhui", "all"][..]),
            (&["huangpu-team"], &["either", "all"]),
            (&["general"], &["all"]),
            (&[], &[]),
        ] {
            let teams: Vec<String> = teams.iter().map(|team| (*team).to_owned()).collect();
            assert_eq!(ids(&directory.notices_of(&teams, NOW)), expected, "{teams:?}");
        }
    }

    #[test]
    fn urgent_ones_come_first_then_new_ones() {
        let directory = directory(&[
            (Kind::Notice, "new-info", notice(json!({ "from": 140 }))),
            (Kind::Notice, "old-outage", notice(json!({ "level": "outage" }))),
            (Kind::Notice, "warning", notice(json!({ "level": "warning", "from": 149 }))),
            (Kind::Notice, "new-outage", notice(json!({ "level": "outage", "from": 120 }))),
        ]);
        let found = directory.notices_about(None, NOW);
        assert_eq!(ids(&found), ["new-outage", "old-outage", "warning", "new-info"]);
    }

    #[test]
    fn the_next_change_is_the_next_begin_or_end() {
        let directory = directory(&[
            (Kind::Notice, "a", notice(json!({}))),
            (Kind::Notice, "b", notice(json!({ "from": 180, "to": null }))),
        ]);
        for (after, expected) in [(0, Some(100)), (100, Some(180)), (180, Some(200)), (200, None)] {
            assert_eq!(directory.next_notice_change(Timestamp(after)), expected.map(Timestamp), "{after}");
        }
    }

    #[test]
    fn agents_have_the_texts_of_their_teams() {
        let answer = |more: Value| {
            let mut body = json!({ "title": "t", "text": "x" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let directory = directory(&[
            (Kind::CannedAnswer, "zz", answer(json!({}))),
            (Kind::CannedAnswer, "hy", answer(json!({ "unit": "xuhui" }))),
            (Kind::CannedAnswer, "bz", answer(json!({ "teams": ["huangpu-team"] }))),
            (Kind::CannedAnswer, "cc", answer(json!({ "unit": "huangpu", "teams": ["xuhui-team"] }))),
        ]);
        for (teams, expected) in [
            (&["xuhui-team"][..], &["hy", "zz"][..]),
            (&["huangpu-team"], &["bz", "zz"]),
            (&["general", "huangpu-team"], &["bz", "zz"]),
            (&[], &[]),
        ] {
            let teams: Vec<String> = teams.iter().map(|team| (*team).to_owned()).collect();
            let found: Vec<&str> = directory.canned_answers_of(&teams).into_iter().map(|(code, _)| code).collect();
            assert_eq!(found, expected, "{teams:?}");
        }
    }

    #[test]
    fn a_block_holds_until_its_end_in_the_units_teams_and_a_proposal_holds_nothing() {
        let citizen = CitizenId::new(7);
        let block = |more: Value| {
            let mut body = json!({ "citizen": citizen, "reason": "辱骂" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            (Kind::BlockedVisitor, body)
        };
        for (more, team, expected) in [
            (json!({}), "general", Some(None)),
            (json!({ "until": 151 }), "general", Some(Some(151))),
            (json!({ "until": 150 }), "general", None),
            (json!({ "unit": "xuhui" }), "xuhui-team", Some(None)),
            (json!({ "unit": "xuhui" }), "huangpu-team", None),
            (json!({ "unit": "xuhui" }), "general", None),
            (json!({ "isProposed": true }), "general", None),
        ] {
            let (kind, body) = block(more.clone());
            let directory = directory(&[(kind, "b", body)]);
            let found = directory.block(citizen, team, NOW).map(|block| block.until.map(|until| until.0));
            assert_eq!(found, expected, "{more} {team}");
            assert_eq!(directory.block(CitizenId::new(8), team, NOW), None);
        }
        let directory = directory(&[
            (Kind::BlockedVisitor, "a", block(json!({ "until": 500 })).1),
            (Kind::BlockedVisitor, "b", block(json!({ "unit": "xuhui" })).1),
        ]);
        assert_eq!(directory.block(citizen, "xuhui-team", NOW).unwrap().until, None, "the longer one is told");
        assert_eq!(directory.block(citizen, "huangpu-team", NOW).unwrap().until, Some(Timestamp(500)));
    }
}
