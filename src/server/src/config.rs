//! Configuration: `config/default.toml` (embedded, documents every key) < file < environment `BANGBAN__SECTION__KEY`.

mod calls;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use bangban_bus::Redis;
use bangban_domain::{
    alert::Thresholds,
    calendar::{Calendar, CalendarFile, Holidays, Hours},
    privacy::Data as Kept,
    routing::Settings,
    time::{MINUTE, Millis, SECOND},
    words::Role,
};
use bangban_protocol::IcePolicy;
use bangban_store::Database;
use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use serde::Deserialize;

use crate::{
    files::known_endings,
    http::{ANY_ORIGIN, Class, ForwardedHeader, Proxies, is_origin},
    throttle::{LoginPolicy, Rate},
    tls::TlsFiles,
};

pub use calls::{Calls, Telephony, TrunkKeys};

const DEFAULTS: &str = include_str!("../../../config/default.toml");
const HOLIDAYS: &str = include_str!("../../../config/calendar/holidays_cn.json");

/// A configuration that cannot be used; names the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Missing, unknown or of the wrong type.
    #[error("configuration: {0}")]
    Shape(Box<figment::Error>),
    /// A value out of its bounds.
    #[error("configuration: {key}: {problem}")]
    Value {
        /// The key, e.g. `sla.warn_seconds`.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The file of `--config` is not there.
    #[error("configuration file {0} cannot be read")]
    File(PathBuf),
}

/// All keys; see `config/default.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[http]`.
    pub http: Http,
    /// `[data]`.
    pub data: Data,
    /// `[bus]`.
    pub bus: BusKeys,
    /// `[auth]`.
    pub auth: Auth,
    /// `[citizen]`.
    pub citizen: Citizen,
    /// `[kiosk]`.
    pub kiosk: Kiosk,
    /// `[oidc]`.
    pub oidc: OidcKeys,
    /// `[service]`.
    pub service: Service,
    /// `[sla]`.
    pub sla: Sla,
    /// `[limits]`.
    pub limits: Limits,
    /// `[files]`.
    pub files: Files,
    /// `[privacy]`.
    pub privacy: Privacy,
    /// `[notify]`.
    pub notify: NotifyKeys,
    /// `[connectors]`.
    pub connectors: Connectors,
    /// `[media]`.
    pub media: Media,
    /// `[calls]`.
    pub calls: Calls,
    /// `[telephony]`.
    pub telephony: Telephony,
    /// `[log]`.
    pub log: Log,
}

/// `[privacy]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// Hour of the day at which retention runs.
    pub retention_hour: u8,
    /// Days that threads are kept.
    pub threads_days: u32,
    /// Days that files are kept.
    pub files_days: u32,
    /// Days that names and telephones are kept.
    pub people_days: u32,
    /// Days that receipts are kept.
    pub receipts_days: u32,
    /// Days that messages are kept that were sent, given up or dropped.
    pub messages_days: u32,
    /// Days that ended sessions of staff are kept.
    pub sessions_days: u32,
    /// Days that the audit log is kept.
    pub audit_days: u32,
    /// Reveals of one member of staff at once.
    pub reveal_burst: u32,
    /// Seconds for one more.
    pub reveal_seconds: u32,
}

impl Privacy {
    /// How long a kind of data is kept if no record says otherwise.
    #[must_use]
    pub const fn days(&self, data: Kept) -> u32 {
        match data {
            Kept::Threads => self.threads_days,
            Kept::Files => self.files_days,
            Kept::People => self.people_days,
            Kept::Receipts => self.receipts_days,
            Kept::Messages => self.messages_days,
            Kept::Sessions => self.sessions_days,
            Kept::Audit => self.audit_days,
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.retention_hour > 23 {
            return Err(ConfigError::Value { key: "privacy.retention_hour", problem: "must be 0 to 23".to_owned() });
        }
        for (key, data) in [
            ("privacy.threads_days", Kept::Threads),
            ("privacy.files_days", Kept::Files),
            ("privacy.people_days", Kept::People),
            ("privacy.receipts_days", Kept::Receipts),
            ("privacy.messages_days", Kept::Messages),
            ("privacy.sessions_days", Kept::Sessions),
            ("privacy.audit_days", Kept::Audit),
        ] {
            let least = data.least_days();
            if !(least..=36_500).contains(&self.days(data)) {
                return Err(ConfigError::Value { key, problem: format!("must be {least} to 36500") });
            }
        }
        Ok(())
    }
}

/// `[http]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port.
    pub listen: String,
    /// Origins whose pages may embed the widget.
    pub portal_origins: Vec<String>,
    /// Certificate chain, PEM; empty: plain HTTP.
    pub tls_certificate: String,
    /// Its private key, PEM.
    pub tls_key: String,
    /// How long browsers shall come by TLS only.
    pub hsts_seconds: u32,
    /// Addresses and networks of the proxies in front of us.
    pub trusted_proxies: Vec<String>,
    /// What they write.
    pub forwarded_header: ForwardedHeader,
    /// Address and port of the metrics; empty: none.
    pub metrics_listen: String,
}

/// `[data]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Folder.
    pub dir: PathBuf,
    /// PostgreSQL instead of SQLite.
    pub url: String,
    /// PostgreSQL's password.
    pub password: String,
}

impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Data").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// `[bus]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusKeys {
    /// Redis; empty: none.
    pub url: String,
    /// Redis' password.
    pub password: String,
    /// Pub/sub channel.
    pub channel: String,
}

impl std::fmt::Debug for BusKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BusKeys").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// `[auth]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Where the portal's public keys are; empty: it signs with `portal_secret`.
    pub portal_keys: String,
    /// The portal's name in its tokens; empty: any.
    pub portal_issuer: String,
    /// Signs citizens' tokens.
    pub portal_secret: String,
    /// Signs staff's tokens.
    pub staff_secret: String,
    /// Signs the tokens of visitors and second devices.
    pub citizen_secret: String,
    /// How long one token of staff is good.
    pub staff_token_minutes: u32,
    /// A session ends after so long without a renewal.
    pub staff_idle_minutes: u32,
    /// ... and after so long in any case.
    pub staff_session_hours: u32,
    /// Roles that have to show a second factor.
    pub totp_required: Vec<Role>,
    /// So many wrong passwords lock a staff number.
    pub wrong_per_login: u32,
    /// So many lock an address.
    pub wrong_per_address: u32,
    /// Span within which they count.
    pub wrong_minutes: u32,
    /// Length of the lock.
    pub lock_minutes: u32,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("staff_token_minutes", &self.staff_token_minutes).finish_non_exhaustive()
    }
}

/// `[oidc]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcKeys {
    /// Its address; empty: none.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// The proof of it.
    pub client_secret: String,
    /// Where browsers reach us.
    pub public_url: String,
    /// The claim that is the staff number.
    pub claim: String,
    /// What we ask for.
    pub scopes: Vec<String>,
    /// What the button says.
    pub label: String,
    /// Makes accounts without rights.
    pub create: bool,
}

impl std::fmt::Debug for OidcKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcKeys").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl OidcKeys {
    fn check(&self) -> Result<(), ConfigError> {
        if self.issuer.is_empty() {
            return Ok(());
        }
        let value = |key, problem: &str| Err(ConfigError::Value { key, problem: problem.to_owned() });
        let is_address =
            |text: &str| reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_address(&self.issuer) {
            return value("oidc.issuer", "must be an address such as \"https://login.example\"");
        }
        if !is_origin(&self.public_url) {
            return value("oidc.public_url", "must be an address such as \"https://bangban.example\", without a path");
        }
        for (key, text) in
            [("oidc.client_id", &self.client_id), ("oidc.claim", &self.claim), ("oidc.label", &self.label)]
        {
            if text.is_empty() {
                return value(key, "must be set with oidc.issuer");
            }
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return value("oidc.scopes", "must contain \"openid\"");
        }
        Ok(())
    }
}

/// `[citizen]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Citizen {
    /// May people ask who are not logged in?
    pub anonymous: bool,
    /// Life of such an identity without use.
    pub anonymous_days: u32,
    /// Identities for one address within an hour.
    pub anonymous_per_hour: u32,
    /// Addresses without that limit.
    pub hall_addresses: Vec<IpAddr>,
    /// Messages at once of one visitor.
    pub anonymous_burst: u32,
    /// Then one in so many seconds.
    pub anonymous_seconds: u32,
    /// Uploads of one visitor within an hour.
    pub anonymous_files_per_hour: u32,
    /// Their size.
    pub anonymous_mib_per_hour: u32,
    /// Life of a code for a second device.
    pub continue_seconds: u32,
    /// So many wrong codes lock an address.
    pub wrong_codes: u32,
    /// So many wrong proofs lock a receipt.
    pub wrong_per_receipt: u32,
    /// So many wrong proofs lock an address.
    pub wrong_per_address: u32,
    /// Span within which they count.
    pub wrong_minutes: u32,
    /// Length of the lock.
    pub lock_minutes: u32,
}

/// `[kiosk]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kiosk {
    /// Without a touch for so long it asks.
    pub idle_seconds: u32,
    /// And waits for so long.
    pub answer_seconds: u32,
}

/// `[service]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// When humans answer.
    pub hours: HoursKey,
    /// Periods of a working day.
    pub periods: Vec<String>,
    /// Length of a call-back slot.
    pub slot_minutes: u16,
    /// People in one slot.
    pub slot_capacity: u16,
    /// So long before the slot of a promised call-back team and citizen are reminded of it.
    pub call_back_remind_minutes: u16,
    /// So long before the end of a duty the agent is reminded of it.
    pub remind_minutes: u16,
    /// File of words that staff must not write to citizens; empty: none.
    pub word_list: String,
    /// Does the agent see that a supervisor reads along?
    pub show_monitors: bool,
}

/// `service.hours`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoursKey {
    /// Periods of working days.
    Calendar,
    /// Round the clock.
    Always,
    /// Never.
    Never,
}

/// `[sla]`, all in seconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    warn_seconds: u32,
    alert_seconds: u32,
    breach_seconds: u32,
    offer_seconds: u32,
    missed_break_seconds: u32,
    suspect_seconds: u32,
    lost_seconds: u32,
    parallel_seconds: u32,
    parallel_offers: u8,
    needs_seconds: u32,
    preferred_seconds: u32,
    idle_seconds: u32,
    beyond_capacity: u32,
    /// Rings: when the same line in neighbouring districts, the city's team and the general one are asked.
    neighbours_seconds: u32,
    city_seconds: u32,
    general_seconds: u32,
    head_start_seconds: u32,
    next_response_seconds: u32,
    /// When the state of a team is an alert.
    queue_alert: u32,
    wait_alert_seconds: u32,
    coverage_alert_seconds: u32,
}

/// When further teams are asked for a queue (spans after the request), and how much earlier first priority counts as
/// having asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Widening {
    /// The same line of work in neighbouring districts.
    pub neighbours: Millis,
    /// The city's team.
    pub city: Millis,
    /// The general team.
    pub general: Millis,
    /// Of first priority.
    pub head_start: Millis,
}

/// `[limits]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bound of the desk's mailbox and the writer's queue.
    pub mailbox: usize,
    /// Bound of one socket's queue, in frames.
    pub socket_queue: usize,
    /// Commands at once of one citizen.
    pub citizen_burst: u32,
    /// Commands a second of one citizen.
    pub citizen_per_second: u32,
    /// Commands at once of one member of staff.
    pub staff_burst: u32,
    /// Commands a second of one member of staff.
    pub staff_per_second: u32,
    /// Requests of one address.
    pub address: AddressRates,
    /// WebSockets that one address may have open.
    pub open_sockets: u32,
}

/// `[limits.address]`: a rate for each class of routes; a burst of 0: no limit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressRates {
    pages: Rate,
    login: Rate,
    api: Rate,
    files: Rate,
    sockets: Rate,
}

/// `[files]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Where finished files are.
    pub store: FileStore,
    /// Address of the S3 server.
    pub s3_endpoint: String,
    /// Its region.
    pub s3_region: String,
    /// The bucket.
    pub s3_bucket: String,
    /// Who we are there.
    pub s3_access_key: String,
    /// The proof of it.
    pub s3_secret_key: String,
    /// Largest picture.
    pub image_mib: u32,
    /// Most pixels of a picture.
    pub image_megapixels: u32,
    /// Largest document.
    pub file_mib: u32,
    /// Largest voice message.
    pub voice_mib: u32,
    /// Longest voice message.
    pub voice_seconds: u32,
    /// Endings of documents that are taken.
    pub endings: Vec<String>,
    /// How long an upload is kept that nobody finishes or sends.
    pub keep_hours: u32,
    /// How long an address is good, at least.
    pub link_minutes: u32,
    /// Uploads of one citizen within an hour.
    pub citizen_files_per_hour: u32,
    /// Their size.
    pub citizen_mib_per_hour: u32,
    /// Uploads of one member of staff within an hour.
    pub staff_files_per_hour: u32,
    /// Their size.
    pub staff_mib_per_hour: u32,
    /// The virus scanner, program and arguments.
    pub scan_command: Vec<String>,
    /// How long it may take.
    pub scan_seconds: u32,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("store", &self.store).finish_non_exhaustive()
    }
}

/// `files.store`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStore {
    /// The folder `files` in `data.dir`.
    Local,
    /// A bucket.
    S3,
}

/// `[notify]`: the ways to people and systems outside.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotifyKeys {
    /// Nobody is disturbed from this time of the day ...
    pub quiet_from: String,
    /// ... to this one.
    pub quiet_to: String,
    /// Networks and names that may be reached although they are not public.
    pub allow: Vec<String>,
    /// Short messages.
    pub sms: HttpKeys,
    /// Messages of the portal.
    pub portal: HttpKeys,
    /// E-mail.
    pub smtp: SmtpKeys,
    /// Other systems, by name.
    pub webhooks: BTreeMap<String, HookKeys>,
}

/// A receiver over HTTP.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpKeys {
    /// Its address; empty: none.
    pub url: String,
    /// What proves that it is us; empty: nothing.
    pub token: String,
}

/// `[notify.smtp]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpKeys {
    /// Name of the server; empty: none.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way is encrypted.
    pub security: SmtpSecurity,
    /// Who we are there; empty: nobody asks.
    pub user: String,
    /// The proof of it.
    pub password: String,
    /// Our address.
    pub from: String,
    /// Mailboxes of units, by their codes.
    pub mailboxes: BTreeMap<String, String>,
}

/// How the way to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpSecurity {
    /// From the first byte.
    Tls,
    /// By `STARTTLS`, or not at all: without it nothing is sent.
    Starttls,
    /// Not: for a server on the same machine.
    None,
}

/// A webhook (Standard Webhooks).
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookKeys {
    /// Its address.
    pub url: String,
    /// `whsec_` and base64.
    pub secret: String,
    /// The one before, while the receiver changes it; empty: none.
    #[serde(default)]
    pub previous_secret: String,
}

impl std::fmt::Debug for NotifyKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NotifyKeys").field("allow", &self.allow).finish_non_exhaustive()
    }
}

impl NotifyKeys {
    fn check(&self) -> Result<(), ConfigError> {
        crate::outbox::check(self).map_err(|(key, problem)| ConfigError::Value { key, problem })
    }
}

/// `[connectors]`: systems of the offices.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connectors {
    /// What carries actions out.
    pub actions: ActionKeys,
    /// What recognises speech.
    pub speech: SpeechKeys,
    /// What says answers in other words.
    pub rephrase: RephraseKeys,
}

/// `[connectors.actions]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionKeys {
    /// Its address; empty: none.
    pub url: String,
    /// What proves that it is us; empty: nothing.
    pub token: String,
    /// Longest wait for an answer.
    pub seconds: u32,
    /// Actions of one citizen within a day.
    pub per_day: u32,
}

impl std::fmt::Debug for ActionKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActionKeys").field("seconds", &self.seconds).finish_non_exhaustive()
    }
}

/// `[connectors.speech]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeechKeys {
    /// Its address; empty: none.
    pub url: String,
    /// What proves that it is us; empty: nothing.
    pub token: String,
    /// What it calls the model.
    pub model: String,
    /// Longest wait for an answer.
    pub seconds: u32,
}

impl std::fmt::Debug for SpeechKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpeechKeys").field("model", &self.model).finish_non_exhaustive()
    }
}

/// `[connectors.rephrase]`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RephraseKeys {
    /// Its address; empty: none.
    pub url: String,
    /// What proves that it is us; empty: nothing.
    pub token: String,
    /// What it calls the model.
    pub model: String,
    /// Longest wait for an answer, in milliseconds.
    pub milliseconds: u32,
    /// Answers that may be on their way at once.
    pub at_once: u32,
}

impl std::fmt::Debug for RephraseKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RephraseKeys").field("model", &self.model).finish_non_exhaustive()
    }
}

impl Connectors {
    fn check(&self, notify: &NotifyKeys) -> Result<(), ConfigError> {
        crate::connectors::actions::check(&self.actions, &notify.allow)
            .and_then(|()| crate::connectors::speech::check(&self.speech, &notify.allow))
            .and_then(|()| crate::connectors::rephrase::check_keys(&self.rephrase, &notify.allow))
            .map_err(|(key, problem)| ConfigError::Value { key, problem })
    }
}

/// `[media]`: virtual windows.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Can windows be asked for?
    pub enabled: bool,
    /// UDP address and port.
    pub listen: String,
    /// What browsers are told to send to; empty: found out.
    pub public: String,
    /// Media threads.
    pub threads: usize,
    /// Windows that may be agreed upon or live at once; 0: as many as come.
    pub most_live: usize,
    /// TURN servers.
    pub turn_urls: Vec<String>,
    /// The secret that they share with us.
    pub turn_secret: String,
    /// Which ways browsers may try.
    pub policy: IcePolicy,
}

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Media").field("enabled", &self.enabled).field("listen", &self.listen).finish_non_exhaustive()
    }
}

/// More threads than any machine has processors to spare for.
const MOST_MEDIA_THREADS: usize = 64;

impl Media {
    /// Where the port is opened, and what browsers are told, if that is said.
    ///
    /// # Errors
    /// Names the key.
    pub fn addresses(&self) -> Result<(SocketAddr, Option<SocketAddr>), ConfigError> {
        let address = |key, text: &str| {
            let problem = format!("{text:?} is not an address and port such as \"192.0.2.1:40000\"");
            text.parse::<SocketAddr>().map_err(|_| ConfigError::Value { key, problem })
        };
        let public = (!self.public.is_empty()).then(|| address("media.public", &self.public)).transpose()?;
        Ok((address("media.listen", &self.listen)?, public))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let value = |key, problem: &str| Err(ConfigError::Value { key, problem: problem.to_owned() });
        let (_, public) = self.addresses()?;
        if public.is_some_and(|public| public.ip().is_unspecified()) {
            return value("media.public", "must be an address that browsers can send to");
        }
        if !(1..=MOST_MEDIA_THREADS).contains(&self.threads) {
            return value("media.threads", "must be 1 to 64");
        }
        // RFC 7065; a password in an address would be told to everybody.
        let is_turn = |url: &String| {
            let rest = url.strip_prefix("turn:").or_else(|| url.strip_prefix("turns:"));
            rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['@', '/', ' ']))
        };
        if !self.turn_urls.iter().all(is_turn) {
            return value("media.turn_urls", "must be addresses such as \"turn:turn.example:3478?transport=udp\"");
        }
        if !self.turn_urls.is_empty() && self.turn_secret.len() < 16 {
            return value("media.turn_secret", "must have 16 characters or more with media.turn_urls");
        }
        if self.policy == IcePolicy::Relay && self.turn_urls.is_empty() {
            return value("media.policy", "\"relay\" needs media.turn_urls");
        }
        Ok(())
    }
}

/// `[log]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Text for people or JSON for machines.
    pub format: LogFormat,
    /// A tracing filter.
    pub level: String,
}

/// `log.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One line of text.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// [`ConfigError`] names the key or the file.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(path) = file {
            if !path.is_file() {
                return Err(ConfigError::File(path.to_owned()));
            }
            figment = figment.merge(Toml::file(path));
        }
        Self::check(&figment.merge(Env::prefixed("BANGBAN__").split("__")))
    }

    fn check(figment: &Figment) -> Result<Self, ConfigError> {
        let mut config: Self = figment.extract().map_err(|error| ConfigError::Shape(Box::new(error)))?;
        let sla = &config.sla;
        let positive = [
            ("limits.mailbox", config.limits.mailbox as u64),
            ("limits.socket_queue", config.limits.socket_queue as u64),
            ("limits.citizen_burst", config.limits.citizen_burst.into()),
            ("limits.citizen_per_second", config.limits.citizen_per_second.into()),
            ("limits.staff_burst", config.limits.staff_burst.into()),
            ("limits.staff_per_second", config.limits.staff_per_second.into()),
            ("auth.staff_token_minutes", config.auth.staff_token_minutes.into()),
            ("auth.staff_idle_minutes", config.auth.staff_idle_minutes.into()),
            ("auth.staff_session_hours", config.auth.staff_session_hours.into()),
            ("auth.wrong_per_login", config.auth.wrong_per_login.into()),
            ("auth.wrong_per_address", config.auth.wrong_per_address.into()),
            ("auth.wrong_minutes", config.auth.wrong_minutes.into()),
            ("auth.lock_minutes", config.auth.lock_minutes.into()),
            ("citizen.anonymous_days", config.citizen.anonymous_days.into()),
            ("citizen.anonymous_per_hour", config.citizen.anonymous_per_hour.into()),
            ("citizen.anonymous_burst", config.citizen.anonymous_burst.into()),
            ("citizen.anonymous_seconds", config.citizen.anonymous_seconds.into()),
            ("citizen.anonymous_files_per_hour", config.citizen.anonymous_files_per_hour.into()),
            ("citizen.anonymous_mib_per_hour", config.citizen.anonymous_mib_per_hour.into()),
            ("citizen.continue_seconds", config.citizen.continue_seconds.into()),
            ("citizen.wrong_codes", config.citizen.wrong_codes.into()),
            ("citizen.wrong_per_receipt", config.citizen.wrong_per_receipt.into()),
            ("citizen.wrong_per_address", config.citizen.wrong_per_address.into()),
            ("citizen.wrong_minutes", config.citizen.wrong_minutes.into()),
            ("citizen.lock_minutes", config.citizen.lock_minutes.into()),
            ("kiosk.idle_seconds", config.kiosk.idle_seconds.into()),
            ("kiosk.answer_seconds", config.kiosk.answer_seconds.into()),
            ("service.slot_minutes", config.service.slot_minutes.into()),
            ("service.slot_capacity", config.service.slot_capacity.into()),
            ("service.call_back_remind_minutes", config.service.call_back_remind_minutes.into()),
            ("files.image_mib", config.files.image_mib.into()),
            ("files.image_megapixels", config.files.image_megapixels.into()),
            ("files.file_mib", config.files.file_mib.into()),
            ("files.voice_mib", config.files.voice_mib.into()),
            ("files.voice_seconds", config.files.voice_seconds.into()),
            ("files.keep_hours", config.files.keep_hours.into()),
            ("files.link_minutes", config.files.link_minutes.into()),
            ("files.citizen_files_per_hour", config.files.citizen_files_per_hour.into()),
            ("files.citizen_mib_per_hour", config.files.citizen_mib_per_hour.into()),
            ("files.staff_files_per_hour", config.files.staff_files_per_hour.into()),
            ("files.staff_mib_per_hour", config.files.staff_mib_per_hour.into()),
            ("files.scan_seconds", config.files.scan_seconds.into()),
            ("privacy.reveal_burst", config.privacy.reveal_burst.into()),
            ("privacy.reveal_seconds", config.privacy.reveal_seconds.into()),
            ("connectors.actions.seconds", config.connectors.actions.seconds.into()),
            ("connectors.actions.per_day", config.connectors.actions.per_day.into()),
            ("connectors.speech.seconds", config.connectors.speech.seconds.into()),
            ("sla.offer_seconds", sla.offer_seconds.into()),
            ("sla.warn_seconds", sla.warn_seconds.into()),
            ("sla.parallel_offers", sla.parallel_offers.into()),
            ("sla.preferred_seconds", sla.preferred_seconds.into()),
            ("sla.idle_seconds", sla.idle_seconds.into()),
            ("sla.next_response_seconds", sla.next_response_seconds.into()),
            ("sla.queue_alert", sla.queue_alert.into()),
            ("sla.wait_alert_seconds", sla.wait_alert_seconds.into()),
            ("sla.coverage_alert_seconds", sla.coverage_alert_seconds.into()),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Value { key, problem: "must be 1 or more".to_owned() });
        }
        for (key, value, after, least) in [
            ("sla.alert_seconds", sla.alert_seconds, "sla.warn_seconds", sla.warn_seconds),
            ("sla.breach_seconds", sla.breach_seconds, "sla.alert_seconds", sla.alert_seconds),
            ("sla.lost_seconds", sla.lost_seconds, "sla.suspect_seconds", sla.suspect_seconds),
        ] {
            if value <= least {
                return Err(ConfigError::Value { key, problem: format!("must be more than {after} ({least})") });
            }
        }
        if !config.auth.portal_keys.is_empty() && !config.auth.portal_secret.is_empty() {
            let problem =
                "must be empty with auth.portal_keys: only one of them can be how the portal signs".to_owned();
            return Err(ConfigError::Value { key: "auth.portal_secret", problem });
        }
        for (key, secret) in [
            ("auth.portal_secret", &config.auth.portal_secret),
            ("auth.staff_secret", &config.auth.staff_secret),
            ("auth.citizen_secret", &config.auth.citizen_secret),
        ] {
            if !secret.is_empty() && secret.len() < 32 {
                return Err(ConfigError::Value { key, problem: "must have 32 characters or more".to_owned() });
            }
        }
        for origin in &config.http.portal_origins {
            if origin != ANY_ORIGIN && !is_origin(origin) {
                let problem = format!("{origin:?} is not an origin such as \"https://portal.example\", nor \"*\"");
                return Err(ConfigError::Value { key: "http.portal_origins", problem });
            }
        }
        if config.http.tls_certificate.is_empty() != config.http.tls_key.is_empty() {
            let (key, other) = match config.http.tls_key.as_str() {
                "" => ("http.tls_key", "http.tls_certificate"),
                _ => ("http.tls_certificate", "http.tls_key"),
            };
            return Err(ConfigError::Value { key, problem: format!("must be set with {other}") });
        }
        for proxy in &config.http.trusted_proxies {
            if Proxies::network(proxy).is_none() {
                let problem = format!("{proxy:?} is neither an address nor a network such as \"10.0.0.0/8\"");
                return Err(ConfigError::Value { key: "http.trusted_proxies", problem });
            }
        }
        let address = &config.limits.address;
        for (key, rate) in [
            ("limits.address.pages", address.pages),
            ("limits.address.login", address.login),
            ("limits.address.api", address.api),
            ("limits.address.files", address.files),
            ("limits.address.sockets", address.sockets),
        ] {
            if rate.burst > 0 && rate.per_second == 0 {
                let problem = "per_second must be 1 or more, or burst 0".to_owned();
                return Err(ConfigError::Value { key, problem });
            }
        }
        if let Err(bangban_store::StoreError::Url(problem)) = config.database().validate() {
            return Err(ConfigError::Value { key: "data.url", problem });
        }
        if config.bus.channel.is_empty() {
            return Err(ConfigError::Value { key: "bus.channel", problem: "must not be empty".to_owned() });
        }
        if let Some(Err(error)) = config.redis().map(|redis| redis.validate()) {
            return Err(ConfigError::Value { key: "bus.url", problem: error.to_string() });
        }
        if config.auth.staff_idle_minutes < config.auth.staff_token_minutes {
            let problem = format!("must be {} (auth.staff_token_minutes) or more", config.auth.staff_token_minutes);
            return Err(ConfigError::Value { key: "auth.staff_idle_minutes", problem });
        }
        config.oidc.check()?;
        config.files.check()?;
        config.privacy.check()?;
        config.notify.check()?;
        config.connectors.check(&config.notify)?;
        config.media.check()?;
        config.calls.check()?;
        config.telephony.check()?;
        let telephony = config.telephony.clone();
        config.calls.know(&telephony)?;
        config.calendar()?;
        Ok(config)
    }

    /// What carries events between nodes; `None`: this is the only one.
    #[must_use]
    pub fn redis(&self) -> Option<Redis> {
        let BusKeys { url, password, channel } = self.bus.clone();
        (!url.is_empty()).then_some(Redis { url, password, channel })
    }

    /// Where the rows are.
    #[must_use]
    pub fn database(&self) -> Database {
        let Data { dir, url, password } = self.data.clone();
        Database { url, password, dir }
    }

    /// The service calendar.
    ///
    /// # Errors
    /// Names `service.periods`.
    pub fn calendar(&self) -> Result<Calendar, ConfigError> {
        let value = |problem: String| ConfigError::Value { key: "service.periods", problem };
        let file: CalendarFile = serde_json::from_str(HOLIDAYS).map_err(|error| value(error.to_string()))?;
        let holidays = Holidays::try_from(file).map_err(|error| value(error.to_string()))?;
        let hours = match self.service.hours {
            HoursKey::Calendar => Hours::WorkingDays,
            HoursKey::Always => Hours::Always,
            HoursKey::Never => Hours::Never,
        };
        Calendar::new(holidays, hours, &self.service.periods).map_err(|error| value(error.to_string()))
    }

    /// The log-in throttle's numbers.
    #[must_use]
    pub fn login_policy(&self) -> LoginPolicy {
        LoginPolicy {
            per_login: self.auth.wrong_per_login,
            per_address: self.auth.wrong_per_address,
            window: i64::from(self.auth.wrong_minutes) * MINUTE,
            lock: i64::from(self.auth.lock_minutes) * MINUTE,
        }
    }

    /// The numbers of wrong proofs for receipts, and of wrong codes for second devices.
    #[must_use]
    pub fn proof_policies(&self) -> (LoginPolicy, LoginPolicy) {
        let keys = &self.citizen;
        let receipts = LoginPolicy {
            per_login: keys.wrong_per_receipt,
            per_address: keys.wrong_per_address,
            window: i64::from(keys.wrong_minutes) * MINUTE,
            lock: i64::from(keys.lock_minutes) * MINUTE,
        };
        // A code is found or not: there is nothing that many wrong ones could be aimed at.
        (receipts, LoginPolicy { per_login: u32::MAX, per_address: keys.wrong_codes, ..receipts })
    }

    /// The files of the certificate; `None`: plain HTTP.
    #[must_use]
    pub fn tls(&self) -> Option<TlsFiles> {
        let Http { tls_certificate, tls_key, .. } = &self.http;
        (!tls_key.is_empty()).then(|| TlsFiles { certificate: tls_certificate.into(), key: tls_key.into() })
    }

    /// The proxies in front of us.
    #[must_use]
    pub fn proxies(&self) -> Proxies {
        let trusted = self.http.trusted_proxies.iter().filter_map(|text| Proxies::network(text)).collect();
        Proxies { trusted, header: self.http.forwarded_header }
    }

    /// How often one address may ask for a route of this class; a burst of 0: as often as it likes.
    #[must_use]
    pub const fn address_rate(&self, class: Class) -> Rate {
        let rates = &self.limits.address;
        match class {
            Class::Pages => rates.pages,
            Class::Login => rates.login,
            Class::Api => rates.api,
            Class::Files => rates.files,
            Class::Sockets => rates.sockets,
        }
    }

    /// How often a citizen may ask for something.
    #[must_use]
    pub const fn citizen_rate(&self) -> Rate {
        Rate { burst: self.limits.citizen_burst, per_second: self.limits.citizen_per_second }
    }

    /// How often a visitor may: so many at once, then one in so many seconds.
    #[must_use]
    pub const fn visitor_rate(&self) -> (u32, u32) {
        (self.citizen.anonymous_burst, self.citizen.anonymous_seconds)
    }

    /// How often a member of staff may.
    #[must_use]
    pub const fn staff_rate(&self) -> Rate {
        Rate { burst: self.limits.staff_burst, per_second: self.limits.staff_per_second }
    }

    /// The router's numbers.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let span = |seconds: u32| i64::from(seconds) * SECOND;
        Settings {
            offer: span(self.sla.offer_seconds),
            missed_break: span(self.sla.missed_break_seconds),
            warn: span(self.sla.warn_seconds),
            alert: span(self.sla.alert_seconds),
            breach: span(self.sla.breach_seconds),
            suspect: span(self.sla.suspect_seconds),
            lost: span(self.sla.lost_seconds),
            parallel_after: span(self.sla.parallel_seconds),
            parallel: self.sla.parallel_offers,
            needs_for: span(self.sla.needs_seconds),
            preferred: span(self.sla.preferred_seconds),
            idle_after: span(self.sla.idle_seconds),
            beyond_capacity: self.sla.beyond_capacity,
        }
    }

    /// How long the next response may take.
    #[must_use]
    pub fn next_response(&self) -> Millis {
        i64::from(self.sla.next_response_seconds) * SECOND
    }

    /// When the state of a team is an alert.
    #[must_use]
    pub fn alert_thresholds(&self) -> Thresholds {
        Thresholds {
            queue: self.sla.queue_alert as usize,
            wait: i64::from(self.sla.wait_alert_seconds) * SECOND,
            coverage: i64::from(self.sla.coverage_alert_seconds) * SECOND,
        }
    }

    /// Who else is asked for a queue, and how far first priority is ahead.
    #[must_use]
    pub fn widening(&self) -> Widening {
        let span = |seconds: u32| i64::from(seconds) * SECOND;
        let Sla { neighbours_seconds, city_seconds, general_seconds, head_start_seconds, .. } = self.sla;
        Widening {
            neighbours: span(neighbours_seconds),
            city: span(city_seconds),
            general: span(general_seconds),
            head_start: span(head_start_seconds),
        }
    }
}

impl Files {
    fn check(&self) -> Result<(), ConfigError> {
        let known: Vec<&str> = known_endings().collect();
        if let Some(unknown) = self.endings.iter().find(|ending| !known.contains(&ending.as_str())) {
            let problem = format!("{unknown:?} is none of {}", known.join(", "));
            return Err(ConfigError::Value { key: "files.endings", problem });
        }
        if self.store == FileStore::S3 {
            for (key, value) in [
                ("files.s3_endpoint", &self.s3_endpoint),
                ("files.s3_region", &self.s3_region),
                ("files.s3_bucket", &self.s3_bucket),
                ("files.s3_access_key", &self.s3_access_key),
                ("files.s3_secret_key", &self.s3_secret_key),
            ] {
                if value.is_empty() {
                    let problem = "must be set with files.store = \"s3\"".to_owned();
                    return Err(ConfigError::Value { key, problem });
                }
            }
            if !is_origin(&self.s3_endpoint) {
                let problem = "must be an address such as \"https://s3.example:9000\"".to_owned();
                return Err(ConfigError::Value { key: "files.s3_endpoint", problem });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(toml: &str) -> Result<Config, ConfigError> {
        Config::check(&Figment::from(Toml::string(DEFAULTS)).merge(Toml::string(toml)))
    }

    #[test]
    fn the_defaults_are_complete_and_hold_the_numbers_of_the_rules() {
        let config = with("").unwrap();
        assert_eq!(config.settings(), Settings::default());
        let seconds = |span: u32| i64::from(span) * SECOND;
        let [neighbours, city, general, head_start] = [15, 25, 35, 60].map(seconds);
        assert_eq!(config.widening(), Widening { neighbours, city, general, head_start });
        assert_eq!((config.service.slot_minutes, config.service.slot_capacity), (30, 4));
        assert_eq!(config.login_policy(), LoginPolicy::default());
        assert_eq!(config.citizen_rate(), Rate { burst: 20, per_second: 1 });
    }

    #[test]
    fn every_bad_value_is_named_by_its_key() {
        for (toml, named) in [
            ("[sla]\nalert_seconds = 30", "sla.alert_seconds: must be more than sla.warn_seconds (30)"),
            ("[sla]\nwarn_seconds = 0", "sla.warn_seconds: must be 1 or more"),
            ("[service]\nperiods = [\"9-11\"]", "service.periods: service period \"9-11\""),
            ("[auth]\nportal_secret = \"short\"", "auth.portal_secret: must have 32"),
            (
                &format!("[auth]\nportal_keys = \"keys.json\"\nportal_secret = \"{}\"", "x".repeat(40)),
                "auth.portal_secret: must be empty with auth.portal_keys",
            ),
            (
                "[auth]\nstaff_idle_minutes = 14",
                "auth.staff_idle_minutes: must be 15 (auth.staff_token_minutes) or more",
            ),
            ("[auth]\nstaff_session_hours = 0", "auth.staff_session_hours: must be 1 or more"),
            ("[auth]\ntotp_required = [\"boss\"]", "auth.totp_required"),
            ("[oidc]\nissuer = \"login.example\"", "oidc.issuer: must be an address"),
            ("[oidc]\nissuer = \"https://login.example\"", "oidc.public_url: must be an address"),
            (
                "[oidc]\nissuer = \"https://login.example\"\npublic_url = \"https://a.example\"",
                "oidc.client_id: must be set",
            ),
            ("[http]\nlisten = 8080", "http.listen"),
            ("[service]\nhours = \"sometimes\"", "service.hours"),
            ("[http]\nport = 1", "port"),
            ("[http]\ntls_certificate = \"a.pem\"", "http.tls_key: must be set with http.tls_certificate"),
            ("[http]\ntls_key = \"a.pem\"", "http.tls_certificate: must be set with http.tls_key"),
            ("[http]\ntrusted_proxies = [\"10.0.0.0/33\"]", "http.trusted_proxies: \"10.0.0.0/33\" is neither"),
            ("[http]\nforwarded_header = \"via\"", "http.forwarded_header"),
            ("[limits.address]\nlogin = { burst = 1, per_second = 0 }", "limits.address.login: per_second must be"),
            ("[http]\nportal_origins = [\"https://a.example/\"]", "http.portal_origins: \"https://a.example/\" is not"),
            ("[files]\nendings = [\"pdf\", \"exe\"]", "files.endings: \"exe\" is none of pdf, ofd"),
            ("[files]\nstore = \"ftp\"", "files.store"),
            ("[files]\nstore = \"s3\"", "files.s3_endpoint: must be set"),
            ("[files]\nlink_minutes = 0", "files.link_minutes: must be 1 or more"),
            ("[privacy]\naudit_days = 182", "privacy.audit_days: must be 183 to 36500"),
            ("[privacy]\nthreads_days = 7", "privacy.threads_days: must be 8 to 36500"),
            ("[privacy]\nretention_hour = 24", "privacy.retention_hour: must be 0 to 23"),
            ("[data]\nurl = \"mysql://localhost/x\"", "data.url: must be empty (SQLite) or begin with postgres://"),
            ("[data]\nurl = \"postgres://host:many/x\"", "data.url: "),
            ("[bus]\nurl = \"amqp://host\"", "bus.url: not an address of Redis"),
            ("[media]\nlisten = \"localhost\"", "media.listen: \"localhost\" is not an address"),
            ("[media]\npublic = \"0.0.0.0:9\"", "media.public: must be an address"),
            ("[media]\nthreads = 0", "media.threads: must be 1 to 64"),
            ("[media]\nturn_urls = [\"turn:a@b\"]", "media.turn_urls: must be addresses"),
            ("[media]\nturn_urls = [\"turn:b:3478\"]", "media.turn_secret: must have 16"),
            ("[media]\npolicy = \"relay\"", "media.policy: \"relay\" needs media.turn_urls"),
            ("[bus]\nchannel = \"\"", "bus.channel: must not be empty"),
            ("[connectors.actions]\nurl = \"http://office.example\"", "connectors.actions.url: must be https"),
            ("[connectors.actions]\nurl = \"https://10.0.0.1\"", "connectors.actions.url: is no public address"),
            ("[connectors.speech]\nurl = \"http://ear.example\"", "connectors.speech.url: must be https"),
            (
                "[connectors.speech]\nurl = \"https://ear.example\"\nmodel = \"a\\r\\nb\"",
                "connectors.speech.model: must have letters",
            ),
            (
                "[connectors.rephrase]\nurl = \"http://words.example\"\nmodel = \"m\"",
                "connectors.rephrase.url: must be https",
            ),
            ("[connectors.rephrase]\nurl = \"https://words.example\"", "connectors.rephrase.model: must have letters"),
            (
                "[connectors.rephrase]\nurl = \"https://words.example\"\nmodel = \"m\"\nmilliseconds = 5001",
                "connectors.rephrase.milliseconds: must be 100 to 5000",
            ),
            (
                "[connectors.rephrase]\nurl = \"https://words.example\"\nmodel = \"m\"\nat_once = 0",
                "connectors.rephrase.at_once: must be 1 to 256",
            ),
            ("[connectors.actions]\nseconds = 0", "connectors.actions.seconds: must be 1 or more"),
        ] {
            let message = with(toml).unwrap_err().to_string();
            assert!(message.contains(named), "{message} does not name {named}");
        }
        let missing = Config::check(&Figment::from(Toml::string("[http]"))).unwrap_err().to_string();
        assert!(missing.contains("listen"), "{missing}");
    }

    #[test]
    fn secrets_are_not_printed() {
        let config = with(&format!("[auth]\nstaff_secret = \"{}\"", "x".repeat(40))).unwrap();
        assert!(!format!("{config:?}").contains("xxxx"));
        let config = with("[data]\nurl = \"postgres://me:xxxx@localhost/x\"\npassword = \"xxxx\"").unwrap();
        assert!(!format!("{config:?} {:?}", config.database()).contains("xxxx"));
        let config = with("[bus]\nurl = \"redis://:xxxx@localhost\"\npassword = \"xxxx\"").unwrap();
        assert!(!format!("{config:?} {:?}", config.redis()).contains("xxxx"));
        let config = with("[oidc]\nclient_secret = \"xxxx\"").unwrap();
        assert!(!format!("{config:?}").contains("xxxx"));
        let config = with("[connectors.actions]\ntoken = \"xxxx\"").unwrap();
        assert!(!format!("{config:?}").contains("xxxx"));
        let config = with("[connectors.speech]\ntoken = \"xxxx\"").unwrap();
        assert!(!format!("{config:?}").contains("xxxx"));
        let config = with("[connectors.rephrase]\ntoken = \"xxxx\"").unwrap();
        assert!(!format!("{config:?}").contains("xxxx"));
        let config = with("[files]\ns3_access_key = \"xxxx\"\ns3_secret_key = \"xxxx\"").unwrap();
        assert!(!format!("{config:?}").contains("xxxx"));
    }
}
