//! Tokens, good and bad; passwords; secrets.

use bangban_domain::{
    time::HOUR,
    words::{Role, SignIn},
};
use bangban_store::{SessionRow, StaffRow};

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn auth(portal: &str, staff: &str) -> Auth {
    let (sign, verify) = keys(portal);
    Auth {
        portal: Portal::Secret(sign, verify),
        issuer: String::new(),
        staff: keys(staff),
        staff_minutes: 15,
        seal: Seal::new(staff).unwrap(),
        accounts: Arc::default(),
        own: Own::new("c"),
    }
}

#[tokio::test]
async fn a_token_says_who_it_is_until_it_expires() {
    let auth = auth("p", "s");
    let token = auth.portal_token("u1", "张伟", CitizenKind::Person, None, None, NOW + 1_000).unwrap();
    let Ok(Principal::Citizen(citizen)) = auth.identify(&token, NOW).await else { panic!("refused") };
    assert_eq!((citizen.name.as_str(), citizen.expires_at), ("张伟", NOW + 1_000));
    assert_eq!(auth.identify(&token, NOW + 999).await.map(|_| ()), Ok(()));
    assert_eq!(auth.identify(&token, NOW + 1_000).await.unwrap_err().code, ErrorCode::TokenExpired);

    let account = StaffRow::new(AgentId::new(7), "agent1001", "李敏").with_role(Role::Agent);
    let session = SessionRow {
        id: StaffSessionId::new(9),
        agent: account.id,
        way: SignIn::Password,
        began_at: NOW,
        seen_at: NOW,
        ends_at: NOW + 20 * MINUTE,
        device: String::new(),
        address: String::new(),
        ended: None,
    };
    let (id, ends_at) = (session.id, session.ends_at);
    let (token, expires_at) = auth.staff_token(account.id, id, ends_at, NOW).unwrap();
    assert_eq!(expires_at, NOW + 15 * MINUTE);
    let over = async || auth.identify(&token, NOW).await.unwrap_err().code;
    assert_eq!(over().await, ErrorCode::Unauthenticated, "no such account, no such session");
    auth.accounts.put(account.clone());
    assert_eq!(over().await, ErrorCode::Unauthenticated, "no such session");
    auth.accounts.began(session.clone());
    let staff =
        Staff { id: account.id, name: "李敏".to_owned(), grants: account.grants.clone(), session: id, expires_at };
    assert_eq!(auth.identify(&token, NOW).await, Ok(Principal::Staff(staff.clone())));
    // A token never outlives its session, and the next one is for the same session only.
    let (next, expires_at) = auth.staff_token(account.id, id, ends_at, NOW + 10 * MINUTE).unwrap();
    assert_eq!(expires_at, ends_at);
    assert_eq!(auth.renewed(&staff, &next, NOW + 10 * MINUTE).unwrap().expires_at, ends_at);
    auth.accounts.began(SessionRow { id: StaffSessionId::new(10), ..session });
    let (other, _) = auth.staff_token(account.id, StaffSessionId::new(10), ends_at, NOW).unwrap();
    assert_eq!(auth.renewed(&staff, &other, NOW).unwrap_err().code, ErrorCode::Unauthenticated);
    // What the account may do is asked anew; a closed one may nothing.
    auth.accounts.change(account.id, |row| row.grants.clear());
    let Ok(Principal::Staff(now)) = auth.identify(&token, NOW).await else { panic!("refused") };
    assert!(now.grants.is_empty());
    auth.accounts.change(account.id, |row| row.is_active = false);
    assert_eq!(over().await, ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn a_foreign_key_and_a_stolen_audience_are_refused() {
    let ours = auth("p", "s");
    let foreign = auth("other", "another");
    let token = foreign.portal_token("u1", "x", CitizenKind::Person, None, None, NOW + 9_000).unwrap();
    assert_eq!(ours.identify(&token, NOW).await.unwrap_err().code, ErrorCode::Unauthenticated);
    // A portal that signs a staff token with the portal's key.
    let swapped = auth("s", "p");
    let (token, _) = swapped.staff_token(AgentId::new(7), StaffSessionId::new(9), NOW + HOUR, NOW).unwrap();
    assert_eq!(ours.identify(&token, NOW).await.unwrap_err().code, ErrorCode::Unauthenticated);
    assert_eq!(ours.identify("not a token", NOW).await.unwrap_err().code, ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn what_we_give_to_citizens_is_no_token_of_the_portal_nor_the_other_way_round() {
    // The same secret for all: what keeps them apart is the audience alone.
    let auth = Auth { own: Own::new("x"), ..auth("x", "x") };
    let until = NOW + 5 * SECOND;
    let (token, expires_at) = auth.own().visitor_token(CitizenId::new(9), until).unwrap();
    assert_eq!(expires_at, until);
    let Ok(Principal::Citizen(visitor)) = auth.identify(&token, NOW).await else { panic!("refused") };
    assert_eq!((visitor.id, visitor.anonymous, visitor.name.as_str()), (CitizenId::new(9), true, "匿名访客"));
    assert!(auth.portal_claims(&token).is_err(), "a visitor with a portal's rights");
    assert!(auth.staff_of(&token, NOW).is_none());
    assert_eq!(auth.identify(&token, until).await.unwrap_err().code, ErrorCode::TokenExpired);

    let portal = auth.portal_token("u1", "张伟", CitizenKind::Person, None, None, until).unwrap();
    assert!(auth.own.identify(&portal, NOW).is_none());
    let Ok(Principal::Citizen(citizen)) = auth.identify(&portal, NOW).await else { panic!("refused") };
    assert!(!citizen.anonymous);

    // A second device is the same citizen, with all that the portal said of them, and not longer.
    let of_portal = Citizen { credit_code: Some("91110000100010433L".to_owned()), ..citizen.clone() };
    let way = ContinuationId::new(4);
    let (token, expires_at) = auth.own().second_device_token(of_portal.row(NOW), way, citizen.expires_at).unwrap();
    assert!(expires_at <= citizen.expires_at);
    let second = Citizen { continuation: Some(way), ..of_portal };
    assert_eq!(auth.identify(&token, NOW).await, Ok(Principal::Citizen(second)));
    assert!(auth.portal_claims(&token).is_err());

    // Another installation's.
    let (foreign, _) = Own::new("other").visitor_token(CitizenId::new(9), until).unwrap();
    assert_eq!(auth.identify(&foreign, NOW).await.unwrap_err().code, ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    // {"alg":"none"} {"aud":"bangban:staff","sub":"ag_...","name":"x","exp":9999999999,"role":"supervisor"}
    let token = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJhdWQiOiJiYW5nYmFuOnN0YWZmIiwic3ViIjoiYWdfMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDciLCJuYW1lIjoieCIsImV4cCI6OTk5OTk5OTk5OSwicm9sZSI6InN1cGVydmlzb3IifQ.";
    assert_eq!(auth("p", "s").identify(token, NOW).await.unwrap_err().code, ErrorCode::Unauthenticated);
}

#[test]
fn passwords_are_argon2id() {
    let hash = hash_password("bangban-demo").unwrap();
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    assert!(is_password("bangban-demo", &hash));
    assert!(!is_password("bangban-Demo", &hash));
}

#[test]
fn a_made_secret_is_kept_and_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let first = secret("", dir.path(), "x.secret").unwrap();
    assert!(first.len() >= 32);
    assert_eq!(secret("", dir.path(), "x.secret").unwrap(), first);
    let mode = fs::metadata(dir.path().join("x.secret")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

// --- a portal with keys of its own -----------------------------------------------------------------------------------

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use serde_json::{Value, json};

/// A key pair of a portal: what signs, and what it publishes.
struct Pair {
    id: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
    public: Value,
}

impl Pair {
    fn new(id: &'static str, algorithm: Algorithm) -> Self {
        let random = SystemRandom::new();
        let key = match algorithm {
            Algorithm::EdDSA => {
                let document = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
                let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
                let x = URL_SAFE_NO_PAD.encode(pair.public_key());
                let public = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id, "use": "sig" });
                return Self { id, algorithm, key: EncodingKey::from_ed_der(document.as_ref()), public };
            }
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
                EncodingKey::from_ec_der(pair.as_ref())
            }
            Algorithm::RS256 => {
                let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
                let der: aws_lc_rs::encoding::Pkcs8V1Der = pair.as_der().unwrap();
                // The key itself (PKCS #1) follows 26 bytes that say what it is (RFC 5208).
                EncodingKey::from_rsa_der(&der.as_ref()[26..])
            }
            other => panic!("{other:?}"),
        };
        let mut public = serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap();
        public["kid"] = json!(id);
        public["use"] = json!("sig");
        Self { id, algorithm, key, public }
    }

    fn header(&self) -> Header {
        Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) }
    }

    fn token(&self, claims: &Value) -> String {
        jsonwebtoken::encode(&self.header(), claims, &self.key).unwrap()
    }
}

fn claims() -> Value {
    json!({
        "aud": PORTAL, "iss": "portal", "sub": "u1", "name": "张伟", "exp": NOW.0 / SECOND + 60,
        "kind": "person", "level": "L3", "phone": "13800138000"
    })
}

fn key_set(pairs: &[&Pair]) -> String {
    json!({ "keys": pairs.iter().map(|pair| pair.public.clone()).collect::<Vec<_>>() }).to_string()
}

/// Knows these keys, from a file.
async fn with_keys(dir: &Path, text: &str) -> Result<Auth, KeysError> {
    let file = dir.join("portal.json");
    fs::write(&file, text).unwrap();
    let auth = Auth {
        portal: Portal::Keys(PortalKeys::new(file.to_str().unwrap())),
        issuer: "portal".to_owned(),
        staff: keys("s"),
        staff_minutes: 15,
        seal: Seal::new("s").unwrap(),
        accounts: Arc::default(),
        own: Own::new("c"),
    };
    auth.refresh(NOW).await?;
    Ok(auth)
}

async fn code_of(auth: &Auth, token: &str) -> Option<ErrorCode> {
    auth.identify(token, NOW).await.err().map(|error| error.code)
}

#[tokio::test]
async fn a_portal_signs_with_any_of_its_keys_of_three_kinds() {
    let dir = tempfile::tempdir().unwrap();
    let pairs =
        [("ed", Algorithm::EdDSA), ("ec", Algorithm::ES256), ("rsa", Algorithm::RS256)].map(|(id, a)| Pair::new(id, a));
    let set = key_set(&pairs.each_ref());
    let auth = with_keys(dir.path(), &set).await.unwrap();
    for pair in &pairs {
        let who = auth.identify(&pair.token(&claims()), NOW).await;
        let Ok(Principal::Citizen(citizen)) = who else { panic!("{}: {who:?}", pair.id) };
        assert_eq!((citizen.name.as_str(), citizen.level.as_str()), ("张伟", "L3"));
        // Without a name of the key, the right one is found.
        let bare = jsonwebtoken::encode(&Header::new(pair.algorithm), &claims(), &pair.key).unwrap();
        assert_eq!(code_of(&auth, &bare).await, None, "{}", pair.id);
    }
    assert_eq!(
        auth.portal_token("u1", "x", CitizenKind::Person, None, None, NOW).unwrap_err().code,
        ErrorCode::Forbidden
    );
}

/// The portal's claims, and what a wrong one leads to.
#[tokio::test]
async fn claims_are_taken_as_they_are_and_one_that_cannot_be_true_makes_the_token_worthless() {
    let dir = tempfile::tempdir().unwrap();
    let ed = Pair::new("ed", Algorithm::EdDSA);
    let auth = with_keys(dir.path(), &key_set(&[&ed])).await.unwrap();
    let with = |field: &str, value: Value| {
        let mut claims = claims();
        claims[field] = value;
        ed.token(&claims)
    };
    for (field, value, is_good) in [
        ("credit_code", json!("91110000100010433L"), true),
        ("credit_code", json!("91110000100010433M"), false),
        ("credit_code", json!("9111000010001043"), false),
        ("credit_code", json!(""), false),
        ("credit_code", Value::Null, true),
        ("kind", json!("enterprise"), true),
        ("kind", json!("robot"), false),
        ("level", json!("级".repeat(20)), true),
        ("level", json!("级".repeat(21)), false),
        ("language", json!("en"), true),
        ("language", json!("zh-CN"), true),
        ("language", json!("fr"), true),
    ] {
        let code = code_of(&auth, &with(field, value.clone())).await;
        assert_eq!(code, (!is_good).then_some(ErrorCode::Unauthenticated), "{field} {value}");
    }
    for (said, known) in [("en", Some(Language::English)), ("zh-CN", Some(Language::Chinese)), ("fr", None)] {
        let who = auth.identify(&with("language", json!(said)), NOW).await;
        let Ok(Principal::Citizen(citizen)) = who else { panic!("{who:?}") };
        assert_eq!(citizen.language, known, "{said}");
    }
    let enterprise = json!({
        "aud": PORTAL, "iss": "portal", "sub": "e1", "name": "示例公司", "exp": NOW.0 / SECOND + 60,
        "kind": "enterprise", "level": "L4", "credit_code": "914403001922038216", "language": "en"
    });
    let Ok(Principal::Citizen(citizen)) = auth.identify(&ed.token(&enterprise), NOW).await else { panic!("refused") };
    assert_eq!(citizen.credit_code.as_deref(), Some("914403001922038216"));
    assert_eq!((citizen.kind, citizen.anonymous, citizen.continuation), (CitizenKind::Enterprise, false, None));
}

/// RFC 8725: what has been tried against others.
#[tokio::test]
async fn every_confused_token_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let [ed, rsa] = [("ed", Algorithm::EdDSA), ("rsa", Algorithm::RS256)].map(|(id, a)| Pair::new(id, a));
    let auth = with_keys(dir.path(), &key_set(&[&ed, &rsa])).await.unwrap();
    let refused = Some(ErrorCode::Unauthenticated);

    // Claims that are not for us, or that lack what is needed.
    for (field, value) in [
        ("aud", json!(STAFF)),
        ("aud", json!("another-service")),
        ("aud", Value::Null),
        ("iss", json!("somebody else")),
        ("iss", Value::Null),
        ("sub", json!("")),
        ("exp", Value::Null),
        ("nbf", json!(NOW.0 / SECOND + 61)),
        ("name", json!("名".repeat(101))),
    ] {
        let mut claims = claims();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(field)),
            value => claims[field] = value,
        }
        assert_eq!(code_of(&auth, &ed.token(&claims)).await, refused, "{field}: {claims}");
    }
    let expired = json!({ "aud": PORTAL, "iss": "portal", "sub": "u1", "name": "x", "exp": NOW.0 / SECOND });
    assert_eq!(code_of(&auth, &ed.token(&expired)).await, Some(ErrorCode::TokenExpired));

    // A staff token, signed by the portal.
    let staff = json!({
        "aud": STAFF, "sub": AgentId::new(7).to_string(), "name": "x", "exp": NOW.0 / SECOND + 60, "role": "supervisor"
    });
    assert_eq!(code_of(&auth, &ed.token(&staff)).await, refused);

    // A foreign key under a known name, under none, under a name that is a path, and one that the token brings along.
    let foreign = Pair::new("ed", Algorithm::EdDSA);
    let brought = Header { jwk: serde_json::from_value(foreign.public.clone()).ok(), kid: None, ..foreign.header() };
    let located = Header { jku: Some("http://127.0.0.1:1/keys".to_owned()), ..foreign.header() };
    let injected = Header { kid: Some("../../dev/null".to_owned()), ..foreign.header() };
    let critical = Header { crit: Some(vec!["b64".to_owned()]), ..ed.header() };
    for header in [foreign.header(), Header::new(Algorithm::EdDSA), brought, located, injected] {
        let token = jsonwebtoken::encode(&header, &claims(), &foreign.key).unwrap();
        assert_eq!(code_of(&auth, &token).await, refused, "{header:?}");
    }
    let token = jsonwebtoken::encode(&critical, &claims(), &ed.key).unwrap();
    assert_eq!(code_of(&auth, &token).await, refused, "must be understood, and is not");

    // HS256 with what is public as the secret, under the name of its key.
    let set = fs::read_to_string(dir.path().join("portal.json")).unwrap();
    let modulus = rsa.public["n"].as_str().unwrap().to_owned();
    for secret in [set.as_str(), modulus.as_str(), rsa.public.to_string().as_str(), ""] {
        for kid in [Some("rsa".to_owned()), None] {
            let header = Header { kid, ..Header::new(Algorithm::HS256) };
            let token = jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret.as_bytes())).unwrap();
            assert_eq!(code_of(&auth, &token).await, refused);
        }
    }
    // The right key, and a signature or claims that were changed afterwards; one key's token under the other's name.
    let good = ed.token(&claims());
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let other =
        ed.token(&json!({ "aud": PORTAL, "iss": "portal", "sub": "u2", "name": "x", "exp": NOW.0 / SECOND + 60 }));
    let other_body = other.split('.').nth(1).unwrap();
    for token in [format!("{head}.{other_body}.{signature}"), format!("{head}.{body}."), format!("{head}.{body}")] {
        assert_eq!(code_of(&auth, &token).await, refused);
    }
    let swapped =
        jsonwebtoken::encode(&Header { kid: Some("rsa".to_owned()), ..ed.header() }, &claims(), &ed.key).unwrap();
    assert_eq!(code_of(&auth, &swapped).await, refused);
    // {"alg":"none","kid":"ed"}
    assert_eq!(code_of(&auth, &format!("eyJhbGciOiJub25lIiwia2lkIjoiZWQifQ.{body}.")).await, refused);
    assert_eq!(code_of(&auth, &good).await, None, "the good one is still good");
}

#[tokio::test]
async fn keys_of_a_file_can_be_changed_and_what_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|id| Pair::new(id, Algorithm::EdDSA));
    let auth = with_keys(dir.path(), &key_set(&[&old])).await.unwrap();
    assert_eq!(code_of(&auth, &new.token(&claims())).await, Some(ErrorCode::Unauthenticated));
    fs::write(dir.path().join("portal.json"), key_set(&[&new])).unwrap();
    // Not at every unknown key: anybody can send those.
    assert_eq!(code_of(&auth, &new.token(&claims())).await, Some(ErrorCode::Unauthenticated));
    let later = NOW + 10 * SECOND;
    assert!(auth.identify(&new.token(&claims()), later).await.is_ok());
    assert!(auth.identify(&old.token(&claims()), later).await.is_err(), "withdrawn");

    fs::write(dir.path().join("portal.json"), "half a fi").unwrap();
    assert!(matches!(auth.refresh(later).await, Err(KeysError::NoKey)));
    assert!(auth.identify(&new.token(&claims()), later).await.is_ok(), "what is known stays");

    let mut private = old.public.clone();
    private["d"] = json!("secret");
    for (text, named) in [
        (json!({ "keys": [private] }).to_string(), "private key"),
        ("-----BEGIN PRIVATE KEY-----\n".to_owned(), "private key"),
        (json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] }).to_string(), "no Ed25519"),
        (json!({ "keys": [] }).to_string(), "no Ed25519"),
        ("x".repeat(65 * 1024), "longer than"),
    ] {
        let error = with_keys(dir.path(), &text).await.err().unwrap().to_string();
        assert!(error.contains(named), "{error}");
    }
    let nowhere = PortalKeys::new("/nowhere/keys.json");
    assert!(nowhere.refresh(NOW).await.unwrap_err().to_string().starts_with("/nowhere/keys.json cannot be read"));
}

#[tokio::test]
async fn keys_behind_an_address_are_looked_for_when_a_token_names_a_new_one() {
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    };
    let [old, new] = ["old", "new"].map(|id| Pair::new(id, Algorithm::ES256));
    let published = Arc::new(Mutex::new(key_set(&[&old])));
    let asked = Arc::new(AtomicU32::new(0));
    let (shown, count) = (Arc::clone(&published), Arc::clone(&asked));
    let page = axum::routing::get(move || {
        count.fetch_add(1, Ordering::Relaxed);
        let text = shown.lock().unwrap().clone();
        async { text }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/keys", listener.local_addr().unwrap());
    let portal = tokio::spawn(axum::serve(listener, axum::Router::new().route("/keys", page)).into_future());

    let portal_keys = Portal::Keys(PortalKeys::new(&address));
    let auth = Auth {
        portal: portal_keys,
        issuer: String::new(),
        staff: keys("s"),
        staff_minutes: 15,
        seal: Seal::new("s").unwrap(),
        accounts: Arc::default(),
        own: Own::new("c"),
    };
    assert_eq!(code_of(&auth, &old.token(&claims())).await, None, "found when they were first needed");
    *published.lock().unwrap() = key_set(&[&old, &new]);
    let later = NOW + 10 * SECOND;
    let tokens: Vec<String> = (0..20).map(|_| new.token(&claims())).collect();
    let answers = futures_util::future::join_all(tokens.iter().map(|token| auth.identify(token, later))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(asked.load(Ordering::Relaxed), 2, "twenty at once, one question");

    // The portal is away: what is known stays.
    portal.abort();
    portal.await.ok();
    assert!(matches!(auth.refresh(later).await, Err(KeysError::Url(..))));
    assert!(auth.identify(&new.token(&claims()), later).await.is_ok());
    let empty = Portal::Keys(PortalKeys::new(&address));
    let auth = Auth {
        portal: empty,
        issuer: String::new(),
        staff: keys("s"),
        staff_minutes: 15,
        seal: Seal::new("s").unwrap(),
        accounts: Arc::default(),
        own: Own::new("c"),
    };
    assert_eq!(code_of(&auth, &new.token(&claims())).await, Some(ErrorCode::Busy), "try again");
}
