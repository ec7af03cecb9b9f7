//! The virus scanner: a command that gets the path of a file and answers by its exit code as `clamdscan` does.

use std::{path::Path, process::Stdio, time::Duration};

use bangban_protocol::{ErrorCode, WireError};
use metrics::counter;
use tokio::{process::Command, time::timeout};

/// What is asked before a file is stored.
#[derive(Debug, Clone)]
pub struct Scanner {
    /// Program and arguments; the path follows. Empty: nobody is asked.
    command: Vec<String>,
    /// An answer that takes longer is none.
    patience: Duration,
}

impl Scanner {
    /// See `files.scan_command` and `files.scan_seconds`.
    #[must_use]
    pub const fn new(command: Vec<String>, patience: Duration) -> Self {
        Self { command, patience }
    }

    /// Asks about one file.
    ///
    /// # Errors
    /// `infected`; or `busy`, which may be tried again, if the scanner gave no answer: an unscanned file is never let in.
    pub(super) async fn check(&self, path: &Path) -> Result<(), WireError> {
        let Some((program, arguments)) = self.command.split_first() else { return Ok(()) };
        let mut command = Command::new(program);
        command.args(arguments).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.kill_on_drop(true);
        let (result, answer) = match timeout(self.patience, command.status()).await {
            Ok(Ok(status)) => match status.code() {
                Some(0) => ("clean", Ok(())),
                Some(1) => ("infected", Err(WireError::new(ErrorCode::Infected, "the virus scanner found something"))),
                code => {
                    tracing::error!(code, "the virus scanner failed (files.scan_command)");
                    ("unavailable", Err(unavailable()))
                }
            },
            Ok(Err(error)) => {
                tracing::error!(%error, "the virus scanner cannot be started (files.scan_command)");
                ("unavailable", Err(unavailable()))
            }
            Err(_) => {
                tracing::error!("the virus scanner did not answer in time (files.scan_seconds)");
                ("unavailable", Err(unavailable()))
            }
        };
        counter!("bangban_file_scans_total", "result" => result).increment(1);
        answer
    }
}

fn unavailable() -> WireError {
    WireError::new(ErrorCode::Busy, "the virus scanner does not answer; the upload is kept, finish it later")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_exit_code_says_it_and_no_answer_lets_nothing_in() {
        let script = |text: &str| ["sh", "-c", text, "scan"].map(str::to_owned).to_vec();
        for (command, expected) in [
            (vec![], Ok(())),
            (script("grep -q clean \"$1\""), Ok(())),
            (script("exit 1"), Err(ErrorCode::Infected)),
            (script("exit 2"), Err(ErrorCode::Busy)),
            (script("kill -9 $$"), Err(ErrorCode::Busy)),
            (script("exec sleep 600"), Err(ErrorCode::Busy)),
            (vec!["/no/such/scanner".to_owned()], Err(ErrorCode::Busy)),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), "clean").unwrap();
            let patience = if command.iter().any(|part| part.contains("sleep")) { 50 } else { 20_000 };
            let scanner = Scanner::new(command.clone(), Duration::from_millis(patience));
            let answer = scanner.check(file.path()).await;
            assert_eq!(
                answer.as_ref().map_err(|error| error.code),
                expected.as_ref().map_err(|code| *code),
                "{command:?}"
            );
            assert_eq!(answer.is_err_and(|error| error.retryable), expected == Err(ErrorCode::Busy), "{command:?}");
        }
    }
}
