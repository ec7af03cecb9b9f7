//! Quality inspection over REST: who may take which step, what is kept, and the weekly draw.

use serde_json::{Value, json};

use crate::{
    support::{Desk, Server, refusal, refused, send},
    sweep::newcomer,
};

/// A conversation that agent1001 served and closed.
async fn closed(server: &Server, citizen: &str) -> String {
    let mut agent = server.staff("agent1001").await;
    let mut client = crate::support::Client::open(&server.address, &server.citizen_token(citizen).await).await;
    let id = client.open_conversation().await;
    client.ok(json!({ "type": "request_human", "conversation": id })).await;
    agent.accept().await;
    agent.ok(send(&id, "a", "请带身份证，联系电话13800138001")).await;
    agent.ok(json!({ "type": "close", "conversation": id, "outcome": "solved" })).await;
    id
}

/// Today in Shanghai, as the server sees it.
async fn today(desk: &Desk<'_>) -> String {
    let now = desk.get("/api/admin/me").await["now"].as_i64().unwrap();
    let at = jiff::Timestamp::from_millisecond(now).unwrap();
    jiff::tz::Offset::constant(8).to_datetime(at).date().to_string()
}

async fn post(desk: &Desk<'_>, path: &str, body: &Value) -> Value {
    let reply = desk.ask("POST", path, &body.to_string()).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.json()
}

fn put(view: &Value, points: &[Option<u32>]) -> Value {
    let answer = |points: &Option<u32>| json!({ "points": points, "comment": "电话13800138001", "seq": 3 });
    json!({ "version": view["line"]["version"], "answers": points.iter().map(answer).collect::<Vec<_>>(), "summary": "好" })
}

const FULL: [Option<u32>; 8] = [Some(10), Some(10), Some(10), Some(10), Some(25), Some(15), Some(10), Some(10)];

/// Draws of this week and gives the only inspection.
async fn drawn(desk: &Desk<'_>) -> String {
    let day = today(desk).await;
    let done = post(desk, "/api/quality/plans/weekly/draw", &json!({ "day": day })).await;
    assert_eq!(done["drawn"], 1, "{done}");
    let page = desk.get("/api/quality/inspections?state=open").await;
    page["inspections"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_inspection_goes_from_draw_to_decision_and_each_step_has_its_person_and_its_line() {
    let server = Server::demo().await;
    let conversation = closed(&server, "demo-citizen-1").await;
    let supervisor = Desk::of(&server, "super1").await;
    let agent = Desk::of(&server, "agent1001").await;
    let admin = server.token("admin1").await;
    let second = Desk { server: &server, token: newcomer(&server, &admin, "second", "supervisor", "sh").await };

    let id = drawn(&supervisor).await;
    let path = format!("/api/quality/inspections/{id}");
    // Drawn once: nothing is left of the week.
    let day = today(&supervisor).await;
    assert_eq!(post(&supervisor, "/api/quality/plans/weekly/draw", &json!({ "day": day })).await["drawn"], 0);
    // Before it is submitted its agent does not know of it; others never do.
    assert_eq!(agent.ask("GET", &path, "").await.status, 404);
    assert_eq!(Desk::of(&server, "agent1002").await.ask("GET", &path, "").await.status, 404);
    assert_eq!(agent.ask("GET", "/api/quality/inspections", "").await.status, 403);
    assert_eq!(agent.get("/api/quality/mine").await["inspections"], json!([]));

    let view = supervisor.get(&path).await;
    assert_eq!((&view["line"]["conversation"], &view["mayInspect"]), (&json!(conversation), &json!(true)));
    let thread = supervisor.get(&format!("{path}/thread")).await;
    assert!(thread.to_string().contains("138****8001") && !thread.to_string().contains("13800138001"));

    // A draft may have gaps, a result may not; what is wrong is named.
    let gap = [Some(10), None, Some(10), Some(10), Some(25), Some(15), Some(10), Some(10)];
    let saved = supervisor.ask("PUT", &path, &put(&view, &gap).to_string()).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    let draft = saved.json();
    assert_eq!(draft["answers"][0], json!({ "points": 10, "comment": "电话138****8001", "seq": 3 }));
    let stale = supervisor.ask("PUT", &path, &put(&view, &gap).to_string()).await;
    assert_eq!(refusal(&stale), refused(409, "outdated", ""));
    for (body, field) in [
        (put(&draft, &gap), "answers[1].points"),
        (put(&draft, &[Some(10); 7]), "answers"),
        (put(&draft, &[Some(11); 8]), "answers[0].points"),
    ] {
        let reply = supervisor.ask("POST", &format!("{path}/submit"), &body.to_string()).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{body}");
    }
    let mut low = FULL;
    low[5] = Some(5);
    let done = post(&supervisor, &format!("{path}/submit"), &put(&draft, &low)).await;
    assert_eq!((&done["line"]["score"], &done["line"]["state"]), (&json!(90), &json!("submitted")));
    let again = supervisor.ask("POST", &format!("{path}/submit"), &put(&done, &low).to_string()).await;
    assert_eq!(again.status, 409, "{}", again.text());

    // The agent appeals, once; nobody else may.
    let appeal = json!({ "version": done["line"]["version"], "reason": "已经说明了时限" });
    assert_eq!(second.ask("POST", &format!("{path}/appeal"), &appeal.to_string()).await.status, 403);
    let short = json!({ "version": done["line"]["version"], "reason": "不" });
    let reply = agent.ask("POST", &format!("{path}/appeal"), &short.to_string()).await;
    assert_eq!(refusal(&reply), refused(400, "bad_request", "reason"));
    let mine = agent.get(&path).await;
    assert_eq!((&mine["mayAppeal"], &mine["mayInspect"]), (&json!(true), &json!(false)));
    assert!(mine["appealUntil"].as_i64() > mine["line"]["submittedAt"].as_i64());
    let appealed = post(&agent, &format!("{path}/appeal"), &appeal).await;
    let twice = json!({ "version": appealed["line"]["version"], "reason": "已经说明了时限" });
    assert_eq!(agent.ask("POST", &format!("{path}/appeal"), &twice.to_string()).await.status, 409);

    // Neither the agent nor the inspector decides.
    let decision =
        json!({ "version": appealed["line"]["version"], "points": FULL.map(Option::unwrap), "reason": "申诉成立" });
    for (desk, status) in [(&agent, 403), (&supervisor, 403)] {
        assert_eq!(desk.ask("POST", &format!("{path}/decide"), &decision.to_string()).await.status, status);
    }
    let decided = post(&second, &format!("{path}/decide"), &decision).await;
    assert_eq!((&decided["line"]["score"], &decided["line"]["decidedScore"]), (&json!(90), &json!(100)));
    assert_eq!(decided["decidedPoints"][5], 15);
    assert_eq!(second.ask("POST", &format!("{path}/decide"), &decision.to_string()).await.status, 409);

    let results = second.get(&format!("/api/quality/results?from={day}&to={day}&by=team")).await;
    let line = &results["lines"][0];
    assert_eq!(
        (&line["key"], &line["mean"], &line["spread"]),
        (&json!("residence"), &json!(100.0), &json!([0, 0, 0, 0, 1]))
    );
    let file = second.ask("GET", &format!("/api/quality/results/export?from={day}&to={day}&format=csv"), "").await;
    let (text, lines) = (file.text().to_owned(), file.text().lines().count());
    assert_eq!((file.status, lines), (200, 2), "{text}");
    assert!(text.contains(&conversation) && text.contains(",90,100,"), "{text}");

    let audit = Desk::of(&server, "auditor1").await;
    let log = audit.get("/api/admin/audit?limit=200").await;
    let lines = log["lines"].as_array().unwrap();
    for action in
        ["quality.draw", "quality.read", "quality.submit", "quality.appeal", "quality.decide", "quality.export"]
    {
        assert!(lines.iter().any(|line| line["action"] == action), "{action}");
    }
    // Ids only.
    let told: Vec<_> = lines.iter().filter(|line| line["action"].as_str().unwrap().starts_with("quality.")).collect();
    assert!(!json!(told).to_string().contains("已经说明了时限"));
}

#[tokio::test]
async fn a_supervisor_inspects_in_their_units_only_and_never_themselves() {
    let server = Server::demo().await;
    closed(&server, "demo-citizen-1").await;
    let city = Desk::of(&server, "super1").await;
    let id = drawn(&city).await;
    let path = format!("/api/quality/inspections/{id}");
    let admin = server.token("admin1").await;
    for (unit, status) in [("police", 200), ("hrss", 404)] {
        let token = newcomer(&server, &admin, &format!("{unit}-super"), "supervisor", unit).await;
        let desk = Desk { server: &server, token };
        assert_eq!(desk.ask("GET", &path, "").await.status, status, "{unit}");
        let count = desk.get("/api/quality/inspections").await["inspections"].as_array().unwrap().len();
        assert_eq!(count, usize::from(status == 200), "{unit}");
        // The plan is the city's.
        let day = json!({ "day": today(&city).await }).to_string();
        assert_eq!(desk.ask("POST", "/api/quality/plans/weekly/draw", &day).await.status, 404, "{unit}");
    }
    // The agent becomes a supervisor, and still does not see their own before it is submitted.
    let staff = server.as_staff(&admin, "GET /api/admin/staff?q=agent1001", &json!({})).await.json();
    let found = &staff["staff"][0];
    let mut body = found.clone();
    let kept = ["login", "name", "unit", "grants", "teams", "skills", "languages", "capacity", "isActive"];
    body.as_object_mut().unwrap().retain(|key, _| kept.contains(&key.as_str()));
    body["grants"] =
        json!([{ "role": "agent", "unit": null, "items": [] }, { "role": "supervisor", "unit": null, "items": [] }]);
    let change = json!({ "version": found["version"], "body": body });
    let path_of = format!("PUT /api/admin/staff/{}", found["id"].as_str().unwrap());
    assert_eq!(server.as_staff(&admin, &path_of, &change).await.status, 200);
    let own = Desk::of(&server, "agent1001").await;
    assert_eq!(own.get("/api/quality/inspections").await["inspections"], json!([]));
    assert_eq!(own.ask("GET", &path, "").await.status, 404);
    for (day, field) in [("tomorrow", "day"), ("2199-01-01", "day"), ("1999-01-01", "day")] {
        let reply = city.ask("POST", "/api/quality/plans/weekly/draw", &json!({ "day": day }).to_string()).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{day}");
    }
}
