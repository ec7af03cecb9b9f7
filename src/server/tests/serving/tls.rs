//! TLS: what is spoken, and certificates that are renewed while the server runs.

use std::{path::Path, sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
    version::{TLS12, TLS13},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
    time::sleep,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{client_async, tungstenite::Message};

use crate::support::{PATIENCE, Server};

/// An authority, and what it has signed lies in a folder.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, dir: tempfile::tempdir().unwrap() }
    }

    fn sign(&self, until: i32) -> (CertificateDer<'static>, String, String) {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), certificate.pem(), key.serialize_pem())
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// Puts a new pair where the server reads it; gives the certificate.
    fn renew(&self, until: i32) -> CertificateDer<'static> {
        let (der, certificate, key) = self.sign(until);
        std::fs::write(self.path("certificate.pem"), certificate).unwrap();
        std::fs::write(self.path("key.pem"), key).unwrap();
        der
    }

    async fn server(&self) -> Server {
        let (certificate, key) = (self.path("certificate.pem"), self.path("key.pem"));
        let settings = [
            ("BANGBAN__HTTP__TLS_CERTIFICATE", certificate.as_str()),
            ("BANGBAN__HTTP__TLS_KEY", key.as_str()),
            ("BANGBAN__HTTP__METRICS_LISTEN", "127.0.0.1:0"),
        ];
        Server::start(&["--demo"], &settings).await
    }

    async fn connect(&self, server: &Server, version: &'static SupportedProtocolVersion) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(&server.address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }

    /// What the server shows.
    async fn shown(&self, server: &Server) -> CertificateDer<'static> {
        let stream = self.connect(server, &TLS13).await;
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    }

    fn http(&self) -> reqwest::Client {
        let root = reqwest::Certificate::from_der(self.issuer.der()).unwrap();
        reqwest::Client::builder().tls_certs_only([root]).build().unwrap()
    }
}

#[tokio::test]
async fn pages_and_web_sockets_run_over_tls_1_2_and_1_3() {
    let authority = Authority::new();
    authority.renew(2060);
    let server = authority.server().await;
    let reply = authority.http().get(format!("https://{}/api/config", server.address)).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(reply.headers()["strict-transport-security"], "max-age=31536000");
    let body = json!({ "citizen": "demo-citizen-1" }).to_string();
    let asked = authority.http().post(format!("https://{}/api/demo/token", server.address)).body(body);
    let token = asked.send().await.unwrap().json::<Value>().await.unwrap()["token"].clone();

    for (version, spoken) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let stream = authority.connect(&server, version).await;
        let session = stream.get_ref().1;
        assert_eq!(session.protocol_version(), Some(spoken));
        assert_eq!(session.alpn_protocol(), Some(b"http/1.1".as_slice()));
        let (mut socket, _) = client_async(format!("wss://{}/ws", server.address), stream).await.unwrap();
        let hello = json!({ "ref": 1, "body": { "type": "hello", "token": token, "protocol": 1 } });
        socket.send(Message::text(hello.to_string())).await.unwrap();
        let answer = socket.next().await.unwrap().unwrap().into_text().unwrap();
        assert!(answer.contains(r#""type":"welcome""#), "{answer}");
    }
    // Whoever speaks plain HTTP here gets no answer, and harms nobody.
    let plain = reqwest::get(format!("http://{}/", server.address)).await;
    assert!(plain.is_err());
    authority.shown(&server).await;
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_without_a_restart_and_a_bad_one_never() {
    let authority = Authority::new();
    let first = authority.renew(2060);
    let mut server = authority.server().await;
    assert_eq!(authority.shown(&server).await, first);

    let mut standing = authority.connect(&server, &TLS13).await;
    let second = authority.renew(2070);
    until(async || authority.shown(&server).await == second).await;

    // Who was connected before has noticed nothing.
    standing.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    standing.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");

    // A key that does not belong to it.
    let (_, _, foreign) = authority.sign(2080);
    let good = std::fs::read(authority.path("key.pem")).unwrap();
    std::fs::write(authority.path("key.pem"), foreign).unwrap();
    until(async || server.log().contains("http.tls_key: does not belong to http.tls_certificate")).await;
    assert_eq!(authority.shown(&server).await, second);
    std::fs::write(authority.path("key.pem"), good).unwrap();
    // One whose time is over.
    authority.renew(2001);
    until(async || server.log().contains("its time is over since 2001-01-01")).await;
    assert_eq!(authority.shown(&server).await, second);
    std::fs::remove_file(authority.path("key.pem")).unwrap();
    until(async || server.log().contains("cannot be read; the old one stays")).await;
    assert_eq!(authority.shown(&server).await, second);

    assert!(server.metrics().await.contains("bangban_tls_certificate_expires_at_seconds 3155760000"));
}

/// Soon: files are looked at every 5 s.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let patience = tokio::time::Instant::now() + 2 * PATIENCE;
    while !holds().await {
        assert!(tokio::time::Instant::now() < patience, "not in time");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn check_config_reads_the_pair_and_says_what_is_wrong() {
    let authority = Authority::new();
    let check = async |certificate: &str, key: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_bangban"))
            .arg("check-config")
            .env("BANGBAN__HTTP__TLS_CERTIFICATE", authority.path(certificate))
            .env("BANGBAN__HTTP__TLS_KEY", authority.path(key))
            .output()
            .await
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let write = |name: &str, text: &str| std::fs::write(Path::new(&authority.path(name)), text).unwrap();
    for (name, year) in [("good", 2060), ("over", 2001)] {
        let (_, certificate, key) = authority.sign(year);
        write(&format!("{name}.pem"), &certificate);
        write(&format!("{name}.key"), &key);
    }
    let (is_fine, told, _) = check("good.pem", "good.key").await;
    assert!(is_fine && told.contains("the certificate is good until 2060-01-01T00:00:00Z"), "{told}");
    for (certificate, key, expected) in [
        ("good.pem", "over.key", "http.tls_key: does not belong to http.tls_certificate"),
        ("over.pem", "over.key", "http.tls_certificate: its time is over since 2001-01-01"),
        ("none.pem", "good.key", "none.pem cannot be read"),
        ("good.key", "good.key", "http.tls_certificate: holds no certificate"),
    ] {
        let (is_fine, _, told) = check(certificate, key).await;
        assert!(!is_fine && told.contains(expected), "{told} is not {expected}");
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_that_ends_tls_the_promise_is_made_for_it() {
    let trusting = ("BANGBAN__HTTP__TRUSTED_PROXIES", r#"["127.0.0.1"]"#);
    let (hour, never) = (("BANGBAN__HTTP__HSTS_SECONDS", "3600"), ("BANGBAN__HTTP__HSTS_SECONDS", "0"));
    for (settings, scheme, expected) in [
        (vec![trusting, hour], "https", "max-age=3600"),
        (vec![trusting, hour], "http", ""),
        (vec![trusting, never], "https", ""),
        (vec![hour], "https", ""),
    ] {
        let server = Server::start(&["--demo"], &settings).await;
        let reply = server.exchange(&format!("GET /nothing\nX-Forwarded-Proto: {scheme}"), "").await;
        assert_eq!(reply.header("strict-transport-security"), expected, "{settings:?} {scheme}");
    }
}
