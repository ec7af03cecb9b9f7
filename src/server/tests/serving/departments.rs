//! Departments for calls over REST: who is found and rung, telephones as records and files, duty of a week, the figures of calls.

use serde_json::{Value, json};

use crate::support::{Desk, Server, refusal, refused, rows_into};

/// The demo's agent of the team, on duty around the clock.
async fn always_on_duty(admin: &Desk<'_>, login: &str, team: &str) -> String {
    let account = admin.server.account(&admin.token, login).await;
    let agent = account["id"].as_str().unwrap().to_owned();
    let shift = json!({ "agent": agent, "team": team, "weekdays": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "00:00",
        "validFrom": "2026-01-01" });
    admin.made("shift/always", 0, &shift).await;
    agent
}

fn names<'a>(view: &'a Value, list: &str, key: &str) -> Vec<&'a str> {
    view[list].as_array().unwrap().iter().map(|one| one[key].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_operator_finds_a_department_and_who_would_answer_now() {
    let server = Server::demo().await;
    let (operator, admin) = (Desk::of(&server, "oper1").await, Desk::of(&server, "admin1").await);
    let agent = always_on_duty(&admin, "agent1016", "social").await;
    let hrss = |view: &Value| {
        let entries = view["entries"].as_array().unwrap().clone();
        entries.into_iter().find(|one| one["target"] == json!({ "kind": "department", "code": "hrss" })).unwrap()
    };
    // By code, by a part of the name, by initials, by a name with something between.
    for typed in
        ["hrss", "%E4%BA%BA%E5%8A%9B%E8%B5%84%E6%BA%90", "rlzyhshbzj", "%E4%BA%BA%E7%A4%BE%E4%BF%9D%E9%9A%9C%E5%B1%80"]
    {
        let view = operator.get(&format!("/api/calls/directory?q={typed}")).await;
        assert!(view["entries"].as_array().unwrap().len() <= 10);
        let found = hrss(&view);
        assert!(names(&found, "onDuty", "agent").contains(&agent.as_str()), "{typed}: {found}");
        assert_eq!(found["numbers"][0]["label"], "演示号码（虚构）· 人社总台");
    }
    let is_there = |view: &Value| {
        let found = hrss(view);
        let people = found["onDuty"].as_array().unwrap().clone();
        people.into_iter().find(|one| one["agent"] == json!(agent)).unwrap()["isThere"].clone()
    };
    assert_eq!(is_there(&operator.get("/api/calls/directory?q=hrss").await), false);
    let console = server.staff("agent1016").await;
    assert_eq!(is_there(&operator.get("/api/calls/directory?q=hrss").await), true, "their console is open");
    drop(console);
    // Digits, and the telephones of one district before those of others.
    let view = operator.get("/api/calls/directory?q=0000200").await;
    assert_eq!(view["entries"][0]["target"], json!({ "kind": "telephone", "code": "market-registration-1" }));
    let view = operator.get("/api/calls/directory?q=company-setup&district=pudong").await;
    let setup = &view["entries"][0];
    assert_eq!(
        names(setup, "numbers", "number")[..2],
        ["02100000215", "02100000200"],
        "that of the district has the first rank: {setup}"
    );
    let view = operator.get("/api/calls/directory?q=").await;
    assert_eq!(view["entries"], json!([]));
    // The districts to look in are told before anything is looked for: 16 (DOMAIN "Words").
    let districts = view["districts"].as_array().unwrap();
    assert_eq!(districts.len(), 16);
    assert!(districts.contains(&json!({ "code": "pudong", "name": "浦东新区" })), "{districts:?}");
    for (query, field) in
        [(format!("q={}", "x".repeat(101)), "q"), ("q=a&district=police".to_owned(), "district"), (String::new(), "q")]
    {
        let reply = operator.ask("GET", &format!("/api/calls/directory?{query}"), "").await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{query}");
    }
    assert!(!server.log().contains("0000200"), "what is looked for is in no log");
}

#[tokio::test]
async fn telephones_are_records_and_come_back_from_their_file() {
    let server = Server::demo().await;
    let admin = Desk::of(&server, "admin1").await;
    let number =
        json!({ "label": "窗口一", "number": "021-00009001", "unit": "police", "items": ["residence-permit"] });
    admin.made("transfer_number/police-1", 0, &number).await;
    let twice = admin.put("transfer_number/police-2", 0, &number).await;
    assert_eq!(refusal(&twice), refused(400, "bad_request", "body.number"));
    let wrong = json!({ "label": "窗口", "number": "12", "unit": "police" });
    let reply = admin.put("transfer_number/police-2", 0, &wrong).await;
    assert_eq!(refusal(&reply), refused(400, "bad_request", "body.number"));
    // What a number names cannot be removed under it.
    let item = admin.get("/api/admin/records/item/residence-permit").await;
    let version = item["version"].as_u64().unwrap();
    let path = format!("/api/admin/records/item/residence-permit?version={version}");
    assert_eq!(refusal(&admin.ask("DELETE", &path, "").await), refused(409, "in_use", ""));

    let file = admin.ask("GET", "/api/admin/numbers/export?format=csv", "").await;
    assert_eq!(file.status, 200);
    let text = file.text().to_owned();
    assert!(text.contains("police-1,窗口一,021-00009001,police"), "{text}");
    let same = admin.ask("POST", "/api/admin/numbers/import?format=csv", &text).await.json();
    assert_eq!((&same["badRows"], &same["new"], &same["changed"]), (&json!(0), &json!(0), &json!(0)), "{same}");
    let more = format!("{text}police-3,窗口三,021-00009003,上海市公安局,,居住证办理,5,是,否,\n");
    let tried = admin.ask("POST", "/api/admin/numbers/import?format=csv&dryRun=true", &more).await.json();
    assert_eq!((&tried["new"], &tried["imported"]), (&json!(1), &json!(false)));
    admin.ask("POST", "/api/admin/numbers/import?format=csv", &more).await;
    let made = admin.get("/api/admin/records/transfer_number/police-3").await;
    assert_eq!(made["body"]["items"], json!(["residence-permit"]));
    let bad = format!("{text}x,窗口,021-00009003,nowhere,,,,,,\n");
    let refused_rows = admin.ask("POST", "/api/admin/numbers/import?format=csv", &bad).await.json();
    assert_eq!(refused_rows["bad"][0]["field"], "unit");
    let audit = admin.get("/api/admin/audit?kind=transfer_number").await;
    let actions = names(&audit, "lines", "action");
    assert!(actions.contains(&"transfer_numbers.import") && actions.contains(&"record.change"), "{actions:?}");
    assert!(!server.log().contains("00009001") && !server.log().contains("00009003"));
}

#[tokio::test]
async fn a_week_of_duty_shows_its_gaps_and_single_days_are_copied_once() {
    let server = Server::start(&["--demo"], &[("BANGBAN__SERVICE__HOURS", "calendar")]).await;
    let admin = Desk::of(&server, "admin1").await;
    let account = server.account(&admin.token, "agent1016").await;
    let agent = account["id"].as_str().unwrap();
    let week = "/api/admin/duty?unit=hrss&from=2026-11-30";
    let seen = admin.get(week).await;
    assert_eq!(seen["days"].as_array().unwrap().len(), 7);
    assert_eq!(names(&seen, "teams", "code"), ["social"]);
    assert_eq!(seen["numbers"][0]["label"], "演示号码（虚构）· 人社总台");
    let shift = json!({ "agent": agent, "team": "social", "weekdays": [2], "from": "18:00", "to": "19:00",
        "validFrom": "2026-12-01", "validTo": "2026-12-01" });
    admin.made("shift/evening", 0, &shift).await;
    let single = |view: &Value| {
        let duties = view["duties"].as_array().unwrap().clone();
        duties.into_iter().filter(|one| one["isSingle"] == json!(true)).collect::<Vec<_>>()
    };
    assert_eq!(single(&admin.get(week).await)[0]["shift"], "evening");
    let order = json!({ "teams": ["social"], "from": "2026-11-30", "to": "2026-12-07" }).to_string();
    let copied = admin.ask("POST", "/api/admin/duty/copy", &order).await.json();
    assert_eq!(copied, json!({ "shifts": ["evening.2026-12-08"], "skipped": 0 }));
    let again = admin.ask("POST", "/api/admin/duty/copy", &order).await.json();
    assert_eq!(again, json!({ "shifts": [], "skipped": 1 }), "twice is once");
    let next = single(&admin.get("/api/admin/duty?unit=hrss&from=2026-12-07").await);
    assert_eq!(next.len(), 1);
    for (order, field) in [
        (json!({ "teams": ["social"], "from": "2026-11-30", "to": "2026-12-01" }), "body.to"),
        (json!({ "teams": [], "from": "2026-11-30", "to": "2026-12-07" }), "body.teams"),
        (json!({ "teams": ["social"], "from": "soon", "to": "2026-12-07" }), "body.from"),
    ] {
        let reply = admin.ask("POST", "/api/admin/duty/copy", &order.to_string()).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{order}");
    }
    // 徐汇区's 人社 has no team of its own in the demo; without the shifts of `social` the city's would have gaps.
    let holes = admin.get("/api/admin/duty/holes?from=2026-11-30").await;
    let of_line = |view: &Value| {
        let holes = view["holes"].as_array().unwrap().clone();
        holes.into_iter().filter(|hole| hole["line"] == "hrss").count()
    };
    assert_eq!(of_line(&holes), 0, "{holes}");
    let shifts = admin.get("/api/admin/records/shift?limit=500&q=social").await;
    for one in shifts["records"].as_array().unwrap() {
        let (id, version) = (one["id"].as_str().unwrap(), one["version"].as_u64().unwrap());
        let path = format!("/api/admin/records/shift/{id}?version={version}");
        assert_eq!(admin.ask("DELETE", &path, "").await.status, 204);
    }
    let holes = admin.get("/api/admin/duty/holes?from=2026-11-30").await;
    assert!(of_line(&holes) >= 5, "{holes}");
    let gap = holes["holes"].as_array().unwrap().iter().find(|hole| hole["line"] == "hrss").unwrap();
    assert_eq!((&gap["lineName"], &gap["hasNumbers"]), (&json!("上海市人力资源和社会保障局"), &json!(true)));
}

/// What the mixer counted of a leg: every tenth packet was lost, and that disturbed in one of two times of 5 s.
const SOUND: &str = r#"{"received":450,"lost":50,"late":2,"concealed":51,"lateTicks":3,"samples":2,"fair":0,"poor":1,"worstLoss":180,"jitter":{"count":2,"sum":9000,"worst":6400},"roundTrip":{"count":0,"sum":0,"worst":0},"peerLoss":{"count":1,"sum":12,"worst":12}}"#;

/// So many requests that were decided a moment ago, of which some were answered, each with an attempt at one telephone. The last one
/// that was answered sounded worse than the others, and nothing disturbed in the one before.
async fn decided(dir: &std::path::Path, count: u32, reached: u32) {
    let now = "CAST(strftime('%s', 'now') AS INTEGER) * 1000";
    let mut statements = Vec::new();
    for n in 0..count {
        let call = format!("cl_{n:032x}");
        let (result, round, cause) =
            if n < reached { ("reached", "1", "answered") } else { ("nobody_reached", "NULL", "no_answer") };
        let by = if n < reached { "2" } else { "NULL" };
        statements.push(format!(
            "INSERT INTO call_request (call_id, number, part, item, department, ring_order, candidates, asked_at, \
             answered_by, answered_round, ended_at, result) VALUES ('{call}', 1, 'professional', 'company-setup', \
             'market', 'in_order', 1, {now} - 20000, {by}, {round}, {now} - 1000, '{result}')"
        ));
        if n < reached {
            statements.push(format!(
                "INSERT INTO phone_call (id, origin, team, is_first, began_at, answered_at, ended_at, because) \
                 VALUES ('{call}', 'hotline', 'general', 0, {now} - 30000, {now} - 25000, {now}, 'completed')"
            ));
            let sound = match reached - n {
                1 => SOUND.replace(r#""poor":1,"worstLoss":180"#, r#""poor":2,"worstLoss":400"#),
                2 => SOUND.replace(r#""poor":1,"worstLoss":180"#, r#""poor":0,"worstLoss":70"#),
                _ => SOUND.to_owned(),
            };
            statements.push(format!(
                "INSERT INTO call_leg (call_id, leg, part, telephone, joined_at, ended_at, because, quality) VALUES \
                 ('{call}', 2, 'professional', '02100000200', {now} - 1000, {now}, 'hung_up', '{sound}')"
            ));
        }
        statements.push(format!(
            "INSERT INTO call_attempt (call_id, leg, part, telephone, request, round, rung_at, ended_at, cause) \
             VALUES ('{call}', 2, 'professional', '{}', 1, 1, {now} - 20000, {now} - 1000, '{cause}')",
            if n % 2 == 0 { "02100000200" } else { "13800001234" }
        ));
    }
    rows_into(dir, &statements).await;
}

/// Behind the table of sounds: 18 legs, one of them worse than the others and one without a disturbance.
async fn the_legs_open_page_by_page(leader: &Desk<'_>, days: &str) {
    let path = format!("/api/figures/calls/legs?{days}");
    let first = leader.get(&path).await;
    assert_eq!((&first["count"], &first["next"]), (&json!(18), &Value::Null));
    let rows = first["rows"].as_array().unwrap();
    let (worst, best) = (&rows[0], &rows[17]);
    assert_eq!((&worst["sound"]["poor"]["hits"], &worst["sound"]["worstLoss"]), (&json!(2), &json!(400)), "{worst}");
    assert_eq!(best["sound"]["poor"], json!({ "hits": 0, "of": 2 }), "{best}");
    assert_eq!((&worst["part"], &worst["leg"]), (&json!("professional"), &json!(2)));
    assert_eq!((&worst["name"], &worst["department"]), (&json!("演示号码（虚构）· 企业登记专线一"), &json!("market")));
    assert_eq!(worst["departmentName"], "上海市市场监督管理局");
    assert!(!first.to_string().contains("02100000200"), "digits are in no list");
    let key = worst["key"].as_str().unwrap();
    for (query, count) in [
        (String::new(), 18),
        ("&poor=true".to_owned(), 17),
        ("&part=professional&poor=true".to_owned(), 17),
        ("&part=caller".to_owned(), 0),
        (format!("&party={key}"), 18),
        ("&party=nm_0123456789abcdef".to_owned(), 0),
        ("&order=latest".to_owned(), 18),
        ("&unit=tax".to_owned(), 0),
    ] {
        let (mut after, mut seen) = (String::new(), Vec::new());
        loop {
            let page = leader.get(&format!("{path}{query}&limit=5{after}")).await;
            assert_eq!(page["count"], count, "{query}");
            seen.extend(page["rows"].as_array().unwrap().iter().map(|row| row["call"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), count, "{query}: the pages together are the number");
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count, "{query}: none is told twice");
    }
    for (query, field) in [
        ("&part=all".to_owned(), "part"),
        ("&order=best".to_owned(), "order"),
        ("&poor=perhaps".to_owned(), "poor"),
        ("&after=1.2.3".to_owned(), "after"),
        ("&limit=0".to_owned(), "limit"),
        ("&limit=501".to_owned(), "limit"),
        (format!("&party={}", "x".repeat(65)), "party"),
    ] {
        let reply = leader.ask("GET", &format!("{path}{query}"), "").await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{query}");
    }
}

#[tokio::test]
async fn the_connect_rate_opens_to_its_rows_and_is_an_alert_under_90_percent() {
    let server = Server::demo().await;
    server.terminate();
    let (_, dir) = server.ended().await;
    decided(dir.path(), 21, 18).await;
    let server = Server::start_in(dir, &["--demo"], &[]).await;
    let mut watching = server.staff("super1").await;
    let rail = watching.subscribe("alerts").await;
    let is_it = |alerts: &Value| {
        let open = alerts["open"].as_array().cloned().unwrap_or_default();
        open.into_iter().find(|alert| alert["kind"] == "connect_rate").map(|alert| alert["amount"].clone())
    };
    let amount = match is_it(&rail["view"]) {
        Some(amount) => amount,
        None => {
            let told = watching.event("the alert", |event| is_it(&event["body"]["view"]).is_some()).await;
            is_it(&told["body"]["view"]).unwrap()
        }
    };
    assert_eq!(amount, 857, "18 of 21");

    let leader = Desk::of(&server, "leader1").await;
    let days = "from=2026-11-01&to=2027-12-31";
    let view = leader.get(&format!("/api/figures/calls?{days}&by=department")).await;
    assert_eq!(view["total"]["all"], json!({ "hits": 18, "of": 21 }), "{view}");
    assert_eq!((&view["lines"][0]["key"], &view["promised"]), (&json!("market"), &json!(90)));
    assert_eq!(view["causes"], json!({ "answered": 18, "no_answer": 3 }));
    let parties = view["parties"].as_array().unwrap();
    let known = parties.iter().find(|one| one["name"] == "演示号码（虚构）· 企业登记专线一").unwrap();
    assert_eq!(known["answered"]["of"], 11);
    let strange = parties.iter().find(|one| one["name"] == "138******34").unwrap();
    let sound = json!({
        "loss": { "hits": 50, "of": 500 }, "worstLoss": 180, "poor": { "hits": 1, "of": 2 }, "late": 2,
        "concealed": 51, "lateTicks": 3, "jitterMs": 5, "worstJitterMs": 6, "roundTripMs": null, "heardLoss": 12,
    });
    let page = leader.get(&format!("/api/figures/calls/rows?{days}&part=hits")).await;
    assert_eq!(page["rows"][0]["attempts"][0]["sound"], sound);
    let page = leader.get(&format!("/api/figures/calls/rows?{days}&part=rest")).await;
    assert_eq!(page["rows"][0]["attempts"][0]["sound"], Value::Null, "nobody answered");
    let of_all = &view["sound"];
    assert_eq!(of_all.as_array().map(Vec::len), Some(1), "{of_all}");
    assert_eq!(
        (&of_all[0]["part"], &of_all[0]["disturbed"]),
        (&json!("professional"), &json!({ "hits": 17, "of": 18 }))
    );
    assert_eq!(of_all[0]["sound"]["loss"], json!({ "hits": 900, "of": 9_000 }));
    let of_item = leader.get(&format!("/api/figures/calls?{days}&item=company-setup")).await;
    assert_eq!(of_item["sound"], Value::Null, "a call has no item");
    assert!(!view.to_string().contains("13800001234"), "of a telephone in no directory only a part is shown");
    for (query, count) in [
        (String::new(), 21),
        ("&part=hits".to_owned(), 18),
        ("&part=rest".to_owned(), 3),
        ("&item=company-setup".to_owned(), 21),
        ("&item=".to_owned(), 0),
        ("&unit=market&part=rest".to_owned(), 3),
        ("&unit=tax".to_owned(), 0),
        (format!("&party={}", strange["key"].as_str().unwrap()), 10),
    ] {
        let mut after = String::new();
        let mut rows = 0;
        loop {
            let page = leader.get(&format!("/api/figures/calls/rows?{days}{query}&limit=4{after}")).await;
            assert_eq!(page["count"], count, "{query}");
            rows += page["rows"].as_array().unwrap().len();
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(rows, count, "{query}: the pages together are the number");
    }
    for (query, field) in [
        ("from=2026-11-02&to=2026-11-01".to_owned(), "to"),
        (format!("{days}&by=team"), "by"),
        (format!("{days}&hour=24"), "hour"),
        (format!("{days}&party={}", "x".repeat(65)), "party"),
    ] {
        let reply = leader.ask("GET", &format!("/api/figures/calls?{query}"), "").await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{query}");
    }
    let reply = leader.ask("GET", &format!("/api/figures/calls/rows?{days}&after=x"), "").await;
    assert_eq!(refusal(&reply), refused(400, "bad_request", "after"));
    let file = leader.ask("GET", &format!("/api/figures/calls/rows/export?{days}&format=csv"), "").await;
    assert_eq!(file.text().lines().count(), 22, "a line for each attempt, and the names of the columns");
    assert!(!file.text().contains("13800001234"));
    let header = file.text().lines().next().unwrap().to_owned();
    assert!(header.ends_with(
        "丢包 ‰,最差 5 秒丢包 ‰,对方报告丢包 ‰,平均抖动 毫秒,最大抖动 毫秒,往返 毫秒,迟到包,补偿帧 20 毫秒,混音迟到次数"
    ));
    let lines = file.text().lines().filter(|line| line.ends_with(",answered,,100,180,12,5,6,,2,51,3")).count();
    assert_eq!(lines, 16, "one is worse and one is better");
    assert_eq!(file.text().lines().filter(|line| line.ends_with(",no_answer,,,,,,,,,,")).count(), 3);
    let book = leader.ask("GET", &format!("/api/figures/calls/rows/export?{days}&format=xlsx"), "").await;
    assert_eq!((book.status, &book.body[..2]), (200, &b"PK"[..]));
    let legs = leader.ask("GET", &format!("/api/figures/calls/legs/export?{days}&format=csv"), "").await;
    assert_eq!(legs.text().lines().count(), 19, "18 legs, and the names of the columns");
    let leg = legs.text().lines().nth(1).unwrap();
    assert!(leg.contains(",2,professional,演示号码（虚构）· 企业登记专线一,market,"), "{leg}");
    assert!(leg.ends_with(",hung_up,2,1,100,180,12,5,6,,2,51,3"), "{leg}");
    let legs = leader.ask("GET", &format!("/api/figures/calls/legs/export?{days}&format=csv&poor=true"), "").await;
    assert_eq!(legs.text().lines().count(), 18, "17 legs that were disturbed");
    let reply = leader.ask("GET", &format!("/api/figures/calls/legs/export?{days}&format=pdf"), "").await;
    assert_eq!(refusal(&reply), refused(400, "bad_request", "format"));
    the_legs_open_page_by_page(&leader, days).await;
    let auditor = Desk::of(&server, "auditor1").await;
    let lines = auditor.get("/api/admin/audit?action=figures.export").await;
    let lines = lines["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().any(|line| line["subject"] == "call_legs"), "{lines:?}");
}
