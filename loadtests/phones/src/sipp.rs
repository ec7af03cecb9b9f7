//! `sipp`, which plays a scenario many times and says how often it went well.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tokio::time::timeout;

use crate::{Guard, LOOK, SOON, free_port};

/// A scenario that runs.
pub struct Sipp {
    child: Guard,
    folder: tempfile::TempDir,
    /// From where it calls, and where it is called.
    pub at: SocketAddr,
}

/// What it says at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that went as the scenario has it; an OPTIONS that came counts as one.
    pub successful: u64,
    /// The others.
    pub failed: u64,
    /// What the scenario counts by `counter="1"`.
    pub first: u64,
    /// ... by `counter="2"`.
    pub second: u64,
}

impl Sipp {
    /// Begins a scenario of `scenarios`. With whom to speak; `None`: whoever calls.
    ///
    /// # Panics
    /// If it is not installed.
    #[must_use]
    pub fn start(scenario: &str, to: Option<SocketAddr>, more: &[&str]) -> Self {
        Self::started(scenario, to, more).expect("sipp is installed (apt-get install sip-tester)")
    }

    /// The same, where its absence is no fault of a test.
    ///
    /// # Errors
    /// It is not installed (package sip-tester), or there is no folder for its files.
    pub fn started(scenario: &str, to: Option<SocketAddr>, more: &[&str]) -> std::io::Result<Self> {
        Self::at(scenario, free_port(), to, more)
    }

    /// The same from this port.
    ///
    /// # Errors
    /// As [`Sipp::started`].
    pub fn at(scenario: &str, port: u16, to: Option<SocketAddr>, more: &[&str]) -> std::io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{scenario}.xml"));
        let log = fs::File::create(folder.path().join("log"))?;
        let child = Command::new("sipp")
            .args(to.map(|to| to.to_string()))
            .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-nostdin", "-trace_err", "-timeout", "150"])
            .args(["-trace_stat", "-stf", "stat.csv", "-fd", "1", "-sf"])
            .arg(file)
            .args(more)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { child: Guard(child), folder, at: SocketAddr::from((Ipv4Addr::LOCALHOST, port)) })
    }

    /// Waits until it listens: it answers nothing before. Asked of the system: whoever tries the port takes it away.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub async fn listens(self) -> Self {
        let local = format!(":{:04X} ", self.at.port());
        let up = async {
            while !fs::read_to_string("/proc/net/udp").is_ok_and(|table| table.contains(&local)) {
                tokio::time::sleep(LOOK).await;
            }
        };
        timeout(SOON, up).await.expect("sipp listens");
        self
    }

    /// All of its calls went well.
    ///
    /// # Panics
    /// With what it says of those that did not.
    pub async fn went_well(self) {
        if let Err(errors) = self.ended().await {
            panic!("{errors}");
        }
    }

    /// Waits for its end, and says how its calls went.
    ///
    /// # Errors
    /// Not all of them went well, or it could not be waited for: what it has written.
    pub async fn ended(self) -> Result<Tally, String> {
        match self.counted().await? {
            (tally, None) => Ok(tally),
            (_, Some(errors)) => Err(errors),
        }
    }

    /// The same, with what it has written where not all went well.
    ///
    /// # Errors
    /// It could not be waited for.
    pub async fn counted(mut self) -> Result<(Tally, Option<String>), String> {
        let waited = tokio::task::spawn_blocking(move || (self.child.0.wait(), self.folder));
        let (status, folder) = waited.await.map_err(|error| error.to_string())?;
        let status = status.map_err(|error| error.to_string())?;
        let tally = tally(&read(folder.path().join("stat.csv")));
        if status.success() {
            return Ok((tally, None));
        }
        let files = fs::read_dir(folder.path()).map_err(|error| error.to_string())?;
        let paths = files.flatten().map(|entry| entry.path());
        let errors: String = paths.filter(|path| path.to_string_lossy().ends_with("errors.log")).map(read).collect();
        Ok((tally, Some(format!("sipp: {status}, {tally:?}: {errors}"))))
    }

    /// How it stands: what it wrote last, once a second.
    #[must_use]
    pub fn so_far(&self) -> Tally {
        tally(&read(self.folder.path().join("stat.csv")))
    }

    /// Ends it although it waits for more calls.
    ///
    /// # Errors
    /// As [`Sipp::ended`].
    pub async fn end(self) -> Result<Tally, String> {
        // Its own way to stop: no new calls, those that stand are ended, and the last line of statistics is written.
        let pid = self.child.0.id().to_string();
        Command::new("kill").args(["-USR1", &pid]).status().map_err(|error| error.to_string())?;
        self.ended().await
    }
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Reads the last line of its statistics.
fn tally(csv: &str) -> Tally {
    let mut lines = csv.lines().filter(|line| !line.is_empty());
    let (Some(names), Some(last)) = (lines.next(), lines.next_back()) else { return Tally::default() };
    let of = |wanted: &str| {
        let at = names.split(';').position(|name| name == wanted);
        at.and_then(|at| last.split(';').nth(at)?.parse().ok()).unwrap_or(0)
    };
    Tally {
        successful: of("SuccessfulCall(C)"),
        failed: of("FailedCall(C)"),
        first: of("GenericCounter1(C)"),
        second: of("GenericCounter2(C)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_the_statistics_counts() {
        let csv = "StartTime;SuccessfulCall(P);SuccessfulCall(C);FailedCall(C);GenericCounter1(C);\n\
                   2026;1;1;0;0;\n2026;2;3;1;2;\n";
        assert_eq!(tally(csv), Tally { successful: 3, failed: 1, first: 2, second: 0 });
        assert_eq!(tally(""), Tally::default());
    }
}
