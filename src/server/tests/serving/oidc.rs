//! Log-in by the organisation's own identity provider, against an issuer that the test plays: what fits logs in, and
//! whatever does not fit logs nobody in.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Reply, Server};

fn key() -> EncodingKey {
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    EncodingKey::from_ec_der(pair.as_ref())
}

/// What the issuer does next.
struct Play {
    address: String,
    /// Under these names; the last one signs.
    keys: Vec<(&'static str, EncodingKey)>,
    /// Signs with a key that it does not publish.
    foreign: Option<EncodingKey>,
    claims: Value,
    /// Of the attempt that the code was given for.
    challenge: String,
    /// Each is taken once.
    codes: Vec<String>,
}

#[derive(Clone)]
struct Issuer(Arc<Mutex<Play>>);

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let play = Play {
            address,
            keys: vec![("one", key())],
            foreign: None,
            claims: Value::Null,
            challenge: String::new(),
            codes: Vec::new(),
        };
        let issuer = Self(Arc::new(Mutex::new(play)));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        issuer
    }

    fn play<T>(&self, change: impl FnOnce(&mut Play) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }
}

async fn discovery(State(issuer): State<Issuer>) -> Json<Value> {
    let address = issuer.play(|play| play.address.clone());
    Json(json!({
        "issuer": address,
        "authorization_endpoint": format!("{address}/authorize"),
        "token_endpoint": format!("{address}/token"),
        "jwks_uri": format!("{address}/keys"),
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(issuer): State<Issuer>) -> Json<Value> {
    let keys: Vec<Value> = issuer.play(|play| {
        let public = |(id, key): &(&str, EncodingKey)| {
            let mut public = serde_json::to_value(Jwk::from_encoding_key(key, Algorithm::ES256).unwrap()).unwrap();
            public["kid"] = json!(id);
            public
        };
        play.keys.iter().map(public).collect()
    });
    Json(json!({ "keys": keys }))
}

async fn token(State(issuer): State<Issuer>, body: String) -> (StatusCode, Json<Value>) {
    let form: HashMap<&str, &str> = body.split('&').filter_map(|pair| pair.split_once('=')).collect();
    issuer.play(|play| {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, form["code_verifier"].as_bytes()));
        let at = play.codes.iter().position(|code| code == form["code"]);
        let Some(at) = at.filter(|_| challenge == play.challenge) else {
            return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })));
        };
        play.codes.remove(at);
        let (id, key) = play.keys.last().unwrap();
        let header = Header { kid: Some((*id).to_owned()), ..Header::new(Algorithm::ES256) };
        let token = jsonwebtoken::encode(&header, &play.claims, play.foreign.as_ref().unwrap_or(key)).unwrap();
        (StatusCode::OK, Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": token })))
    })
}

struct Attempt {
    cookie: String,
    state: String,
    claims: Value,
}

async fn begin(server: &Server, issuer: &Issuer) -> Attempt {
    let reply = server.get("/api/staff/oidc/start?to=board").await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    let cookie = reply.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let location = reply.header("location").to_owned();
    let query = location.split_once('?').unwrap().1;
    let of: HashMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    assert_eq!((of["response_type"], of["code_challenge_method"]), ("code", "S256"));
    let seconds = bangban_server::clock::Clock::system().now().0 / 1_000;
    let address = issuer.play(|play| {
        play.challenge = of["code_challenge"].to_owned();
        play.codes = vec!["code".to_owned()];
        play.address.clone()
    });
    let claims = json!({ "iss": address, "aud": "bangban", "sub": "7", "nonce": of["nonce"], "iat": seconds,
        "exp": seconds + 300, "staff_no": "agent1001" });
    Attempt { cookie: cookie.split(';').next().unwrap().to_owned(), state: of["state"].to_owned(), claims }
}

async fn come_back(server: &Server, issuer: &Issuer, attempt: &Attempt, query: &str) -> Reply {
    issuer.play(|play| play.claims = attempt.claims.clone());
    let head = format!("GET /api/staff/oidc/callback?{query}\nCookie: {}", attempt.cookie);
    server.exchange(&head, "").await
}

fn good(issuer: &Issuer, attempt: &Attempt) -> String {
    let address = issuer.play(|play| play.address.replace(':', "%3A").replace('/', "%2F"));
    format!("code=code&state={}&iss={address}", attempt.state)
}

#[tokio::test]
async fn who_is_known_there_is_logged_in_here_and_whatever_does_not_fit_logs_nobody_in() {
    let issuer = Issuer::start().await;
    let address = issuer.play(|play| play.address.clone());
    let settings = [
        ("BANGBAN__OIDC__ISSUER", address.as_str()),
        ("BANGBAN__OIDC__CLIENT_ID", "bangban"),
        ("BANGBAN__OIDC__CLIENT_SECRET", "a secret of the client"),
        ("BANGBAN__OIDC__PUBLIC_URL", "http://127.0.0.1:9"),
        ("BANGBAN__LIMITS__ADDRESS__LOGIN__BURST", "0"),
    ];
    let server = Server::start(&["--demo"], &settings).await;
    let options = server.get("/api/staff/login/options").await.json();
    assert_eq!(options["oidc"], "统一身份认证");

    let attempt = begin(&server, &issuer).await;
    let query = good(&issuer, &attempt);
    let reply = come_back(&server, &issuer, &attempt, &query).await;
    assert_eq!((reply.status, reply.header("location")), (303, "/board.html#oidc=done"), "{}", server.log());
    let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
    let renewed = server.exchange(&format!("POST /api/staff/session/renew\nCookie: {cookie}"), "").await;
    assert_eq!((renewed.status, renewed.json()["me"]["name"].clone()), (200, json!("李敏")));
    // The same answer a second time.
    issuer.play(|play| play.codes = vec!["code".to_owned()]);
    let again = come_back(&server, &issuer, &attempt, &query).await;
    assert_eq!(again.header("location"), "/console.html#oidc=refused");

    // Keys rotate.
    issuer.play(|play| play.keys.push(("two", key())));
    tokio::time::sleep(std::time::Duration::from_secs(11)).await;
    let attempt = begin(&server, &issuer).await;
    let reply = come_back(&server, &issuer, &attempt, &good(&issuer, &attempt)).await;
    assert_eq!(reply.header("location"), "/board.html#oidc=done", "{}", server.log());

    for (what, claim, value) in [
        ("another nonce", "nonce", json!("other")),
        ("another audience", "aud", json!("somebody-else")),
        ("several audiences", "aud", json!(["bangban", "somebody-else"])),
        ("another issuer", "iss", json!("http://evil.example")),
        ("expired", "exp", json!(1_000)),
        ("made long ago", "iat", json!(1_000)),
        ("no staff number", "staff_no", Value::Null),
    ] {
        let mut attempt = begin(&server, &issuer).await;
        attempt.claims[claim] = value;
        let reply = come_back(&server, &issuer, &attempt, &good(&issuer, &attempt)).await;
        assert_eq!(reply.header("location"), "/console.html#oidc=refused", "{what}");
        assert!(!reply.header("set-cookie").contains("bangban_staff"), "{what}");
    }
    let mut attempt = begin(&server, &issuer).await;
    attempt.claims["staff_no"] = json!("nobody");
    let reply = come_back(&server, &issuer, &attempt, &good(&issuer, &attempt)).await;
    assert_eq!(reply.header("location"), "/board.html#oidc=unknown", "no account is made");

    // Another browser's answer; a mixed-up issuer; a stolen code; a foreign key.
    let (mine, other) = (begin(&server, &issuer).await, begin(&server, &issuer).await);
    let reply = come_back(&server, &issuer, &mine, &good(&issuer, &other)).await;
    assert_eq!(reply.header("location"), "/console.html#oidc=refused", "another state");
    let attempt = begin(&server, &issuer).await;
    for query in [
        format!("code=code&state={}&iss=http%3A%2F%2Fevil.example", attempt.state),
        format!("code=code&state={}", attempt.state),
    ] {
        let attempt = begin(&server, &issuer).await;
        let query = query.replace(query.split("state=").nth(1).unwrap().split('&').next().unwrap(), &attempt.state);
        let reply = come_back(&server, &issuer, &attempt, &query).await;
        assert_eq!(reply.header("location"), "/console.html#oidc=refused", "{query}");
    }
    let attempt = begin(&server, &issuer).await;
    issuer.play(|play| play.challenge = "of another browser".to_owned());
    let reply = come_back(&server, &issuer, &attempt, &good(&issuer, &attempt)).await;
    assert_eq!(reply.header("location"), "/console.html#oidc=refused", "a code of another verifier");
    let attempt = begin(&server, &issuer).await;
    issuer.play(|play| play.foreign = Some(key()));
    let reply = come_back(&server, &issuer, &attempt, &good(&issuer, &attempt)).await;
    assert_eq!(reply.header("location"), "/console.html#oidc=refused", "signed by somebody else");
    let none = server.get("/api/staff/oidc/callback?code=code&state=x").await;
    assert_eq!(none.header("location"), "/console.html#oidc=refused", "without an attempt");
}
