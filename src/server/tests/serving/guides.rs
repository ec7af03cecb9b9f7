//! Guided dialogues: four eyes, what citizens are asked, who may answer, and that a walk goes on after a restart.

use serde_json::{Value, json};

use crate::{
    support::{Client, Desk, Server, refusal, refused, send},
    sweep::newcomer,
};

const ITEM: &str = "residence-permit";

fn start(conversation: &str, client_id: &str) -> Value {
    json!({ "type": "start_guide", "conversation": conversation, "clientId": client_id, "item": ITEM })
}

fn step(conversation: &str, client_id: &str, on: &Value, step: &str, choice: Option<&str>) -> Value {
    let mut step =
        json!({ "type": "guide_step", "conversation": conversation, "clientId": client_id, "on": on, "step": step });
    if let Some(choice) = choice {
        step["choice"] = json!(choice);
    }
    step
}

/// Everything that a thread says.
async fn thread(client: &mut Client, conversation: &str) -> Vec<Value> {
    client.subscribe(&format!("conversation:{conversation}")).await["entries"].as_array().unwrap().clone()
}

/// Where the dialogue stands: the last entry of 小申 in it.
async fn stands(client: &mut Client, conversation: &str) -> Value {
    let entries = thread(client, conversation).await;
    let is_guide = |entry: &&Value| entry["body"]["walk"].is_object();
    entries.iter().rfind(is_guide).unwrap_or_else(|| panic!("no dialogue in {entries:?}")).clone()
}

#[tokio::test]
async fn a_walk_asks_what_separates_goes_back_ends_in_a_checklist_and_survives_a_restart() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    let greeting = thread(&mut citizen, &id).await[0]["body"].clone();
    assert_eq!(greeting["guide"]["item"], ITEM, "{greeting}");
    citizen.ok(send(&id, "q", "居住证第一次怎么办理，需要什么材料？")).await;
    citizen.ok(start(&id, "g0")).await;
    // Said already: what it is about.
    let first = stands(&mut citizen, &id).await;
    let body = &first["body"];
    assert_eq!(
        (&body["type"], &body["question"], &body["step"]),
        (&json!("guide_asked"), &json!("registered"), &json!(1)),
        "{first}"
    );
    assert_eq!(
        (&body["walk"]["given"][0]["choice"], &body["walk"]["given"][0]["known"]),
        (&json!("first"), &json!(true))
    );

    citizen.ok(step(&id, "g1", &first["seq"], "answer", Some("yes"))).await;
    let second = stands(&mut citizen, &id).await;
    assert_eq!((&second["body"]["question"], &second["body"]["step"]), (&json!("ground"), &json!(2)));
    let count = thread(&mut citizen, &id).await.len();
    // The same step once more is the same step; another one on what was left is refused, and so is what is no choice.
    citizen.ok(step(&id, "g1", &first["seq"], "answer", Some("yes"))).await;
    let late = citizen.refused(step(&id, "g2", &first["seq"], "answer", Some("no"))).await;
    assert_eq!((&late["code"], &late["field"]), (&json!("outdated"), &json!("on")));
    let none = citizen.refused(step(&id, "g3", &second["seq"], "answer", Some("moon"))).await;
    assert_eq!((&none["code"], &none["field"]), (&json!("bad_request"), &json!("choice")));
    let missing = citizen.refused(step(&id, "g3", &second["seq"], "answer", None)).await;
    assert_eq!(missing["field"], "choice");
    for on in [json!(0), json!(1), json!(9_999)] {
        assert_eq!(citizen.refused(step(&id, "g3", &on, "skip", None)).await["field"], "on");
    }
    assert_eq!(thread(&mut citizen, &id).await.len(), count, "nothing refused was written");

    // The power goes; whoever comes back goes on where they were.
    drop(citizen);
    let dir = server.killed().await;
    let server = Server::start_in(dir, &["--demo"], &[]).await;
    let mut citizen = server.citizen().await;
    assert_eq!(stands(&mut citizen, &id).await, second);
    citizen.ok(step(&id, "g4", &second["seq"], "back", None)).await;
    let again = stands(&mut citizen, &id).await;
    assert_eq!(again["body"]["question"], "registered");
    citizen.ok(step(&id, "g5", &again["seq"], "answer", Some("yes"))).await;
    let ground = stands(&mut citizen, &id).await;
    citizen.ok(step(&id, "g6", &ground["seq"], "skip", None)).await;
    let several = stands(&mut citizen, &id).await;
    assert_eq!(several["body"]["type"], "guide_several");
    assert_eq!(several["body"]["situations"].as_array().unwrap().len(), 3, "{several}");
    citizen.ok(step(&id, "g7", &several["seq"], "answer", Some("first-home"))).await;
    let list = stands(&mut citizen, &id).await;
    let checklist = &list["body"]["checklist"];
    assert_eq!((&list["body"]["type"], &checklist["situation"]), (&json!("guide_checklist"), &json!("first-home")));
    assert!(checklist["materials"][1]["name"].as_str().unwrap().contains("租赁合同"), "{checklist}");
    // Back to the list that it was chosen from; anew, and nothing is taken as known.
    citizen.ok(step(&id, "g8", &list["seq"], "back", None)).await;
    let back = stands(&mut citizen, &id).await;
    assert_eq!(back["body"], several["body"]);
    citizen.ok(step(&id, "g9", &back["seq"], "restart", None)).await;
    let anew = stands(&mut citizen, &id).await;
    assert_eq!((&anew["body"]["question"], &anew["body"]["walk"]["given"]), (&json!("what"), &json!([])));
    let at_begin = citizen.refused(step(&id, "g10", &anew["seq"], "back", None)).await;
    assert_eq!(at_begin["code"], "invalid_stage");
    assert!(!server.log().contains("第一次"), "nothing that was said is in the log");
}

#[tokio::test]
async fn only_its_citizen_takes_steps_and_whoever_serves_sees_the_answers_and_may_begin_one() {
    let server = Server::demo().await;
    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.ok(start(&id, "g0")).await;
    let asked = stands(&mut citizen, &id).await;
    let mut stranger = Client::open(&server.address, &server.citizen_token("demo-citizen-2").await).await;
    for command in [start(&id, "x"), step(&id, "x", &asked["seq"], "skip", None)] {
        assert_eq!(stranger.refused(command).await["code"], "not_found");
    }
    let mut agent = server.staff("agent1001").await;
    for command in [start(&id, "x"), step(&id, "x", &asked["seq"], "skip", None)] {
        assert_eq!(agent.refused(command).await["code"], "forbidden", "nobody has handed it over");
    }
    citizen.ok(step(&id, "g1", &asked["seq"], "answer", Some("lost"))).await;
    citizen.ok(json!({ "type": "request_human", "conversation": id })).await;
    agent.accept().await;
    let seen = stands(&mut agent, &id).await;
    assert_eq!(seen["body"]["walk"]["given"][0]["label"], "居住证丢了，补领");
    assert_eq!(seen["body"]["checklist"]["situation"], "lost");
    // The agent begins another one for the citizen, who answers it; it is no human's response.
    agent.ok(start(&id, "a0")).await;
    let begun = stands(&mut agent, &id).await;
    assert_eq!(agent.refused(step(&id, "a1", &begun["seq"], "skip", None)).await["code"], "forbidden");
    let view = citizen.subscribe(&format!("conversation:{id}")).await["view"].clone();
    assert!(view["clock"]["answeredAt"].is_null(), "{view}");
    citizen.ok(step(&id, "g2", &begun["seq"], "answer", Some("damaged"))).await;
    assert_eq!(stands(&mut agent, &id).await["body"]["checklist"]["situation"], "damaged");
    let none = json!({ "type": "start_guide", "conversation": id, "clientId": "g3", "item": "residence-endorse" });
    let refusal = citizen.refused(none).await;
    assert_eq!((&refusal["code"], &refusal["field"]), (&json!("not_found"), &json!("item")));
}

#[tokio::test]
async fn a_guide_is_written_by_one_published_by_another_and_kept_by_revision() {
    let server = Server::demo().await;
    let editor = Desk::of(&server, "editor1").await;
    let admin = server.token("admin1").await;
    let second = Desk { server: &server, token: newcomer(&server, &admin, "editor2", "editor", "sh").await };
    let agent = Desk::of(&server, "agent1001").await;
    let path = format!("/api/knowledge/guides/{ITEM}");
    let draft = format!("{path}/draft");
    let steps = format!("{path}/steps");
    assert_eq!(agent.ask("GET", "/api/knowledge/guides", "").await.status, 403);
    assert_eq!(agent.ask("GET", &path, "").await.status, 404, "nobody is told that it exists");
    let view = editor.get(&path).await;
    assert_eq!((&view["line"]["inForce"], &view["line"]["origin"]), (&json!(1), &json!("demo")));
    let version = view["line"]["version"].as_u64().unwrap();
    let mut content = view["revisions"][0]["content"].clone();

    let mut citizen = server.citizen().await;
    let id = citizen.open_conversation().await;
    citizen.ok(start(&id, "g0")).await;
    let asked = stands(&mut citizen, &id).await;

    // What is wrong is named: a field when it is saved, a way that leads nowhere when it is handed in.
    let save = async |desk: &Desk<'_>, version: u64, content: &Value| {
        desk.ask("PUT", &draft, &json!({ "version": version, "content": content }).to_string()).await
    };
    let mut wrong = content.clone();
    wrong["situations"][0]["link"] = json!("https://evil.example/");
    assert_eq!(
        refusal(&save(&editor, version, &wrong).await),
        refused(400, "bad_request", "content.situations[0].link")
    );
    assert_eq!(save(&agent, version, &content).await.status, 404);
    assert_eq!(refusal(&save(&editor, version + 1, &content).await), refused(409, "outdated", ""));
    let mut broken = content.clone();
    broken["situations"].as_array_mut().unwrap().pop();
    let saved = save(&editor, version, &broken).await;
    assert_eq!(saved.status, 200, "somebody is still at work on it: {}", saved.text());
    let order = |view: &Value, step: &str| {
        json!({ "version": view["line"]["version"], "step": step, "reason": "需要补充依据" }).to_string()
    };
    let refused_step = editor.ask("POST", &steps, &order(&saved.json(), "submit")).await;
    assert_eq!(refusal(&refused_step), refused(400, "bad_request", "content.questions[0].choices[2]"));

    content["questions"][0]["text"] = json!("您来办哪一项？");
    let tried = json!({ "content": content, "answers": ["lost"], "text": "", "kind": null, "district": null });
    let tried = editor.ask("POST", &format!("{path}/preview"), &tried.to_string()).await.json();
    assert_eq!((&tried["type"], &tried["checklist"]["situation"]), (&json!("checklist"), &json!("lost")));
    let saved = save(&editor, saved.json()["line"]["version"].as_u64().unwrap(), &content).await.json();
    let submitted = editor.ask("POST", &steps, &order(&saved, "submit")).await.json();
    assert_eq!(submitted["ownWork"], json!(true));
    let own = editor.ask("POST", &steps, &order(&submitted, "publish")).await;
    assert_eq!(refusal(&own), refused(403, "forbidden", "step"));
    let published = second.ask("POST", &steps, &order(&submitted, "publish")).await.json();
    assert_eq!(published["line"]["inForce"], json!(2));

    // Whoever was under way goes on by the revision that they began with; anew is by the newest.
    citizen.ok(step(&id, "g1", &asked["seq"], "answer", Some("first"))).await;
    let next = stands(&mut citizen, &id).await;
    assert_eq!(
        (&next["body"]["walk"]["revision"], &next["body"]["walk"]["given"][0]["text"]),
        (&json!(1), &json!("您要办哪一项？"))
    );
    citizen.ok(step(&id, "g2", &next["seq"], "restart", None)).await;
    let anew = stands(&mut citizen, &id).await;
    assert_eq!((&anew["body"]["walk"]["revision"], &anew["body"]["text"]), (&json!(2), &json!("您来办哪一项？")));

    // What is retired is offered to nobody, and nobody goes on in it.
    let retired = second.ask("POST", &steps, &order(&published, "retire")).await.json();
    assert_eq!(retired["line"]["state"], "retired");
    let gone = citizen.refused(step(&id, "g3", &anew["seq"], "answer", Some("first"))).await;
    assert_eq!((&gone["code"], &gone["field"]), (&json!("not_found"), &json!("item")));
    let auditor = Desk::of(&server, "auditor1").await;
    let lines = auditor.get("/api/admin/audit?kind=guide").await;
    let actions: Vec<&str> =
        lines["lines"].as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["guide.retire", "guide.publish", "guide.submit", "guide.save", "guide.save"]);
    assert!(!lines.to_string().contains("您来办"), "ids and numbers only");
}
