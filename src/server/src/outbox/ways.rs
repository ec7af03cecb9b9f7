//! Receivers outside: over HTTP with a token, by Standard Webhooks, by SMTP. None is asked twice within one attempt, no
//! redirect is followed, and no answer is read beyond its status.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use bangban_domain::{CitizenId, NoticeId, Timestamp, task::MessageChannel};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use reqwest::{StatusCode, Url, header, redirect::Policy};

use super::{
    address::{Allowed, Guarded},
    signature,
};
use crate::config::{HttpKeys, NotifyKeys, SmtpKeys, SmtpSecurity};

/// A receiver has so long for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest subject of an e-mail.
const MAX_SUBJECT: usize = 60;

/// A receiver over HTTP.
struct Receiver {
    url: Url,
    token: String,
}

/// A webhook.
pub(super) struct Hook {
    url: Url,
    /// The first one is today's.
    keys: Vec<hmac::Key>,
}

/// The mail server.
struct Mail {
    keys: SmtpKeys,
    from: Mailbox,
    mailboxes: BTreeMap<String, Mailbox>,
}

/// All receivers that are configured.
#[derive(Default)]
pub(super) struct Ways {
    client: reqwest::Client,
    allowed: Arc<Allowed>,
    sms: Option<Receiver>,
    portal: Option<Receiver>,
    mail: Option<Mail>,
    pub(super) hooks: BTreeMap<String, Hook>,
}

/// One message on its way.
pub(super) enum Way<'a> {
    Http { to: &'a Url, token: &'a str, body: serde_json::Value },
    Hook { to: &'a Hook, kind: &'static str, data: &'a str },
    Email { to: &'a Mailbox, text: String },
}

/// Why an attempt failed; `is_final`: another one would fail too.
pub(super) struct Failed {
    pub(super) error: String,
    pub(super) is_final: bool,
}

impl Failed {
    fn for_now(error: impl Into<String>) -> Self {
        Self { error: error.into(), is_final: false }
    }
}

type Problem = (&'static str, String);

/// An address that may be used: https, or http to what is allowed by name.
pub(crate) fn url(key: &'static str, text: &str, allowed: &Allowed) -> Result<Url, Problem> {
    let wrong = |problem: &str| (key, problem.to_owned());
    let url = Url::parse(text).map_err(|_| wrong("must be an address such as \"https://sms.example/send\""))?;
    let host = url.host_str().ok_or_else(|| wrong("must name a host"))?;
    match url.scheme() {
        "https" => {}
        "http" if allowed.names_host(host) => {}
        "http" => return Err(wrong("must be https, or its host must stand in notify.allow")),
        _ => return Err(wrong("must be https")),
    }
    let is_refused = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| !allowed.permits(host, ip));
    if is_refused { Err(wrong("is no public address and does not stand in notify.allow")) } else { Ok(url) }
}

fn receiver(key: &'static str, keys: &HttpKeys, allowed: &Allowed) -> Result<Option<Receiver>, Problem> {
    if keys.url.is_empty() {
        return Ok(None);
    }
    let token = keys.token.clone();
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err((key, "has a token with blanks or letters that are not ASCII".to_owned()));
    }
    Ok(Some(Receiver { url: url(key, &keys.url, allowed)?, token }))
}

fn mail(keys: &SmtpKeys) -> Result<Option<Mail>, Problem> {
    if keys.host.is_empty() {
        return Ok(None);
    }
    let from = keys.from.parse().map_err(|_| ("notify.smtp.from", "must be an e-mail address".to_owned()))?;
    let read = |(unit, address): (&String, &String)| {
        let problem = || ("notify.smtp.mailboxes", format!("{unit}: must be an e-mail address"));
        Ok((unit.clone(), address.parse().map_err(|_| problem())?))
    };
    let mailboxes = keys.mailboxes.iter().map(read).collect::<Result<_, Problem>>()?;
    if keys.security == SmtpSecurity::None && !keys.password.is_empty() {
        return Err(("notify.smtp.security", "must not be \"none\" with a password".to_owned()));
    }
    Ok(Some(Mail { keys: keys.clone(), from, mailboxes }))
}

impl Ways {
    pub(super) fn new(keys: &NotifyKeys) -> Result<Self, Problem> {
        let not_one = |entry| ("notify.allow", format!("{entry:?} is neither a network nor a name"));
        let allowed = Arc::new(Allowed::new(&keys.allow).map_err(not_one)?);
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Guarded(Arc::clone(&allowed))));
        let mut hooks = BTreeMap::new();
        for (name, hook) in &keys.webhooks {
            let secrets = [&hook.secret, &hook.previous_secret].into_iter().filter(|secret| !secret.is_empty());
            let problem = || ("notify.webhooks", format!("{name}: secret must be whsec_ and 24 to 64 bytes in base64"));
            let keys: Vec<hmac::Key> =
                secrets.map(|secret| signature::key(secret).ok_or_else(problem)).collect::<Result<_, _>>()?;
            if keys.is_empty() {
                return Err(problem());
            }
            hooks.insert(name.clone(), Hook { url: url("notify.webhooks", &hook.url, &allowed)?, keys });
        }
        Ok(Self {
            // Fails only without TLS, which is built in.
            client: client.build().unwrap_or_default(),
            sms: receiver("notify.sms", &keys.sms, &allowed)?,
            portal: receiver("notify.portal", &keys.portal, &allowed)?,
            mail: mail(&keys.smtp)?,
            hooks,
            allowed,
        })
    }

    pub(super) fn has(&self, channel: MessageChannel) -> bool {
        match channel {
            MessageChannel::Sms => self.sms.is_some(),
            MessageChannel::Portal => self.portal.is_some(),
            MessageChannel::Email => self.mail.is_some(),
            MessageChannel::Webhook => !self.hooks.is_empty(),
            MessageChannel::Thread | MessageChannel::Inbox => true,
        }
    }

    pub(super) fn has_mailbox(&self, unit: &str) -> bool {
        self.mail.as_ref().is_some_and(|mail| mail.mailboxes.contains_key(unit))
    }

    pub(super) fn has_any_mailbox(&self) -> bool {
        self.mail.as_ref().is_some_and(|mail| !mail.mailboxes.is_empty())
    }

    pub(super) fn sms(&self, phone: &str, text: String) -> Option<Way<'_>> {
        let Receiver { url, token } = self.sms.as_ref()?;
        Some(Way::Http { to: url, token, body: serde_json::json!({ "phone": phone, "text": text }) })
    }

    pub(super) fn portal(&self, citizen: CitizenId, text: String) -> Option<Way<'_>> {
        let Receiver { url, token } = self.portal.as_ref()?;
        Some(Way::Http { to: url, token, body: serde_json::json!({ "citizen": citizen, "text": text }) })
    }

    pub(super) fn email(&self, unit: &str, text: String) -> Option<Way<'_>> {
        let to = self.mail.as_ref()?.mailboxes.get(unit)?;
        Some(Way::Email { to, text })
    }

    pub(super) fn webhook<'a>(&'a self, name: &str, kind: &'static str, data: &'a str) -> Option<Way<'a>> {
        Some(Way::Hook { to: self.hooks.get(name)?, kind, data })
    }

    pub(super) async fn send(&self, id: NoticeId, now: Timestamp, way: Way<'_>) -> Result<(), Failed> {
        let request = match way {
            Way::Email { to, text } => return self.mail(id, to, text).await,
            Way::Http { to, token, mut body } => {
                body["id"] = serde_json::json!(id);
                let request = self.client.post(to.clone()).json(&body);
                if token.is_empty() { request } else { request.bearer_auth(token) }
            }
            Way::Hook { to, kind, data } => {
                let seconds = now.0.div_euclid(1_000);
                let instant = jiff::Timestamp::from_millisecond(now.0).unwrap_or(jiff::Timestamp::MAX);
                let body = format!(r#"{{"type":"{kind}","timestamp":"{instant}","data":{data}}}"#);
                let name = id.to_string();
                let signed = signature::sign(&to.keys, &name, seconds, body.as_bytes());
                self.client
                    .post(to.url.clone())
                    .header(header::CONTENT_TYPE, "application/json")
                    .header("webhook-id", name)
                    .header("webhook-timestamp", seconds.to_string())
                    .header("webhook-signature", signed)
                    .body(body)
            }
        };
        let answer = request.send().await.map_err(|error| Failed::for_now(chain(&error.without_url())))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        // "The resource is gone": who says so does not want to be asked again.
        Err(Failed { error: format!("status {}", status.as_u16()), is_final: status == StatusCode::GONE })
    }

    async fn mail(&self, id: NoticeId, to: &Mailbox, text: String) -> Result<(), Failed> {
        let Some(Mail { keys, from, .. }) = &self.mail else { return Err(Failed::for_now("no mail server")) };
        let domain = from.email.domain();
        let subject: String = text.chars().take(MAX_SUBJECT).collect();
        let message = Message::builder()
            .from(from.clone())
            .to(to.clone())
            .message_id(Some(format!("<{id}@{domain}>")))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|error| Failed { error: error.to_string(), is_final: true })?;
        let address = self.allowed.lookup(&keys.host, keys.port).await.map_err(Failed::for_now)?;
        let Some(address) = address.first() else { return Err(Failed::for_now("no address")) };
        // To the address that was looked at, by the name that its certificate has to bear.
        let parameters = || TlsParameters::new(keys.host.clone()).map_err(|error| Failed::for_now(error.to_string()));
        let tls = match keys.security {
            SmtpSecurity::Tls => Tls::Wrapper(parameters()?),
            SmtpSecurity::Starttls => Tls::Required(parameters()?),
            SmtpSecurity::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
            .port(keys.port)
            .tls(tls)
            .timeout(Some(PATIENCE));
        if !keys.user.is_empty() {
            transport = transport.credentials(Credentials::new(keys.user.clone(), keys.password.clone()));
        }
        match transport.build().send(message).await {
            Ok(_) => Ok(()),
            // The answer of the server may quote the address of the mailbox, which is a unit's and nobody's own.
            Err(error) => Err(Failed { is_final: error.is_permanent(), error: chain(&error) }),
        }
    }
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
