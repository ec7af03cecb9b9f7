//! Quality inspection (质检): which conversations are drawn, what an inspection is worth, and who may take which step.
//!
//! Life of an inspection: `open` → `submitted` → (`appealed` → `decided`). Nobody inspects their own conversation; the agent
//! may appeal once, up to a deadline that is fixed when the inspection is submitted; who decides is neither the agent nor the
//! inspector, and both values are kept.
//!
//! A draw has no state: a conversation's place in the order of a week follows from the plan's seed, the week and its id, so
//! that the same question gives the same answer whoever asks, in whatever order the conversations come.

use std::collections::BTreeMap;

use jiff::{ToSpan as _, civil::Date};

use crate::{
    AgentId, ConversationId,
    org::{DrawnPer, Invalid, SamplePlan, ScoreCard},
    words::words,
};

/// Working days in which an agent may appeal (the day of the result is day 0).
pub const APPEAL_WORKING_DAYS: u16 = 5;

/// Handed on more often than this is worth a look.
pub const MANY_TRANSFERS: u32 = 2;

/// Stars of a bad review (差评).
pub const BAD_REVIEW: u8 = 2;

/// Below this an inspection counts as failed (不合格).
pub const PASS: u32 = 60;

words! {
    /// Where an inspection stands.
    InspectionState {
        /// To be inspected; perhaps somebody has begun.
        Open = "open",
        /// The agent sees it.
        Submitted = "submitted",
        /// The agent does not agree.
        Appealed = "appealed",
        /// A second person has judged.
        Decided = "decided",
    }
}

words! {
    /// Why a conversation was drawn.
    DrawReason {
        /// At random. Only of these a rate may be made.
        Random = "random",
        /// It was rated with one or two stars.
        BadReview = "bad_review",
        /// Its first response came too late.
        Breach = "breach",
        /// It was handed on more than twice.
        Transfers = "transfers",
    }
}

/// A conversation that may be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub conversation: ConversationId,
    /// Code of the team that closed it.
    pub team: String,
    /// Who served it last.
    pub agent: AgentId,
    /// Its rating.
    pub stars: Option<u8>,
    /// Was a first response late?
    pub is_breach: bool,
    /// How often it was handed on.
    pub transfers: u32,
    /// Was it closed in the week? Else it was only rated badly in it.
    pub is_of_week: bool,
}

/// The Monday of a date's week.
#[must_use]
pub fn week_of(date: Date) -> Date {
    let back = i64::from(date.weekday().to_monday_zero_offset());
    date.checked_sub(back.days()).unwrap_or(Date::MIN)
}

/// A conversation's place in the order of a draw (FNV-1a, then the finaliser of SplitMix64).
fn place(seed: u32, week: Date, no: u32, conversation: ConversationId) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let day = i32::from(week.year()) * 10_000 + i32::from(week.month()) * 100 + i32::from(week.day());
    let parts = [&seed.to_le_bytes()[..], &day.to_le_bytes(), &no.to_le_bytes(), &conversation.raw().to_le_bytes()];
    for byte in parts.into_iter().flatten() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// What is drawn of a week, in the order of the ids; `no` counts the draws of the same week: 0 is the weekly one.
///
/// The random ones are drawn first, of all conversations of the week, so that a rate made of them tells of all; then comes
/// what the plan always wants to see.
#[must_use]
pub fn draw(plan: &SamplePlan, week: Date, no: u32, candidates: &[Candidate]) -> Vec<(ConversationId, DrawReason)> {
    let is_of_plan = |one: &&Candidate| plan.agents.is_empty() || plan.agents.contains(&one.agent);
    let mut strata: BTreeMap<(Option<&str>, Option<AgentId>), Vec<&Candidate>> = BTreeMap::new();
    for one in candidates.iter().filter(is_of_plan).filter(|one| one.is_of_week) {
        let stratum = match plan.per {
            DrawnPer::Plan => (None, None),
            DrawnPer::Team => (Some(one.team.as_str()), None),
            DrawnPer::Agent => (None, Some(one.agent)),
        };
        strata.entry(stratum).or_default().push(one);
    }
    let mut drawn = BTreeMap::new();
    for mut stratum in strata.into_values() {
        stratum.sort_unstable_by_key(|one| (place(plan.seed, week, no, one.conversation), one.conversation));
        let share = |percent: u32| (stratum.len() * percent as usize).div_ceil(100);
        let wanted = plan.count.map(|count| count as usize).or(plan.percent.map(share)).unwrap_or(0);
        drawn.extend(stratum.into_iter().take(wanted).map(|one| (one.conversation, DrawReason::Random)));
    }
    for one in candidates.iter().filter(is_of_plan) {
        let reason = if plan.bad_reviews && one.stars.is_some_and(|stars| stars <= BAD_REVIEW) {
            DrawReason::BadReview
        } else if plan.breaches && one.is_breach && one.is_of_week {
            DrawReason::Breach
        } else if plan.transfers && one.transfers > MANY_TRANSFERS && one.is_of_week {
            DrawReason::Transfers
        } else {
            continue;
        };
        drawn.entry(one.conversation).or_insert(reason);
    }
    drawn.into_iter().collect()
}

/// What the points of a card's questions make together, 0 to 100. No point where it is fatal: 0.
///
/// # Errors
/// [`Invalid`] names the question, as `points[n]`.
pub fn score(card: &ScoreCard, points: &[u32]) -> Result<u32, Invalid> {
    if points.len() != card.questions.len() {
        let problem = format!("must be {}, one for each question", card.questions.len());
        return Err(Invalid { field: "points".to_owned(), problem });
    }
    let mut is_fatal = false;
    for (n, (given, question)) in points.iter().zip(&card.questions).enumerate() {
        if *given > question.points {
            let problem = format!("must be 0 to {}", question.points);
            return Err(Invalid { field: format!("points[{n}]"), problem });
        }
        is_fatal |= question.fatal && *given == 0;
    }
    Ok(if is_fatal { 0 } else { points.iter().sum() })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;

    fn plan(changes: serde_json::Value) -> SamplePlan {
        let mut body = json!({ "name": "周抽检", "card": "default", "per": "agent", "count": 2, "seed": 7 });
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value(body).unwrap()
    }

    /// Of ten agents in two teams, five each.
    fn week() -> Vec<Candidate> {
        let one = |n: u32| Candidate {
            conversation: ConversationId::new(1_000 + u128::from(n)),
            team: if n.is_multiple_of(2) { "residence" } else { "medical" }.to_owned(),
            agent: AgentId::new(u128::from(n % 10)),
            stars: None,
            is_breach: false,
            transfers: 0,
            is_of_week: true,
        };
        (0..50).map(one).collect()
    }

    const MONDAY: Date = date(2026, 11, 23);

    #[test]
    fn a_week_begins_on_its_monday() {
        for (day, monday) in [
            (date(2026, 11, 23), MONDAY),
            (date(2026, 11, 29), MONDAY),
            (date(2026, 11, 30), date(2026, 11, 30)),
            (date(2027, 1, 1), date(2026, 12, 28)),
        ] {
            assert_eq!(week_of(day), monday, "{day}");
        }
    }

    #[test]
    fn the_same_is_drawn_in_whatever_order_the_conversations_come_and_another_seed_week_or_draw_gives_another() {
        let plan7 = plan(json!({}));
        let first = draw(&plan7, MONDAY, 0, &week());
        let mut backwards = week();
        backwards.reverse();
        assert_eq!(draw(&plan7, MONDAY, 0, &backwards), first);
        assert_eq!(first.len(), 20, "two of each agent");
        let others = [
            draw(&plan(json!({ "seed": 8 })), MONDAY, 0, &week()),
            draw(&plan7, date(2026, 11, 30), 0, &week()),
            draw(&plan7, MONDAY, 1, &week()),
        ];
        assert!(others.iter().all(|other| *other != first && other.len() == 20));
    }

    #[test]
    fn a_number_or_a_share_is_drawn_of_each_stratum() {
        for (changes, expected) in [
            (json!({}), 20),
            (json!({ "per": "team" }), 4),
            (json!({ "per": "plan" }), 2),
            (json!({ "per": "plan", "count": 500 }), 50),
            (json!({ "count": null, "percent": 1 }), 10),
            (json!({ "count": null, "percent": 21 }), 20),
            (json!({ "per": "plan", "count": null, "percent": 100 }), 50),
            (json!({ "agents": [AgentId::new(3)] }), 2),
            (json!({ "count": 0 }), 0),
        ] {
            assert_eq!(draw(&plan(changes.clone()), MONDAY, 0, &week()).len(), expected, "{changes}");
        }
    }

    #[test]
    fn every_conversation_has_the_same_chance() {
        let per_plan = |seed: u32| plan(json!({ "per": "plan", "count": 5, "seed": seed }));
        let mut often: BTreeMap<ConversationId, u32> = BTreeMap::new();
        for (one, _) in (0..2_000).flat_map(|seed| draw(&per_plan(seed), MONDAY, 0, &week())) {
            *often.entry(one).or_default() += 1;
        }
        // 200 each is expected, with a standard deviation of 13.4; five of them either way.
        assert_eq!(often.len(), 50);
        assert!(often.values().all(|count| (133..=267).contains(count)), "{often:?}");
    }

    #[test]
    fn what_is_always_looked_at_comes_besides_with_its_reason() {
        let mut candidates = week();
        candidates[0].stars = Some(2);
        candidates[1].stars = Some(3);
        candidates[2].is_breach = true;
        candidates[3].transfers = 3;
        candidates[4].transfers = 2;
        // Closed a week ago, rated now.
        candidates[5] = Candidate { stars: Some(1), is_breach: true, is_of_week: false, ..candidates[5].clone() };
        let id = |n: u128| ConversationId::new(1_000 + n);
        let all = json!({ "count": 0, "badReviews": true, "breaches": true, "transfers": true });
        let expected = [
            (id(0), DrawReason::BadReview),
            (id(2), DrawReason::Breach),
            (id(3), DrawReason::Transfers),
            (id(5), DrawReason::BadReview),
        ];
        assert_eq!(draw(&plan(all), MONDAY, 0, &candidates), expected);
        assert_eq!(draw(&plan(json!({ "count": 0 })), MONDAY, 0, &candidates), []);
        // Drawn at random, it belongs to those that tell of all.
        let whole = draw(&plan(json!({ "per": "plan", "count": 500, "badReviews": true })), MONDAY, 0, &candidates);
        assert_eq!(whole.iter().filter(|(_, reason)| *reason == DrawReason::BadReview).count(), 1);
        assert_eq!(whole.len(), 50);
    }

    #[test]
    fn points_are_added_and_a_fatal_question_without_any_takes_all() {
        let question =
            |points: u32, fatal: bool| json!({ "section": "a", "text": "b", "points": points, "fatal": fatal });
        let card = json!({ "name": "x", "questions": [question(40, false), question(35, true), question(25, false)] });
        let card: ScoreCard = serde_json::from_value(card).unwrap();
        for (points, expected) in [
            (&[40, 35, 25][..], Ok(100)),
            (&[0, 1, 25], Ok(26)),
            (&[40, 0, 25], Ok(0)),
            (&[40, 35, 26], Err("points[2]")),
            (&[40, 35], Err("points")),
            (&[40, 35, 25, 0], Err("points")),
        ] {
            let found = score(&card, points);
            assert_eq!(
                found.as_ref().map_err(|error| error.field.as_str()),
                expected.as_ref().map_err(|field| *field),
                "{points:?}"
            );
        }
    }
}
