//! Staffing over REST: whose team, what is refused, the history, and a search that is watched, stopped and found.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    support::{Client, Desk, Server, refusal, refused, send},
    sweep::newcomer,
};

/// So many requests in each half hour from nine to noon.
fn order(count: u32) -> Value {
    let arrivals: Vec<u32> = (0..48).map(|slot| if (18..24).contains(&slot) { count } else { 0 }).collect();
    json!({ "team": "residence", "day": "2026-11-24", "arrivals": arrivals, "target": 0.9, "handle": 300.0,
        "patience": 120.0, "parallel": 1 })
}

/// Asks until it is over.
async fn outcome(desk: &Desk<'_>) -> Value {
    let over = async {
        loop {
            let view = desk.get("/api/staffing/run").await;
            if view["state"] != "running" {
                return view;
            }
            // The server has no event for it: the page asks like this, too.
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(120), over).await.expect("it comes to its end")
}

#[tokio::test]
async fn a_search_of_a_day_is_found_and_the_next_one_stops_it() {
    let server = Server::demo().await;
    let desk = Desk::of(&server, "super1").await;
    assert_eq!(desk.get("/api/staffing/run").await["state"], "none");
    let begun = desk.ask("POST", "/api/staffing/run", &order(4).to_string()).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    let view = outcome(&desk).await;
    assert_eq!((&view["state"], &view["progress"]), (&json!("done"), &json!(1.0)));
    assert!(view["citizens"].as_u64().unwrap() >= 400, "{view}");
    let slots = view["slots"].as_array().unwrap();
    let busy: Vec<_> = slots.iter().filter(|slot| slot["requests"].as_f64().unwrap() > 0.0).collect();
    assert_eq!(busy.len(), 6);
    for slot in busy {
        // Four in half an hour for five minutes each are two thirds of an agent's work.
        assert!((1..=4).contains(&slot["need"].as_u64().unwrap()), "{slot}");
        assert!(slot["withinMinute"].as_f64().unwrap() >= 0.9, "{slot}");
    }
    // The demo has somebody of the team on duty on a Tuesday.
    assert!(view["haveHours"].as_f64().unwrap() > 0.0, "{view}");

    desk.ask("POST", "/api/staffing/run", &order(600).to_string()).await;
    let stopped = desk.ask("DELETE", "/api/staffing/run", "").await;
    assert_eq!(stopped.json()["state"], "cancelled");
}

#[tokio::test]
async fn what_is_out_of_bounds_is_named_and_other_units_teams_are_not_there() {
    let server = Server::demo().await;
    let desk = Desk::of(&server, "super1").await;
    for (change, field) in [
        (json!({ "arrivals": [1, 2] }), "arrivals"),
        (json!({ "arrivals": vec![0; 48] }), "arrivals"),
        (json!({ "arrivals": vec![500; 48] }), "arrivals"),
        (json!({ "arrivals": (0..48).map(|n| -n).collect::<Vec<_>>() }), "arrivals[1]"),
        (json!({ "target": 1.0 }), "target"),
        (json!({ "handle": 0.0 }), "handle"),
        (json!({ "patience": 1.0 }), "patience"),
        (json!({ "parallel": 0 }), "parallel"),
        (json!({ "day": "today" }), "day"),
    ] {
        let mut body = order(4);
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let reply = desk.ask("POST", "/api/staffing/run", &body.to_string()).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{change}");
    }
    let admin = server.token("admin1").await;
    for (unit, status) in [("police", 200), ("hrss", 404)] {
        let token = newcomer(&server, &admin, &format!("{unit}-super"), "supervisor", unit).await;
        let theirs = Desk { server: &server, token };
        let reply = theirs.ask("POST", "/api/staffing/run", &order(1).to_string()).await;
        assert_eq!(reply.status, status, "{unit}: {}", reply.text());
        theirs.ask("DELETE", "/api/staffing/run", "").await;
    }
    let agent = Desk::of(&server, "agent1001").await;
    assert_eq!(agent.ask("POST", "/api/staffing/run", &order(1).to_string()).await.status, 404);
    for (query, field) in [
        ("from=2026-11-24&to=2026-11-23", "to"),
        ("from=2020-11-24&to=2026-11-23", "to"),
        ("from=2026-11-23&to=2026-11-24&weekday=8", "weekday"),
    ] {
        let reply = desk.ask("GET", &format!("/api/staffing/history?team=residence&{query}"), "").await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{query}");
    }
}

#[tokio::test]
async fn the_history_counts_days_that_are_over() {
    let server = Server::demo().await;
    let mut agent = server.staff("agent1001").await;
    let mut citizen = Client::open(&server.address, &server.citizen_token("demo-citizen-1").await).await;
    let id = citizen.open_conversation().await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    agent.accept().await;
    agent.ok(send(&id, "a", "请带身份证")).await;
    agent.ok(json!({ "type": "close", "conversation": id, "outcome": "solved" })).await;
    let desk = Desk::of(&server, "super1").await;
    let now = desk.get("/api/admin/me").await["now"].as_i64().unwrap();
    let day = |ms: i64| {
        let at = jiff::Timestamp::from_millisecond(ms).unwrap();
        jiff::tz::Offset::constant(8).to_datetime(at).date().to_string()
    };
    let (from, to) = (day(now - 6 * 86_400_000), day(now));
    let history = desk.get(&format!("/api/staffing/history?team=residence&from={from}&to={to}")).await;
    // Today is not over: what has come so far would look like a quiet day.
    assert_eq!(history["requests"], 0);
    assert!((2..=6).contains(&history["days"].as_u64().unwrap()), "{history}");
    assert_eq!(history["arrivals"].as_array().unwrap().len(), 48);
    assert!(history["handle"].as_f64().unwrap() < 60.0, "{history}");
    assert_eq!(history["patience"], Value::Null, "nobody left");
}
