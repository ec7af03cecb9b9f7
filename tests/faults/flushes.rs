//! Are promises on the disk when they are given? Nobody but the kernel knows: `strace` counts how often the writer asked
//! it, while messages are said one after the other, so that each is a batch of its own.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use bangban_tests::{Client, Engine};
use serde::Serialize;
use tokio::{task::block_in_place, time::sleep};

use crate::world::World;

/// Messages that are said, each after the answer to the one before.
const MESSAGES: u32 = 40;

/// `strace` needs so long to take hold of all threads.
const ATTACH: Duration = Duration::from_millis(800);

/// What was counted.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Flushes {
    /// Messages that were said one by one; 0: not counted, because `strace` is missing or may not look.
    pub(crate) flushed_messages: u32,
    /// `fsync` and `fdatasync` of the process that writes.
    pub(crate) flushes: u32,
    /// SQLite: `PRAGMA synchronous` is checked by the server at its start, which would have failed. PostgreSQL's own
    /// setting in the server's database.
    pub(crate) synchronous: String,
}

impl Flushes {
    /// At least one for each.
    pub(crate) const fn are_enough(&self) -> bool {
        self.flushes >= self.flushed_messages
    }
}

/// Says messages and counts.
pub(crate) async fn count(world: &mut World, on: Engine) -> Flushes {
    // A message of the bot's or of the other clients would only add flushes, never hide a missing one.
    let token = world.server.citizen_token("load-citizen-999999").await;
    let mut client = Client::connect(world.server.address, &token).await;
    let id = client.open().await;
    let processes = match on {
        Engine::Sqlite => vec![world.server.pid()],
        Engine::Postgres => world.writers().await,
    };
    let file = world.server.folder().join("strace");
    let Some(mut tracing) = trace(&processes, &file).await else {
        return Flushes { synchronous: world.synchronous(on).await, ..Flushes::default() };
    };
    for n in 0..MESSAGES {
        client.say(id, &format!("f-{n}"), "在盘上吗").await;
    }
    drop(Command::new("kill").args(["-INT", &tracing.id().to_string()]).status());
    drop(block_in_place(|| tracing.wait()));
    let lines = std::fs::read_to_string(&file).unwrap_or_default();
    let flushes = lines.lines().filter(|line| line.contains("sync(")).count();
    Flushes {
        flushed_messages: MESSAGES,
        flushes: u32::try_from(flushes).unwrap_or(u32::MAX),
        synchronous: world.synchronous(on).await,
    }
}

/// `None`: it cannot be done here.
async fn trace(processes: &[u32], file: &std::path::Path) -> Option<Child> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-o"]).arg(file);
    for process in processes {
        strace.arg("-p").arg(process.to_string());
    }
    let mut child = strace.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    // Where it may not look, it ends at once.
    sleep(ATTACH).await;
    child.try_wait().ok()?.is_none().then_some(child)
}
