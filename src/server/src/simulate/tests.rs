//! The bars of the router, at a size that `make test` has time for; docs/performance.md has the commands for the full size.

use bangban_domain::time::{HOUR, Millis, SECOND};

use super::{
    engine::{Fate, Office, Simulator},
    recursion::first_come_first_served,
    report::{self, Report},
    staffing::Staffing,
    traffic::{Rate, Stream, Traffic},
    *,
};

fn stream(agents: u32, occupancy: f64, patience: Option<f64>) -> Stream {
    let per_hour = occupancy * f64::from(agents) / 300.0 * 3_600.0;
    Stream { profile: vec![Rate { from: 0, per_hour }], handle: 300.0, patience, teams: 1, first: 0.0 }
}

fn plan(text: &str) -> Plan {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        plan: Plan,
    }
    <Line as clap::Parser>::parse_from(std::iter::once("simulate").chain(text.split_whitespace())).plan
}

#[test]
fn every_single_wait_is_that_of_the_recursion_to_the_millisecond() {
    for seed in 1..=10 {
        for (agents, occupancy, patience) in [(20, 0.9, None), (3, 1.3, Some(120.0))] {
            let traffic = stream(agents, occupancy, patience).people(1_500, seed);
            let office = Office::of_one_team(agents);
            let run = Simulator::new(&office, &traffic).run().unwrap();
            assert!(run.fates.iter().any(|fate| fate.waited() > 0), "somebody has to wait");
            assert_eq!(run.fates, first_come_first_served(&traffic, agents), "seed {seed}, {agents} agents");
        }
    }
}

#[test]
fn a_restart_at_any_step_changes_nobodys_wait() {
    for (seed, every) in [(1, 1), (2, 7), (3, 50)] {
        for patience in [None, Some(200.0)] {
            let traffic = stream(6, 1.0, patience).people(if every == 1 { 150 } else { 600 }, seed);
            let office = Office::of_one_team(6);
            let run = Simulator::new(&office, &traffic).restart_every(every).run().unwrap();
            assert!(run.restarts > 20, "{}", run.restarts);
            assert_eq!(run.fates, first_come_first_served(&traffic, 6), "every {every} steps");
        }
    }
}

#[test]
fn first_priority_makes_nobody_wait_longer_than_who_asks_a_head_start_later_would_without_it() {
    const HEAD_START: Millis = 60 * SECOND;
    let (agents, mut overtaken) = (20, 0);
    for seed in 1..=5 {
        let traffic = Stream { first: 0.3, ..stream(agents, 1.1, None) }.people(2_000, seed);
        let office = Office { head_start: HEAD_START, ..Office::of_one_team(agents) };
        let with = Simulator::new(&office, &traffic).run().unwrap().fates;
        // The n-th talk is as long in both, so the instants at which somebody becomes free are the same.
        let without = first_come_first_served(&traffic, agents);
        let starts = |n: usize, fates: &[Fate]| traffic.asks[n].at + fates[n].waited();
        for (n, ask) in traffic.asks.iter().enumerate().filter(|(_, ask)| !ask.is_first) {
            let later = traffic.asks.partition_point(|other| other.at < ask.at + HEAD_START) - 1;
            let (start, bound) = (starts(n, &with), starts(later, &without));
            assert!(start <= bound, "seed {seed}, {n}: starts {start:?}, bound {bound:?}");
            overtaken += usize::from(starts(n, &without) < start);
        }
        let first = traffic.asks.iter().zip(with.iter().zip(&without)).filter(|(ask, _)| ask.is_first);
        let gained: Millis = first.map(|(_, (with, without))| without.waited() - with.waited()).sum();
        assert!(gained > 0, "first priority is first");
    }
    assert!(overtaken > 500, "the queue was never long: {overtaken}");
}

fn report(text: &str) -> Report {
    report::run(&plan(text)).unwrap()
}

#[test]
fn means_agree_with_the_formulas() {
    for line in [
        "--agents 20 --occupancy 0.8 --citizens 4000 --seeds 8",
        "--agents 20 --occupancy 0.95 --patience 120 --citizens 4000 --seeds 8",
    ] {
        let report = report(line);
        let ([low, high], formula) = (report.wait_ci99_s, report.erlang_wait_mean_s.unwrap());
        assert!(low <= formula && formula <= high, "{line}: {report}");
        assert!((report.within_minute - report.erlang_within_minute.unwrap()).abs() < 0.02, "{line}: {report}");
        assert!((report.abandoned - report.erlang_abandoned.unwrap()).abs() < 0.01, "{line}: {report}");
        assert_eq!(report.differ_from_recursion, Some(0), "{line}");
        // It would notice one agent more or less.
        for agents in [19, 21] {
            let other = Queue { agents, ..plan(line).queue().unwrap() }.waiting().unwrap().seconds;
            assert!(other < low || high < other, "{line}: {agents} agents wait {other}, {report}");
        }
    }
}

#[test]
fn four_skills_for_each_agent_are_nearly_as_good_as_all() {
    let four = report("--agents 100 --teams 10 --skills 4 --occupancy 0.95 --citizens 6000 --seeds 2");
    let pooled = four.pooled_wait_mean_s.unwrap();
    // The bar is 1.08 at full size; over so few people chance adds some.
    assert!(four.wait_mean_s <= 1.15 * pooled, "{four}");
    let one = report("--agents 100 --teams 10 --skills 1 --occupancy 0.95 --citizens 6000 --seeds 2");
    assert!(one.wait_mean_s > 4.0 * one.pooled_wait_mean_s.unwrap(), "it would notice: {one}");
}

#[test]
fn staff_is_the_fewest_that_keeps_the_promise_and_follows_the_profile() {
    let profile = vec![
        Rate { from: 0, per_hour: 0.0 },
        Rate { from: 9 * HOUR, per_hour: 60.0 },
        Rate { from: 10 * HOUR, per_hour: 12.0 },
        Rate { from: 11 * HOUR, per_hour: 0.0 },
    ];
    let stream = Stream { profile, ..stream(1, 0.5, None) };
    let staffing = Staffing::find(&stream, 0.9, 2).unwrap();
    let asked = staffing.half_hours.iter().filter(|one| one.requests > 0.0);
    assert!(asked.clone().all(|one| one.within_minute.is_none_or(|share| share >= 0.9)), "{staffing}");
    let agents: Vec<u32> = asked.map(|one| one.agents).collect();
    assert_eq!(agents.len(), 4, "{staffing}");
    // 5 agents would be busy all the time in the first hour, 1 in the second.
    assert!(agents[0] > 5 && agents[2] < agents[0] && agents[3] > 0, "{staffing}");
}

#[test]
fn shifts_decide_who_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shifts.csv");
    std::fs::write(&path, "from,to,agents\n09:00,12:00,2\n").unwrap();
    let office = staffing::office_of_shifts(&path, midnight_after(Timestamp(0))).unwrap();
    let ask = |at: i64| Ask { at: Timestamp(at), team: bangban_domain::TeamId(0), patience: None, is_first: false };
    // At 08:59, at 09:30, at 13:00.
    let asks = [9 * HOUR - MINUTE, 9 * HOUR + 30 * MINUTE, 13 * HOUR].map(ask).to_vec();
    let traffic = Traffic { asks, handles: vec![MINUTE; 3] };
    let run = Simulator::new(&office, &traffic).run().unwrap();
    assert_eq!(run.fates, [MINUTE, 0, 20 * HOUR].map(Fate::Served));
}

#[test]
fn the_line_of_json_has_the_names_that_others_read() {
    let json = serde_json::to_value(report("--agents 5 --occupancy 0.5 --citizens 300 --seeds 2")).unwrap();
    for key in [
        "wait_mean_s",
        "wait_ci99_s",
        "within_minute",
        "abandoned",
        "occupancy",
        "erlang_wait_mean_s",
        "erlang_within_minute",
        "erlang_abandoned",
    ] {
        assert!(!json[key].is_null(), "{key}: {json}");
    }
    assert_eq!(json["wait_ci99_s"].as_array().map(Vec::len), Some(2));
}
