//! The certificate that we show: read from files, and again when they change, so that it is renewed without a restart.
//! A new pair that cannot be used is not taken: connections go on with the old one, and the log says why.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use bangban_domain::{Timestamp, time::SECOND};
use metrics::gauge;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::{clock::Clock, watch::Watched};

const CERTIFICATE: &str = "http.tls_certificate";
const KEY: &str = "http.tls_key";

/// Where the pair is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, our own certificate first (PEM).
    pub certificate: PathBuf,
    /// The private key (PEM).
    pub key: PathBuf,
}

impl TlsFiles {
    fn read(&self) -> Result<[Vec<u8>; 2], TlsError> {
        let read = |key, path: &Path| {
            std::fs::read(path).map_err(|source| TlsError::File { key, path: path.to_owned(), source })
        };
        Ok([read(CERTIFICATE, &self.certificate)?, read(KEY, &self.key)?])
    }
}

/// A pair that cannot be used; names the key of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{key}: {path} cannot be read")]
    File {
        /// Of the configuration.
        key: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{key}: {problem}")]
    Content {
        /// Of the configuration.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
}

fn content(key: &'static str, problem: impl Into<String>) -> TlsError {
    TlsError::Content { key, problem: problem.into() }
}

/// A certificate with its key, which fit together.
#[derive(Debug, Clone)]
pub struct Pair {
    certified: Arc<CertifiedKey>,
    begins_at: Timestamp,
    ends_at: Timestamp,
}

impl Pair {
    /// Reads the files.
    ///
    /// # Errors
    /// Names the key of the configuration.
    pub fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let [certificate, key] = files.read()?;
        Self::parse(&certificate, &key)
    }

    fn parse(certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| content(CERTIFICATE, format!("is not PEM: {error:?}")))?;
        let own = chain.first().ok_or_else(|| content(CERTIFICATE, "holds no certificate (PEM)"))?;
        let (begins_at, ends_at) = validity(own).ok_or_else(|| content(CERTIFICATE, "holds no X.509 certificate"))?;
        // Without the cause: it could quote the key.
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| content(KEY, "holds no private key (PEM)"))?;
        let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => content(KEY, format!("does not belong to {CERTIFICATE}")),
            other => content(KEY, format!("cannot be used: {other}")),
        })?;
        Ok(Self { certified: Arc::new(certified), begins_at, ends_at })
    }

    /// Is it good at this time?
    ///
    /// # Errors
    /// Says that its time is over, or has not come.
    pub fn check_time(&self, now: Timestamp) -> Result<(), TlsError> {
        if now >= self.ends_at {
            return Err(content(CERTIFICATE, format!("its time is over since {}", Date(self.ends_at))));
        }
        if now < self.begins_at {
            return Err(content(CERTIFICATE, format!("its time has not come before {}", Date(self.begins_at))));
        }
        Ok(())
    }

    /// When it ends.
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        self.ends_at
    }
}

/// An instant for people.
pub struct Date(pub Timestamp);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0.0) {
            Ok(at) => at.fmt(f),
            Err(_) => self.0.0.fmt(f),
        }
    }
}

fn validity(certificate: &CertificateDer<'_>) -> Option<(Timestamp, Timestamp)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let at = |seconds: i64| Timestamp(seconds * SECOND);
    let validity = certificate.validity();
    Some((at(validity.not_before.timestamp()), at(validity.not_after.timestamp())))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// What new connections are shown.
pub struct Certificates {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
}

#[derive(Debug)]
struct Shown(RwLock<Pair>);

impl Shown {
    fn pair(&self) -> Pair {
        // Replaced whole, so a panic elsewhere has not harmed it.
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.pair().certified)
    }
}

impl Certificates {
    /// Reads the files; gives them back for [`Certificates::keep_fresh`].
    ///
    /// # Errors
    /// Names the key of the configuration.
    pub fn open(files: &TlsFiles) -> Result<(Self, Watched), TlsError> {
        let [certificate, key] = files.read()?;
        let pair = Pair::parse(&certificate, &key)?;
        let certificates = Self::new(pair).map_err(|error| content(CERTIFICATE, error.to_string()))?;
        let paths = vec![files.certificate.clone(), files.key.clone()];
        Ok((certificates, Watched::new(paths, vec![certificate, key])))
    }

    /// TLS 1.2 and 1.3, HTTP/1.1 (a WebSocket needs it), tickets so that a thousand reconnections are cheap.
    fn new(pair: Pair) -> Result<Self, rustls::Error> {
        let shown = Arc::new(Shown(RwLock::new(pair)));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as _);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        let certificates = Self { acceptor: TlsAcceptor::from(Arc::new(config)), shown };
        certificates.tell();
        Ok(certificates)
    }

    /// Says so if the certificate's time is over: clients will not like it, but a start must not fail by it.
    pub fn warn_if_over(&self, now: Timestamp) {
        if let Err(error) = self.shown.pair().check_time(now) {
            tracing::warn!(%error, "the certificate is not good now");
        }
    }

    /// For one handshake.
    #[must_use]
    pub const fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    fn tell(&self) {
        let seconds = self.shown.pair().ends_at.0 / SECOND;
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        gauge!("bangban_tls_certificate_expires_at_seconds").set(seconds as f64);
    }

    /// Takes a new pair when the files have changed. Never ends.
    pub async fn keep_fresh(&self, mut watched: Watched, clock: Clock) {
        loop {
            let read = watched.changed().await;
            let taken = match read.as_deref() {
                Ok([certificate, key]) => Pair::parse(certificate, key),
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, "the certificate's files cannot be read; the old one stays");
                    continue;
                }
            };
            match taken.and_then(|pair| pair.check_time(clock.now()).map(|()| pair)) {
                Ok(pair) => {
                    tracing::info!(ends_at = %Date(pair.ends_at), "a new certificate");
                    *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = pair;
                    self.tell();
                }
                Err(error) => tracing::warn!(%error, "the new certificate cannot be used; the old one stays"),
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made(from: i32, to: i32) -> (String, String) {
        let mut params = CertificateParams::new(vec!["help.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    pub(crate) fn certificates() -> Certificates {
        let (certificate, key) = made(2020, 2060);
        Certificates::new(Pair::parse(certificate.as_bytes(), key.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_pair_has_to_fit_and_its_time_is_read() {
        let (certificate, key) = made(2020, 2060);
        let pair = Pair::parse(certificate.as_bytes(), key.as_bytes()).unwrap();
        // Both ways in which X.509 writes a year: before 2050 and after.
        let at = |seconds: i64| Timestamp(seconds * SECOND);
        assert_eq!((pair.begins_at, pair.ends_at), (at(1_577_836_800), at(2_840_140_800)));
        for (now, named) in [
            (at(1_577_836_799), Some("its time has not come before 2020-01-01T00:00:00Z")),
            (at(1_577_836_800), None),
            (at(2_840_140_799), None),
            (at(2_840_140_800), Some("its time is over since 2060-01-01T00:00:00Z")),
        ] {
            let told = pair.check_time(now).err().map(|error| error.to_string());
            assert_eq!(told, named.map(|text| format!("http.tls_certificate: {text}")));
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_and_no_key_is_quoted() {
        let ((certificate, key), (_, other)) = (made(2020, 2060), made(2020, 2060));
        let half = &key[..key.len() / 2];
        for (certificate, key, named) in [
            (certificate.as_str(), other.as_str(), "http.tls_key: does not belong to http.tls_certificate"),
            (&key, &key, "http.tls_certificate: holds no certificate"),
            (&certificate, &certificate, "http.tls_key: holds no private key"),
            (&certificate, half, "http.tls_key: holds no private key"),
            ("", &key, "http.tls_certificate: holds no certificate"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                &key,
                "http.tls_certificate: holds no X.509 certificate",
            ),
        ] {
            let told = Pair::parse(certificate.as_bytes(), key.as_bytes()).unwrap_err().to_string();
            assert!(told.starts_with(named), "{told} is not {named}");
        }
        let files = TlsFiles { certificate: "/nowhere/a.pem".into(), key: "/nowhere/b.pem".into() };
        let told = Pair::read(&files).unwrap_err().to_string();
        assert_eq!(told, "http.tls_certificate: /nowhere/a.pem cannot be read");
    }
}
