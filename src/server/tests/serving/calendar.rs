//! The calendar as it is administered: emergency closures, hours of single dates, published years; `bangban calendar`.

use std::process::Output;

use bangban_domain::{Timestamp, calendar::date_of};
use serde_json::{Value, json};

use crate::support::{Client, Desk, Server, refusal, refused};

/// Runs `bangban calendar` on a server's data.
async fn calendar(server: &Server, arguments: &[&str]) -> Output {
    tokio::process::Command::new(env!("CARGO_BIN_EXE_bangban"))
        .arg("calendar")
        .args(arguments)
        .env("BANGBAN__DATA__DIR", server.dir.path())
        .output()
        .await
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test]
async fn an_emergency_closure_keeps_new_requests_out_and_those_who_asked_before_in() {
    let server = Server::demo().await;
    let supervisor = Desk::of(&server, "super1").await;
    let mut early = Client::open(&server.address, &server.citizen_token("demo-citizen-2").await).await;
    let waiting = early.open_conversation().await;
    let queued = early.ok(json!({ "type": "request_human", "conversation": waiting })).await;
    assert_eq!(queued["type"], "queued");

    let notice = json!({ "text": "机房断电，人工服务暂停", "level": "outage", "from": 0, "closes": true });
    supervisor.made("notice/power", 0, &notice).await;
    let mut late = server.citizen().await;
    let conversation = late.open_conversation().await;
    let answer = late.ok(json!({ "type": "request_human", "conversation": conversation })).await;
    assert_eq!(answer["type"], "out_of_hours", "{answer}");
    assert!(!answer["slots"].as_array().unwrap().is_empty(), "something can be promised: {answer}");
    let again = early.ok(json!({ "type": "request_human", "conversation": waiting })).await;
    assert_eq!(again["dueAt"], queued["dueAt"], "what was owed before is owed still (rule 1)");

    let lifted = supervisor.ask("DELETE", "/api/admin/records/notice/power?version=1", "").await;
    assert_eq!(lifted.status, 204);
    let answer = late.ok(json!({ "type": "request_human", "conversation": conversation })).await;
    assert_eq!(answer["type"], "queued", "{answer}");
}

#[tokio::test]
async fn a_date_closed_for_one_unit_closes_its_teams_only() {
    let server = Server::demo().await;
    let admin = Desk::of(&server, "admin1").await;
    // Today and tomorrow, so that the story does not mind midnight.
    let today = date_of(Timestamp(jiff::Timestamp::now().as_millisecond()));
    let dates = json!({ "first": today, "last": today.tomorrow().unwrap(), "unit": "police", "note": "系统升级" });
    admin.made("special_hours/upgrade", 0, &dates).await;
    let mut citizen = server.citizen().await;
    for (item, expected) in [("residence-permit", "out_of_hours"), ("fund-rent", "queued")] {
        let conversation = citizen.open_about(item).await;
        let answer = citizen.ok(json!({ "type": "request_human", "conversation": conversation })).await;
        assert_eq!(answer["type"], expected, "{item}: {answer}");
    }
    let mut bad = dates;
    bad["periods"] = json!(["09:00-12:00", "11:00-13:00"]);
    let reply = admin.put("special_hours/upgrade", 1, &bad).await;
    assert_eq!(refusal(&reply), refused(400, "bad_request", "body.periods[1]"));
}

#[tokio::test]
async fn a_year_is_published_and_deadlines_follow_beside_the_running_server() {
    let server = Server::demo().await;
    let admin = Desk::of(&server, "admin1").await;
    let due = ["due", "--from", "2026-12-30T10:00:00+08:00", "--working-days", "2"];
    let before = calendar(&server, &due).await;
    assert_eq!(said(&before), "2027-01-01T17:00:00+08:00");
    assert!(String::from_utf8_lossy(&before.stderr).contains("provisional"));

    let year = json!({ "daysOff": [{ "date": "2027-01-01", "name": "元旦" }],
                       "workDays": [{ "date": "2027-01-03", "name": "元旦" }], "source": "示例" });
    admin.made("calendar_year/2027", 0, &year).await;
    let after = calendar(&server, &due).await;
    assert_eq!(said(&after), "2027-01-03T17:00:00+08:00", "the Sunday for the Friday");
    assert!(after.stderr.is_empty());
    let days = said(&calendar(&server, &["explain", "--from", "2027-01-01", "--days", "3"]).await);
    let lines: Vec<&str> = days.lines().collect();
    assert!(lines[0].contains("holiday") && lines[0].ends_with("元旦"), "{days}");
    assert!(lines[1].contains("weekend") && lines[2].contains("make-up day"), "{days}");

    for (id, body, field) in [("calendar_year/2028", year.clone(), "body.daysOff"), ("calendar_year/27", year, "id")] {
        assert_eq!(refusal(&admin.put(id, 0, &body).await), refused(400, "bad_request", field), "{id}");
    }
    let refused = calendar(&server, &["import", "/dev/null"]).await;
    assert!(!refused.status.success());
}

#[tokio::test]
async fn a_file_of_years_is_imported_once_and_nothing_of_a_bad_one() {
    let server = Server::start(&[], &[]).await;
    server.terminate();
    let (_, dir) = server.ended().await;
    let file = dir.path().join("years.json");
    let run = async |json: Value| {
        std::fs::write(&file, json.to_string()).unwrap();
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_bangban"))
            .args(["calendar", "import", file.to_str().unwrap()])
            .env("BANGBAN__DATA__DIR", dir.path())
            .output()
            .await
            .unwrap();
        (output.status.success(), said(&output), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let day = |date: &str| json!({ "date": date, "name": "元旦" });
    let good = json!({ "years": { "2027": { "days_off": [day("2027-01-01")], "work_days": [] } } });
    let told = |word: &str| (true, format!("2027: 1 days off, 0 make-up days; {word}"), String::new());
    assert_eq!(run(good.clone()).await, told("new"));
    assert_eq!(run(good).await, told("unchanged"));
    let both = json!({ "years": {
        "2027": { "days_off": [day("2027-01-02")], "work_days": [] },
        "2028": { "days_off": [day("2027-01-01")], "work_days": [] },
    } });
    let (is_done, out, error) = run(both).await;
    assert!(!is_done && out.is_empty() && error.contains("years.2028.days_off: 2027-01-01 is not in 2028"), "{error}");
}
