//! The board by units: sums over trees of teams, one person once, and nothing beyond the own unit.

use bangban_domain::{org::Kind, rights::Grant};
use bangban_protocol::{BoardLine, BoardUnit};
use bangban_store::{Change, Membership, StaffRow, Unit};
use serde_json::json;

use super::*;

impl House {
    async fn board_of(&self, who: &Principal, unit: Option<&str>) -> BoardView {
        let topic = unit.map_or(Topic::Board, |unit| Topic::BoardOf(unit.parse().unwrap()));
        match self.snapshot(who, topic).await.1 {
            Snapshot::Board { view } => view,
            other => panic!("{other:?}"),
        }
    }

    /// Xuhui with an office below it: a team each, and one more in the office.
    async fn tree(&self) {
        let office = json!({ "name": "徐汇受理中心", "kind": "office", "parent": "xuhui", "district": "xuhui" });
        self.put(Kind::Unit, "xuhui-office", 0, office).await;
        for (code, unit) in [("xuhui-one", "xuhui"), ("office-one", "xuhui-office"), ("office-two", "xuhui-office")] {
            self.put(Kind::Team, code, 0, json!({ "name": code, "unit": unit })).await;
        }
    }
}

fn line_of<'a>(units: &'a [BoardUnit], code: &str) -> &'a BoardLine {
    &units.iter().find(|one| one.unit.code == code).unwrap_or_else(|| panic!("no {code}")).line
}

fn codes(view: &BoardView) -> Vec<&str> {
    view.units.iter().map(|one| one.unit.code.as_str()).collect()
}

#[tokio::test]
async fn a_unit_s_line_is_the_sum_of_its_tree_and_whoever_serves_in_two_of_its_teams_counts_once() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.tree().await;
    // Agent 1 in three teams of Xuhui, agent 2 in one of them and in one of another unit.
    for (n, teams) in [(1, vec!["xuhui-one", "office-one", "office-two"]), (2, vec!["office-two", "residence"])] {
        let row = house.app.accounts.get(AgentId::new(n)).unwrap();
        let row = StaffRow { teams: teams.into_iter().map(Membership::new).collect(), ..StaffRow::clone(&row) };
        house.app.store.commit(Unit { changes: vec![Change::Staff(row)], ..Unit::default() }).await.unwrap();
    }
    let house = house.restart().await;
    for n in [1, 2] {
        house.come(n).await;
    }
    house.ok(&agent(2), Command::SetStatus { status: AgentStatus::Break }).await;
    house.advance(200).await;
    let city = house.board_of(&supervisor(), None).await;
    let xuhui = line_of(&city.units, "xuhui");
    assert_eq!((xuhui.staffed, xuhui.free, xuhui.on_break, xuhui.busy), (2, 1, 1, 0), "two people, in four places");
    assert_eq!(line_of(&city.units, "police").staffed, 1);
    assert!(!codes(&city).contains(&"sh"), "the city's own team stands beside the units");
    assert_eq!(city.path.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["sh"]);

    let district = house.board_of(&supervisor(), Some("xuhui")).await;
    assert_eq!(codes(&district), ["xuhui-office"]);
    let office = line_of(&district.units, "xuhui-office");
    assert_eq!((office.staffed, district.total.staffed), (2, 2));
    let teams: Vec<&str> = district.teams.iter().map(|one| one.team.code.as_str()).collect();
    assert_eq!(teams, ["xuhui-one", "office-one", "office-two"]);
    assert_eq!(district.path.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["上海市", "徐汇区"]);
    let below = house.board_of(&supervisor(), Some("xuhui-office")).await;
    assert_eq!((below.units.len(), below.teams.len()), (0, 2), "the end of the tree has teams only");
}

#[tokio::test]
async fn who_waits_is_seen_in_every_sum_above_within_the_second() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    let before = house.board_of(&supervisor(), None).await;
    assert_eq!((line_of(&before.units, "police").waiting, before.total.waiting), (0, 0));
    house.ask(&citizen(1), "residence-permit").await;
    house.advance(200).await;
    let after = house.board_of(&supervisor(), None).await;
    let police = line_of(&after.units, "police");
    assert_eq!((police.waiting, police.oldest_asked_at), (1, Some(Timestamp(at(10, 0, 0)))));
    let sum: u32 = after.units.iter().map(|one| one.line.waiting).sum();
    assert_eq!(sum, after.total.waiting);
}

#[tokio::test]
async fn nobody_is_told_of_more_than_their_scope() {
    let house = House::open(at(10, 0, 0), HoursKey::Always).await;
    house.tree().await;
    let row = StaffRow::clone(&house.app.accounts.get(AgentId::new(7)).unwrap());
    let grants = vec![Grant { role: Role::Supervisor, unit: Some("xuhui".to_owned()), items: Vec::new() }];
    let row = StaffRow { grants, ..row };
    house.app.store.commit(Unit { changes: vec![Change::Staff(row)], ..Unit::default() }).await.unwrap();
    let house = house.restart().await;
    house.ask(&citizen(1), "residence-permit").await;
    house.advance(200).await;
    let look = |unit: &str| Command::Subscribe { topic: Topic::BoardOf(unit.parse().unwrap()), after: None };
    for unit in ["police", "huangpu"] {
        assert_eq!(house.refused(&supervisor(), look(unit)).await, ErrorCode::Forbidden, "{unit}");
    }
    let city = Command::Subscribe { topic: Topic::Board, after: None };
    assert_eq!(house.refused(&supervisor(), city).await, ErrorCode::Forbidden);
    let own = house.board_of(&supervisor(), Some("xuhui")).await;
    assert_eq!((codes(&own), own.total.waiting), (vec!["xuhui-office"], 0));
    house.ok(&supervisor(), look("xuhui-office")).await;
}
