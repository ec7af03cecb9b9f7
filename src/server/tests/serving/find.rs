//! Supervisors find and read conversations of their units: by words, as far as these are not masked for them.

use serde_json::{Value, json};

use crate::{
    support::{Client, Desk, Server, refusal, refused, send},
    sweep::newcomer,
};

/// The ids that were found.
fn ids(page: &Value) -> Vec<String> {
    let found = page["conversations"].as_array().unwrap().iter();
    found.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

async fn find(desk: &Desk<'_>, wanted: Value) -> Value {
    let reply = desk.ask("POST", "/api/admin/conversations/find", &wanted.to_string()).await;
    assert_eq!(reply.status, 200, "{wanted}: {}", reply.text());
    reply.json()
}

/// Two conversations: 居住证 (of the police), and 公积金 (of others).
async fn two(server: &Server) -> (Client, String, String) {
    let mut citizen = server.citizen().await;
    let permit = citizen.open_conversation().await;
    let fund = citizen.open_about("fund-rent").await;
    citizen.ok(send(&permit, "1", "Permit 100% 续签，电话13800138001")).await;
    citizen.ok(send(&fund, "1", "租房提取 permit 公积金")).await;
    (citizen, permit, fund)
}

#[tokio::test]
async fn words_are_found_as_the_reader_may_see_them() {
    let server = Server::demo().await;
    let (_citizen, permit, fund) = two(&server).await;
    let supervisor = Desk::of(&server, "super1").await;
    assert_eq!(ids(&find(&supervisor, json!({})).await), [fund.clone(), permit.clone()], "the newest first");
    for (wanted, expected) in [
        (json!({ "q": "permit" }), vec![&fund, &permit]),
        (json!({ "q": "续签" }), vec![&permit]),
        (json!({ "q": "100%" }), vec![&permit]),
        (json!({ "q": "100_" }), vec![]),
        (json!({ "q": "type" }), vec![]),        // a field of the row, and no word
        (json!({ "q": "13800138001" }), vec![]), // masked for whoever searches
        (json!({ "q": "00138" }), vec![]),
        (json!({ "q": "8001" }), vec![&permit]), // what is left of it
        (json!({ "item": "fund-rent" }), vec![&fund]),
        (json!({ "team": "residence" }), vec![&permit]),
        (json!({ "outcome": "solved" }), vec![]),
        (json!({ "to": 1000 }), vec![]),
    ] {
        assert_eq!(ids(&find(&supervisor, wanted.clone()).await).iter().collect::<Vec<_>>(), expected, "{wanted}");
    }
    let words = &find(&supervisor, json!({ "q": "续签" })).await["conversations"][0]["words"];
    assert_eq!(words["text"], "Permit 100% 续签，电话138****8001");
    for (wanted, field) in [
        (json!({ "before": "cv_1" }), "before"),
        (json!({ "starsAtMost": 6 }), "starsAtMost"),
        (json!({ "from": 2, "to": 1 }), "from"),
        (json!({ "q": "x", "from": 0, "to": 99_999_999_999_i64 }), "from"),
        (json!({ "q": "x".repeat(51) }), "q"),
        (json!({ "colour": "red" }), "colour"),
    ] {
        let reply = supervisor.ask("POST", "/api/admin/conversations/find", &wanted.to_string()).await;
        assert_eq!(refusal(&reply), refused(400, "bad_request", field), "{wanted}");
    }
}

#[tokio::test]
async fn a_supervisor_of_a_unit_finds_and_reads_what_is_the_units_and_each_look_is_told() {
    let server = Server::demo().await;
    let (_citizen, permit, fund) = two(&server).await;
    let admin = server.token("admin1").await;
    let token = newcomer(&server, &admin, "police-super", "supervisor", "police").await;
    let police = Desk { server: &server, token };
    for wanted in [json!({}), json!({ "q": "permit" })] {
        assert_eq!(ids(&find(&police, wanted).await), std::slice::from_ref(&permit));
    }
    // Another unit's team, by name.
    assert!(ids(&find(&police, json!({ "team": "housing" })).await).is_empty());

    let read = police.get(&format!("/api/admin/conversations/{permit}")).await;
    let said = read["entries"].as_array().unwrap().iter().find(|one| one["from"]["type"] == "citizen").unwrap();
    assert_eq!(said["body"]["text"], "Permit 100% 续签，电话138****8001");
    assert_eq!((&read["conversation"]["itemName"], &read["more"]), (&json!("居住证办理"), &json!(false)));
    let other = police.ask("GET", &format!("/api/admin/conversations/{fund}"), "").await;
    assert_eq!(other.status, 403, "{}", other.text());
    let agent = Desk::of(&server, "agent1001").await;
    assert_eq!(agent.ask("POST", "/api/admin/conversations/find", "{}").await.status, 403);
    assert_eq!(agent.ask("GET", &format!("/api/admin/conversations/{permit}"), "").await.status, 403);

    let auditor = Desk::of(&server, "auditor1").await;
    let looks = auditor.get("/api/admin/audit?action=conversation.read").await;
    let looks: Vec<_> = looks["lines"].as_array().unwrap().iter().map(|line| &line["subject"]).collect();
    assert_eq!(looks, [&json!(permit)]);
}
