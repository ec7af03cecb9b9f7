//! Whose requests are first priority (rule 5): 企业办事, 企业求助 and 热点政策 of enterprises.

use super::{Audience, Item};
use crate::words::CitizenKind;

/// Is it a request of first priority? An enterprise counts as one when the portal has given its credit code, which was
/// checked; it asks about something that is for enterprises, about a hot policy, or for help with nothing in particular.
/// What it asks about a matter of private persons stands in line like theirs.
#[must_use]
pub fn is_first(kind: CitizenKind, has_credit_code: bool, item: Option<&Item>) -> bool {
    let is_theirs = |item: &Item| item.hot_policy || item.audience != Audience::Person;
    kind == CitizenKind::Enterprise && has_credit_code && item.is_none_or(is_theirs)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn enterprises_go_first_with_what_is_theirs_and_only_if_the_portal_vouches_for_them() {
        let item = |audience: &str, hot: bool| -> Item {
            let body = json!({ "name": "x", "department": "d", "audience": audience, "team": "t", "hotPolicy": hot });
            serde_json::from_value(body).unwrap()
        };
        for (kind, has_code, item, expected) in [
            (CitizenKind::Enterprise, true, None, true),
            (CitizenKind::Enterprise, true, Some(item("enterprise", false)), true),
            (CitizenKind::Enterprise, true, Some(item("both", false)), true),
            (CitizenKind::Enterprise, true, Some(item("person", true)), true),
            (CitizenKind::Enterprise, true, Some(item("person", false)), false),
            (CitizenKind::Enterprise, false, Some(item("enterprise", true)), false),
            (CitizenKind::Person, true, Some(item("enterprise", true)), false),
            (CitizenKind::Person, false, None, false),
        ] {
            assert_eq!(is_first(kind, has_code, item.as_ref()), expected, "{kind} {has_code} {item:?}");
        }
    }
}
