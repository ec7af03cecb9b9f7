//! The load program's calls by SIP against a server of its own, small: what `make test` has of a bar that is measured on a quiet
//! machine (`scripts/hotline.sh`).

use std::{collections::BTreeMap, fs, net::SocketAddr};

use bangban_phones::free_port;
use bangban_tests::{Engine, TestServer};
use sqlx::{Connection as _, Row as _};

/// Callers who hang up soon, and three-way calls of which some departments are busy.
const CALLS: i64 = 100;
const CONFERENCES: i64 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_fifty_a_second_leave_their_rows_and_nothing_else() {
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port)).to_string();
    let (sip, metrics, trunk) = (address(free_port()), address(free_port()), address(free_port()));
    let files = tempfile::tempdir().unwrap();
    let phones = files.path().join("phones.json").display().to_string();
    let passwords: BTreeMap<String, String> =
        (1..=8).map(|n| (format!("load-agent-{n}"), format!("secret-{n}"))).collect();
    fs::write(&phones, serde_json::to_string(&passwords).unwrap()).unwrap();
    let server = TestServer::with(
        Engine::Sqlite,
        &[
            ("BANGBAN__HTTP__METRICS_LISTEN", &metrics),
            ("BANGBAN__CALLS__LISTEN", "127.0.0.1"),
            ("BANGBAN__TELEPHONY__ENABLED", "true"),
            ("BANGBAN__TELEPHONY__LISTEN", &sip),
            ("BANGBAN__TELEPHONY__NUMBER", "\"12345\""),
            ("BANGBAN__TELEPHONY__TRUNKS", &format!(r#"[{{name="city",address="{trunk}"}}]"#)),
            ("BANGBAN__TELEPHONY__PHONES", "[\"127.99.0.0/16\"]"),
            ("BANGBAN__TELEPHONY__PHONES_FILE", &phones),
            ("BANGBAN__TELEPHONY__T1_MS", "100"),
        ],
    )
    .await;
    let url = format!("http://{}", server.address);
    let load = tokio::process::Command::new(env!("CARGO_BIN_EXE_bangban-load"))
        .args(["hotline", "--url", &url, "--sip", &sip, "--metrics", &metrics, "--trunk", &trunk, "--phones", &phones])
        .args(["--calls", &CALLS.to_string(), "--rate", "50", "--conferences", &CONFERENCES.to_string()])
        .args(["--operators", "8", "--json"])
        .output();
    let output = load.await.unwrap();
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{errors}{}", server.log());
    // Every fourth number that is asked for is busy.
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let [reached, busy] =
        ["departments_answered", "departments_busy"].map(|name| report[name].as_i64().unwrap_or_default());
    assert_eq!((reached, busy), (CONFERENCES * 3 / 4, CONFERENCES / 4), "{out}");

    // Once more by SQL: one row for each call, each with its end, each attempt with its cause.
    let mut rows = sqlx::SqliteConnection::connect(&server.database.url()).await.unwrap();
    let counts = [
        ("SELECT COUNT(*) FROM phone_call", CALLS + CONFERENCES),
        ("SELECT COUNT(*) FROM phone_call WHERE ended_at IS NULL OR because IS NULL", 0),
        ("SELECT COUNT(DISTINCT conversation) FROM phone_call", CALLS + CONFERENCES),
        ("SELECT COUNT(*) FROM call_attempt WHERE cause IS NULL OR ended_at IS NULL", 0),
        ("SELECT COUNT(*) FROM call_request WHERE result IS NULL", 0),
        ("SELECT COUNT(*) FROM call_request", CONFERENCES),
        ("SELECT COUNT(*) FROM call_request WHERE result = 'reached'", reached),
        ("SELECT COUNT(*) FROM call_attempt WHERE cause = 'busy'", busy),
        ("SELECT COUNT(*) FROM call_attempt WHERE part = 'professional'", CONFERENCES),
        ("SELECT COUNT(*) FROM call_leg WHERE ended_at IS NULL", 0),
        ("SELECT COUNT(*) FROM call_leg WHERE part = 'caller'", CALLS + CONFERENCES),
        ("SELECT COUNT(*) FROM call_wrap_up WHERE ended_at IS NULL", 0),
        ("SELECT COUNT(*) FROM conversation WHERE channel = 'call' AND stage <> 'closed'", 0),
    ];
    for (sql, wanted) in counts {
        let row = sqlx::query(sql).fetch_one(&mut rows).await.unwrap();
        assert_eq!(row.get::<i64, _>(0), wanted, "{sql}");
    }
}
