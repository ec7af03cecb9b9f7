//! Administration: records of every kind by one interface, in force without a restart; import, export, coverage.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::{Desk, Server, refusal, refused, send};

#[tokio::test]
async fn a_record_is_made_changed_and_removed_and_every_state_is_kept() {
    let server = Server::demo().await;
    let admin = Desk::of(&server, "admin1").await;
    let mut office =
        json!({ "name": "徐汇区政务服务办公室", "kind": "office", "parent": "xuhui", "district": "xuhui" });
    let made = admin.made("unit/xuhui-office", 0, &office).await;
    assert_eq!((&made["version"], &made["unit"], &made["body"]["name"]), (&json!(1), &json!("xuhui"), &office["name"]));
    assert_eq!(refusal(&admin.put("unit/xuhui-office", 0, &office).await), refused(409, "outdated", ""));
    // Said again, it changes nothing.
    assert_eq!(admin.made("unit/xuhui-office", 1, &office).await["version"], 1);
    office["parent"] = "huangpu".into();
    assert_eq!(
        refusal(&admin.put("unit/xuhui-office", 1, &office).await),
        refused(400, "bad_request", "body.district")
    );
    office["district"] = "huangpu".into();
    assert_eq!(admin.made("unit/xuhui-office", 1, &office).await["unit"], "huangpu");
    assert_eq!(refusal(&admin.put("unit/xuhui-office", 1, &office).await), refused(409, "outdated", ""));

    let removal = |version: u64| format!("/api/admin/records/unit/xuhui-office?version={version}&reason=x");
    assert_eq!(refusal(&admin.ask("DELETE", &removal(1), "").await), refused(409, "outdated", ""));
    assert_eq!(admin.ask("DELETE", &removal(2), "").await.status, 204);
    assert_eq!(admin.ask("DELETE", &removal(2), "").await.status, 404);
    let history = admin.get("/api/admin/records/unit/xuhui-office/versions").await;
    let states: Vec<_> = history["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|state| (state["version"].as_u64().unwrap(), state["body"]["parent"].as_str()))
        .collect();
    assert_eq!(states, [(3, None), (2, Some("huangpu")), (1, Some("xuhui"))]);
    assert!(history["versions"][0]["actor"]["name"].is_string());
}

#[tokio::test]
async fn what_is_wrong_is_named_and_what_is_used_stays() {
    let server = Server::demo().await;
    let admin = Desk::of(&server, "admin1").await;
    let team = json!({ "name": "某组", "unit": "police" });
    let with = |key: &str, value: Value| {
        let mut changed = team.clone();
        changed[key] = value;
        changed
    };
    for (path, body, expected) in [
        ("team/new", with("hours", json!({ "periods": ["09:00-11:30", "11:00-12:00"] })), "body.hours.periods[1]"),
        ("team/new", with("hours", json!({ "periods": [9] })), "body.hours.periods[0]"),
        ("team/new", with("slotMinutes", json!("x")), "body.slotMinutes"),
        ("team/new", with("colour", json!("red")), "body.colour"),
        ("team/new", with("unit", json!("nowhere")), "body.unit"),
        ("team/New", team.clone(), "id"),
    ] {
        assert_eq!(refusal(&admin.put(path, 0, &body).await), refused(400, "bad_request", expected), "{path} {body}");
    }
    assert_eq!(admin.put("planet/new", 0, &team).await.status, 404);
    let not_json = admin.ask("PUT", "/api/admin/records/team/new", "{").await;
    assert_eq!(not_json.status, 400);
    for (path, by_what) in [
        ("unit/sh", "cannot do without"),
        ("team/general", "cannot do without"),
        ("unit/police", "unit immigration"),
        ("team/residence", "shift residence-"),
    ] {
        let reply = admin.ask("DELETE", &format!("/api/admin/records/{path}?version=1"), "").await;
        assert_eq!(refusal(&reply), refused(409, "in_use", ""), "{path}");
        assert!(reply.json()["error"]["detail"].as_str().unwrap().contains(by_what), "{}", reply.text());
    }
}

#[tokio::test]
async fn lists_are_searched_bounded_and_paged() {
    let server = Server::demo().await;
    let admin = Desk::of(&server, "admin1").await;
    let all = admin.get("/api/admin/records/item?limit=500").await;
    assert_eq!((&all["total"], all["records"].as_array().unwrap().len()), (&json!(520), 500));
    let rest = admin.get(&format!("/api/admin/records/item?limit=500&after={}", all["next"])).await;
    assert_eq!(
        (rest["records"].as_array().unwrap().len(), &rest["next"], &rest["total"]),
        (20, &Value::Null, &json!(520))
    );
    let found = admin.get("/api/admin/records/item?q=%E5%B1%85%E4%BD%8F%E8%AF%81").await;
    let records = found["records"].as_array().unwrap();
    assert!(records.iter().any(|record| record["id"] == "residence-permit"));
    assert!(records.len() < 50 && found["total"] == records.len());
    let districts = admin.get("/api/admin/records/unit?unit=xuhui").await;
    let ids: Vec<_> = districts["records"].as_array().unwrap().iter().map(|record| record["id"].clone()).collect();
    assert_eq!(ids, ["xuhui", "xuhui-hrss"]);
    assert_eq!(
        refusal(&admin.ask("GET", "/api/admin/records/item?limit=0", "").await),
        refused(400, "bad_request", "limit")
    );
}

#[tokio::test]
async fn only_those_who_may_see_and_change_do() {
    let server = Server::demo().await;
    let team = json!({ "name": "某组", "unit": "police" });
    for (login, reads) in [("agent1001", 403), ("super1", 200)] {
        let desk = Desk::of(&server, login).await;
        assert_eq!(desk.ask("GET", "/api/admin/records/team", "").await.status, reads, "{login}");
        assert_eq!(desk.put("team/new", 0, &team).await.status, 403, "{login}");
        let import = desk.ask("POST", "/api/admin/items/import?format=csv&dryRun=true", "code\n").await;
        assert_eq!(import.status, 403, "{login}");
    }
    let citizen =
        Desk { server: &server, token: server.citizen_token("demo-citizen-1").await.as_str().unwrap().to_owned() };
    for path in ["/api/admin/records/team", "/api/admin/items/export?format=csv", "/api/admin/coverage"] {
        assert_eq!(citizen.ask("GET", path, "").await.status, 403, "{path}");
        assert_eq!(server.get(path).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn a_new_team_its_item_and_its_policy_are_in_force_without_a_restart() {
    let server = Server::demo().await;
    let admin = Desk::of(&server, "admin1").await;
    let mut citizen = server.citizen().await;
    let open = json!({ "type": "open_conversation", "item": "new-item", "channel": "pc" });
    assert_eq!(citizen.refused(open.clone()).await["code"], "unknown_item");

    admin.made("team/visa", 0, &json!({ "name": "签证组", "unit": "immigration" })).await;
    let item = json!({ "name": "外国人签证延期", "department": "immigration", "audience": "person", "team": "visa" });
    admin.made("item/new-item", 0, &item).await;
    let policy = json!({ "name": "慢", "team": "visa", "warnSeconds": 100, "alertSeconds": 200, "breachSeconds": 300,
        "offerSeconds": 50 });
    admin.made("sla_policy/visa", 0, &policy).await;
    let conversation = citizen.ok(open).await["conversation"].as_str().unwrap().to_owned();
    citizen.ok(json!({ "type": "request_human", "conversation": conversation })).await;
    let snapshot = citizen.subscribe(&format!("conversation:{conversation}")).await;
    let clock = &snapshot["view"]["clock"];
    assert_eq!(clock["dueAt"].as_i64().unwrap() - clock["askedAt"].as_i64().unwrap(), 300_000);
    assert_eq!((&snapshot["view"]["teamName"], &snapshot["view"]["itemName"]), (&json!("签证组"), &item["name"]));

    // Closed by the team's own hours, open by the city's.
    let shut = json!({ "name": "签证组", "unit": "immigration", "hours": { "periods": ["00:00-00:01"] } });
    admin.made("team/visa", 1, &shut).await;
    citizen.ok(json!({ "type": "cancel_request", "conversation": conversation })).await;
    let answer = citizen.ok(json!({ "type": "request_human", "conversation": conversation })).await;
    assert_eq!(answer["type"], "out_of_hours", "{answer}");
    let reply = admin.ask("DELETE", "/api/admin/records/team/visa?version=2", "").await;
    assert_eq!(refusal(&reply), refused(409, "in_use", ""));
}

#[tokio::test]
async fn the_bot_knows_an_item_by_its_new_name_within_seconds() {
    let server = Server::demo().await;
    let admin = Desk::of(&server, "admin1").await;
    let record = admin.get("/api/admin/records/item/residence-permit").await;
    let mut body = record["body"].clone();
    body["name"] = "居住凭证申领".into();
    admin.made("item/residence-permit", 1, &body).await;
    let mut citizen = server.citizen().await;
    let conversation = citizen.open_conversation().await;
    let snapshot = citizen.subscribe(&format!("conversation:{conversation}")).await;
    assert_eq!(snapshot["view"]["itemName"], "居住凭证申领");
    citizen.ok(send(&conversation, "1", "居住证怎么办理，需要什么材料？")).await;
}

/// A table of `rows` items, three of which cannot be taken.
fn table(rows: usize, bad: [usize; 3]) -> String {
    let mut text = "code,name,department,audience,team,aliases\n".to_owned();
    for n in 2..rows + 2 {
        let department = if n == bad[0] { "nowhere" } else { "police" };
        let audience = if n == bad[1] { "animals" } else { "person" };
        let code = if n == bad[2] { "item-2".to_owned() } else { format!("item-{n}") };
        text += &format!("{code},某事项第{n}号,{department},{audience},residence,别名{n}\n");
    }
    text
}

#[tokio::test]
async fn a_file_with_bad_rows_imports_nothing_unless_asked_and_what_is_exported_is_unchanged() {
    let server = Server::demo().await;
    let admin = Desk::of(&server, "admin1").await;
    let import = async |query: &str, body: &str| {
        let reply = admin.ask("POST", &format!("/api/admin/items/import?{query}"), body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    };
    let table = table(1_200, [500, 700, 900]);
    for query in ["format=csv", "format=csv&dryRun=true", "format=csv&dryRun=true&skipBad=true"] {
        let report = import(query, &table).await;
        let fields: Vec<_> =
            report["bad"].as_array().unwrap().iter().map(|bad| (bad["row"].clone(), bad["field"].clone())).collect();
        let expected = [(500, "department"), (700, "audience"), (900, "code")];
        assert_eq!(fields, expected.map(|(row, field)| (json!(row), json!(field))), "{query}");
        assert_eq!(
            (&report["rows"], &report["new"], &report["imported"]),
            (&json!(1_200), &json!(1_197), &json!(false))
        );
        assert_eq!(admin.get("/api/admin/records/item?limit=1").await["total"], 520);
    }
    let report = import("format=csv&skipBad=true", &table).await;
    assert_eq!((&report["new"], &report["badRows"], &report["imported"]), (&json!(1_197), &json!(3), &json!(true)));
    assert_eq!(admin.get("/api/admin/records/item?limit=1").await["total"], 1_717);

    let exported = admin.ask("GET", "/api/admin/items/export?format=csv", "").await;
    assert_eq!(exported.header("content-disposition"), "attachment; filename=\"items.csv\"");
    let again = import("format=csv", exported.text()).await;
    assert_eq!((&again["unchanged"], &again["new"], &again["changed"]), (&json!(1_717), &json!(0), &json!(0)));
    let few = admin.ask("GET", "/api/admin/items/export?format=csv&unit=immigration", "").await;
    assert!(few.text().lines().count() < 30, "{}", few.text().lines().count());

    let wrong = admin.ask("POST", "/api/admin/items/import?format=xlsx", "no workbook").await;
    assert_eq!(refusal(&wrong), refused(400, "bad_request", "file"));
    let wrong = admin.ask("POST", "/api/admin/items/import?format=pdf", "x").await;
    assert_eq!(refusal(&wrong), refused(400, "bad_request", "format"));
}

#[tokio::test]
async fn the_demo_is_covered_and_a_hole_in_the_roster_is_found() {
    let server = Server::demo().await;
    let admin = Desk::of(&server, "admin1").await;
    let whole = admin.get("/api/admin/coverage").await;
    assert_eq!((&whole["items"], &whole["covered"], &whole["holes"]), (&json!(520), &json!(520), &json!([])));
    for shift in ["residence-night-1", "residence-night-2"] {
        let reply = admin.ask("DELETE", &format!("/api/admin/records/shift/{shift}?version=1"), "").await;
        assert_eq!(reply.status, 204, "{}", reply.text());
    }
    let holed = admin.get("/api/admin/coverage").await;
    assert_eq!(holed["covered"], 461, "59 items of the team are open at night");
    let hole = &holed["holes"][0];
    assert_eq!((&hole["team"], &hole["teamName"]), (&json!("residence"), &json!("居住与户籍")));
    assert!(hole["from"].as_i64().unwrap() < hole["to"].as_i64().unwrap());
    let mut supervisor = server.staff("super1").await;
    let mut board = supervisor.subscribe("board").await;
    for _ in 0..50 {
        if board["view"]["itemsRostered"] == 461 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
        board = supervisor.subscribe("board").await;
    }
    assert_eq!((&board["view"]["itemsRostered"], &board["view"]["itemsTotal"]), (&json!(461), &json!(520)));
}

#[tokio::test]
async fn without_the_demo_there_is_the_city_and_the_team_of_those_who_ask_without_an_item() {
    let server = Server::start(&[], &[]).await;
    // Nobody can log in yet: what is there is seen in the database.
    let url = format!("sqlite://{}?mode=ro", server.dir.path().join("bangban.db").display());
    let mut rows = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.unwrap();
    let found: Vec<(String, String)> =
        sqlx::query_as("SELECT kind, id FROM record ORDER BY kind, id").fetch_all(&mut rows).await.unwrap();
    let expected = [("team", "general"), ("unit", "sh")].map(|(kind, id)| (kind.to_owned(), id.to_owned()));
    assert_eq!(found, expected);
    let made: (String, String) = sqlx::query_as("SELECT action, actor FROM audit").fetch_one(&mut rows).await.unwrap();
    assert_eq!(made, ("organisation.found".to_owned(), "system".to_owned()));
}
