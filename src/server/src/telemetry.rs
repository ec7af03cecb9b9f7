//! What operations see: the log and the metrics. Neither ever holds a person's data or a text: ids, names of commands,
//! numbers. docs/operations.md lists both.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use bangban_protocol::{ErrorCode, WireError};
use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::{
    config::{Log, LogFormat},
    http::Class,
    hub::Member,
};

/// Libraries that would write frames, headers and statements at their finest levels: they say less, whatever is asked.
const QUIET: [&str; 12] = [
    "tungstenite=info",
    "tokio_tungstenite=info",
    "hyper=info",
    "hyper_util=info",
    "axum=info",
    "tower_http=info",
    "sqlx=info",
    "object_store=info",
    "reqwest=info",
    "str0m=info",
    "dimpl=info",
    // Whole messages, with numbers and passwords, from `info` on.
    "rsipstack=error",
];

/// Starts the log, on standard error.
///
/// # Errors
/// Names `log.level`.
pub fn start_log(config: &Log) -> anyhow::Result<()> {
    let mut filter = EnvFilter::try_new(&config.level).context("configuration: log.level")?;
    for directive in QUIET {
        filter = filter.add_directive(directive.parse()?);
    }
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        // It would say so on standard error too, and panic where that cannot be written either: a log on a full disk
        // loses lines, and nothing else.
        .log_internal_errors(false);
    match config.format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(true).with_span_list(false).init(),
    }
    Ok(())
}

/// Upper bounds in seconds: a commit of a quiet SQLite is at the first ones, the last is rule 1's patience long gone.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Starts to record. Before it is called, and without it, recording costs next to nothing.
///
/// # Errors
/// If something else records already.
pub fn install_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()?;
    describe_gauge!("bangban_sessions", "welcomed WebSocket sessions, by kind");
    describe_gauge!(
        "bangban_frequent_items",
        "high-frequency items: all, with somebody at the desk now, without a hole in the roster of 7 days"
    );
    describe_gauge!("bangban_desk_mailbox", "orders that wait for the desk");
    describe_gauge!("bangban_writer_queue", "units that wait for the writer");
    describe_counter!("bangban_frames_in_total", "frames that clients sent");
    describe_counter!("bangban_frames_out_total", "frames for clients");
    describe_counter!("bangban_flushes_total", "writes to sockets; a burst shares one");
    describe_counter!("bangban_commands_total", "commands, by type and by result: ok or the error code");
    describe_counter!("bangban_closes_total", "connections that the server closed, by code");
    describe_counter!("bangban_logins_total", "log-ins of staff, by result: ok, wrong or refused");
    describe_counter!(
        "bangban_limited_total",
        "requests refused as too many, by whom they count for and class of route"
    );
    describe_gauge!("bangban_tls_certificate_expires_at_seconds", "when the certificate in use ends, since 1970");
    describe_counter!("bangban_handshakes_failed_total", "TLS handshakes that did not come to an end");
    describe_counter!("bangban_sla_steps_total", "steps of first-response clocks, by step");
    describe_gauge!("bangban_bus_live", "1: what other nodes publish arrives; 0: the store is read instead");
    describe_counter!("bangban_bus_missed_total", "times that something of other nodes may have been missed");
    describe_counter!("bangban_bus_repaired_total", "entries read from the store because their event was missing");
    describe_counter!("bangban_bus_dropped_total", "events for other nodes that found no room");
    describe_counter!(
        "bangban_files_total",
        "uploads that ended, by kind and by result: ready, cancelled or the error code"
    );
    describe_counter!("bangban_file_bytes_in_total", "bytes of uploads");
    describe_counter!("bangban_file_bytes_out_total", "bytes of downloads");
    describe_counter!("bangban_file_scans_total", "answers of the virus scanner: clean, infected or unavailable");
    describe_counter!("bangban_files_swept_total", "files that nobody sent in time, deleted");
    describe_gauge!("bangban_media", "windows and connections that the media threads have");
    describe_counter!("bangban_media_total", "what the media threads have counted: packets, repeats, what was refused");
    describe_gauge!("bangban_calls", "legs, conferences, ports, telephones and trunks of calls, as they are");
    describe_counter!(
        "bangban_calls_total",
        "what mixers and telephones have counted: packets, late ticks, what was refused"
    );
    describe_counter!("bangban_calls_ended_total", "calls that are over, by cause");
    describe_counter!("bangban_calls_refused_total", "calls of the hotline that were refused for lack of room");
    describe_counter!("bangban_call_requests_total", "requests for professionals, by result");
    describe_counter!("bangban_call_attempts_total", "attempts to reach somebody, by cause");
    describe_counter!("bangban_call_backs_owed_total", "call-backs that were promised because nobody was reached");
    describe_counter!("bangban_calls_rated_total", "ratings by the keys of a telephone, by stars");
    describe_gauge!("bangban_trunk_up", "1: the trunk works");
    describe_counter!("bangban_windows_ended_total", "virtual windows that are over, by cause");
    describe_counter!(
        "bangban_window_frames_total",
        "pieces of citizens' pages, by result: passed, personal (not passed on) or too_much"
    );
    describe_counter!(
        "bangban_rephrase_total",
        "answers that were to be said in other words, by result: said, or why the official wording was said"
    );
    describe_histogram!("bangban_rephrase_seconds", "how long citizens waited for other words that were said");
    describe_histogram!("bangban_file_finish_seconds", "from the last byte until a file is checked and stored");
    describe_histogram!("bangban_commit_seconds", "from handing a message over until it is durable and published");
    gauge!("bangban_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// What is counted too often to be looked up by name each time.
pub struct Metrics {
    sessions: [Gauge; 3],
    /// Frames from clients.
    pub frames_in: Counter,
    /// Frames for clients.
    pub frames_out: Counter,
    /// Writes to sockets.
    pub flushes: Counter,
    /// Seconds until a message is durable.
    pub commit: Histogram,
}

impl Metrics {
    /// After [`install_metrics`], or they count nothing.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "the time of the call matters")]
    pub fn new() -> Self {
        Self {
            sessions: ["citizen", "agent", "watcher"].map(|kind| gauge!("bangban_sessions", "kind" => kind)),
            frames_in: counter!("bangban_frames_in_total"),
            frames_out: counter!("bangban_frames_out_total"),
            flushes: counter!("bangban_flushes_total"),
            commit: histogram!("bangban_commit_seconds"),
        }
    }

    /// Sessions of this kind.
    pub const fn sessions(&self, member: Member) -> &Gauge {
        let [citizens, agents, watchers] = &self.sessions;
        match member {
            Member::Citizen => citizens,
            Member::Agent(_) => agents,
            Member::Watcher(_) => watchers,
        }
    }
}

/// A command has been answered.
pub fn count_command(name: &'static str, error: Option<&WireError>) {
    counter!("bangban_commands_total", "command" => name, "result" => error.map_or("ok", |error| word(error.code)))
        .increment(1);
}

/// The server closes a connection.
pub fn count_close(code: u16) {
    counter!("bangban_closes_total", "code" => code.to_string()).increment(1);
}

/// A request that was refused because its address or person has made too many, or has too many WebSockets open.
pub fn count_limited(by: &'static str, class: Class) {
    counter!("bangban_limited_total", "by" => by, "class" => class.name()).increment(1);
}

/// A log-in: `ok`, `wrong` or `refused`.
pub fn count_login(result: &'static str) {
    counter!("bangban_logins_total", "result" => result).increment(1);
}

/// An error code as on the wire.
#[must_use]
pub const fn word(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::BadRequest => "bad_request",
        ErrorCode::TooLarge => "too_large",
        ErrorCode::Unauthenticated => "unauthenticated",
        ErrorCode::TokenExpired => "token_expired",
        ErrorCode::Forbidden => "forbidden",
        ErrorCode::NotFound => "not_found",
        ErrorCode::UnknownItem => "unknown_item",
        ErrorCode::Outdated => "outdated",
        ErrorCode::InvalidStage => "invalid_stage",
        ErrorCode::OfferGone => "offer_gone",
        ErrorCode::AgentFull => "agent_full",
        ErrorCode::SlotFull => "slot_full",
        ErrorCode::SlotPast => "slot_past",
        ErrorCode::RateLimited => "rate_limited",
        ErrorCode::Busy => "busy",
        ErrorCode::UnsupportedFile => "unsupported_file",
        ErrorCode::Infected => "infected",
        ErrorCode::QuotaUsed => "quota_used",
        ErrorCode::InUse => "in_use",
        ErrorCode::ListedWord => "listed_word",
        ErrorCode::UnsupportedProtocol => "unsupported_protocol",
        ErrorCode::Internal => "internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_are_called_as_on_the_wire() {
        for code in [ErrorCode::BadRequest, ErrorCode::OfferGone, ErrorCode::UnsupportedProtocol, ErrorCode::Internal] {
            assert_eq!(serde_json::to_value(code).unwrap(), word(code));
        }
    }
}
