//! Who may change which account into what. Pure.
//!
//! Whoever manages staff of some units gives and takes rights in those units and below, and nowhere else: so nobody gives
//! away what they do not have, and nobody who has more than they is changed, reset or logged out by them. Nobody changes
//! their own rights. One administrator of the whole city remains, who can log in.

use bangban_domain::{AgentId, words::Role};
use bangban_store::StaffRow;

/// Why a change is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The account, or a right that is given or taken, lies outside of what the actor manages.
    #[error("it is in a unit whose staff you do not manage")]
    Elsewhere,
    /// One's own rights.
    #[error("nobody changes their own rights")]
    Oneself,
    /// There would be no administrator any more.
    #[error("the last administrator of the city has to stay")]
    LastAdmin,
}

/// Does the actor manage the account: its unit, and everything that it may do?
pub fn manages_all(account: &StaffRow, manages: impl Fn(Option<&str>) -> bool) -> bool {
    manages(account.unit.as_deref()) && account.grants.iter().all(|grant| manages(grant.unit.as_deref()))
}

/// Can this account always put things right?
#[must_use]
pub fn is_city_admin(account: &StaffRow) -> bool {
    let has_all = |grant: &bangban_domain::rights::Grant| {
        grant.role == Role::Admin && grant.unit.is_none() && grant.items.is_empty()
    };
    account.is_active && account.grants.iter().any(has_all)
}

/// May the actor, who manages the staff of the units for which `manages` holds, make `after` of `before`?
///
/// # Errors
/// Says why not.
pub fn check(
    actor: AgentId,
    before: Option<&StaffRow>,
    after: &StaffRow,
    others: &[&StaffRow],
    manages: impl Fn(Option<&str>) -> bool,
    unit_of_team: impl Fn(&str) -> Option<String>,
) -> Result<(), Denied> {
    if before.is_some_and(|before| !manages_all(before, &manages)) || !manages_all(after, &manages) {
        return Err(Denied::Elsewhere);
    }
    let had = |team: &str| before.is_some_and(|before| before.teams.iter().any(|one| one.team == team));
    let mut joined = after.teams.iter().filter(|one| !had(&one.team));
    if joined.any(|one| !manages(unit_of_team(&one.team).as_deref())) {
        return Err(Denied::Elsewhere);
    }
    if let Some(before) = before.filter(|before| before.id == actor) {
        let is_same = before.grants == after.grants
            && before.teams == after.teams
            && before.unit == after.unit
            && before.is_active == after.is_active;
        if !is_same {
            return Err(Denied::Oneself);
        }
    }
    let was_admin = before.is_some_and(is_city_admin);
    if was_admin && !is_city_admin(after) && !others.iter().any(|other| is_city_admin(other)) {
        return Err(Denied::LastAdmin);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bangban_domain::rights::Grant;
    use bangban_store::Membership;

    use super::*;

    fn grant(role: Role, unit: Option<&str>) -> Grant {
        Grant { role, unit: unit.map(str::to_owned), items: Vec::new() }
    }

    fn account(id: u128, unit: Option<&str>, grants: &[Grant]) -> StaffRow {
        StaffRow {
            unit: unit.map(str::to_owned),
            grants: grants.to_vec(),
            ..StaffRow::new(AgentId::new(id), format!("a{id}"), "李敏")
        }
    }

    const ACTOR: AgentId = AgentId::new(1);

    /// By an actor who manages these units.
    fn by(
        units: &[Option<&str>],
        before: Option<&StaffRow>,
        after: &StaffRow,
        others: &[&StaffRow],
    ) -> Result<(), Denied> {
        let manages = |unit: Option<&str>| units.contains(&None) || units.contains(&unit);
        check(ACTOR, before, after, others, manages, |team| (team != "city").then(|| team.to_owned()))
    }

    #[test]
    fn rights_are_given_and_taken_where_one_manages_and_nowhere_else() {
        let xuhui = Some("xuhui");
        let agent = account(2, xuhui, &[grant(Role::Agent, xuhui)]);
        let boss = account(2, xuhui, &[grant(Role::Agent, xuhui), grant(Role::Supervisor, xuhui)]);
        let city = account(2, xuhui, &[grant(Role::Agent, xuhui), grant(Role::Supervisor, None)]);
        let moved = account(2, Some("huangpu"), &[grant(Role::Agent, xuhui)]);
        let of_city = account(2, None, &[]);
        for (what, before, after, expected) in [
            ("new", None, &agent, Ok(())),
            ("promoted", Some(&agent), &boss, Ok(())),
            ("given more than one has", Some(&agent), &city, Err(Denied::Elsewhere)),
            ("taken from one who has more", Some(&city), &agent, Err(Denied::Elsewhere)),
            ("sent away", Some(&agent), &moved, Err(Denied::Elsewhere)),
            ("fetched", Some(&moved), &agent, Err(Denied::Elsewhere)),
            ("new in the city", None, &of_city, Err(Denied::Elsewhere)),
        ] {
            assert_eq!(by(&[xuhui], before, after, &[]), expected, "{what}");
            assert_eq!(by(&[None], before, after, &[]), Ok(()), "{what}, by the city");
        }
        let with = |team: &str| StaffRow { teams: vec![Membership::new(team)], ..agent.clone() };
        assert_eq!(by(&[xuhui], Some(&agent), &with("xuhui"), &[]), Ok(()));
        assert_eq!(by(&[xuhui], Some(&agent), &with("huangpu"), &[]), Err(Denied::Elsewhere), "a foreign team");
        assert_eq!(by(&[xuhui], Some(&agent), &with("city"), &[]), Err(Denied::Elsewhere));
        assert_eq!(by(&[xuhui], Some(&with("huangpu")), &with("huangpu"), &[]), Ok(()), "in it already");
    }

    #[test]
    fn nobody_changes_their_own_rights() {
        let me = account(1, None, &[grant(Role::Admin, None)]);
        let more = account(1, None, &[grant(Role::Admin, None), grant(Role::Supervisor, None)]);
        let other = account(3, None, &[grant(Role::Admin, None)]);
        for changed in [
            more,
            account(1, None, &[]),
            StaffRow { is_active: false, ..me.clone() },
            StaffRow { unit: Some("xuhui".to_owned()), ..me.clone() },
            StaffRow { teams: vec![Membership::new("city")], ..me.clone() },
        ] {
            assert_eq!(by(&[None], Some(&me), &changed, &[&other]), Err(Denied::Oneself), "{changed:?}");
        }
        let renamed = StaffRow { name: "李敏敏".to_owned(), ..me.clone() };
        assert_eq!(by(&[None], Some(&me), &renamed, &[&other]), Ok(()));
    }

    #[test]
    fn one_administrator_of_the_city_remains() {
        let admin = account(2, None, &[grant(Role::Admin, None)]);
        let closed = StaffRow { is_active: false, ..admin.clone() };
        let demoted = account(2, None, &[grant(Role::Admin, Some("xuhui"))]);
        let other = account(3, None, &[grant(Role::Admin, None)]);
        let other_closed = StaffRow { is_active: false, ..other.clone() };
        let for_an_item = StaffRow {
            grants: vec![Grant { items: vec!["passport".to_owned()], ..grant(Role::Admin, None) }],
            ..other.clone()
        };
        for after in [&closed, &demoted] {
            assert_eq!(by(&[None], Some(&admin), after, &[]), Err(Denied::LastAdmin));
            assert_eq!(by(&[None], Some(&admin), after, &[&other_closed, &for_an_item]), Err(Denied::LastAdmin));
            assert_eq!(by(&[None], Some(&admin), after, &[&other]), Ok(()));
        }
        assert_eq!(by(&[None], Some(&closed), &closed, &[]), Ok(()), "was none before");
    }
}
