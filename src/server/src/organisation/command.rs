//! `bangban import|export items FILE`: the catalogue as a file, while no server runs on the database.

use std::path::Path;

use anyhow::Context as _;
use bangban_domain::org::Directory;
use bangban_store::{Author, Store};

use super::{
    found,
    import::plan,
    sheet::{Format, read, write},
};
use crate::{clock::Clock, config::Config};

async fn open(config: &Config) -> anyhow::Result<(Store, Directory)> {
    let store = Store::open(&config.database(), config.limits.mailbox, Box::new(|_| {})).await?;
    found(&store, Clock::system().now()).await?;
    let directory = super::read(&store).await?;
    Ok((store, directory))
}

fn format_of(path: &Path) -> anyhow::Result<Format> {
    Format::of(path).with_context(|| format!("{}: the name must end in .csv or .xlsx", path.display()))
}

/// Imports a file; prints what it did, and every bad row. Fails if there was one and it was not to be skipped.
///
/// # Errors
/// One line that names the cause.
pub async fn import_items(config: &Config, path: &Path, dry_run: bool, skip_bad: bool) -> anyhow::Result<()> {
    let format = format_of(path)?;
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let rows = read(format, &bytes).with_context(|| path.display().to_string())?;
    let (store, directory) = open(config).await?;
    let plan = plan(&directory, &rows, |_, _| true);
    let may_go_on = plan.may_go_on(skip_bad);
    let report = if may_go_on && !dry_run {
        let reason = Some(format!("bangban import items {}", path.display()));
        plan.carry_out(&store, Author::System, None, reason, Clock::system().now()).await?
    } else {
        plan.report
    };
    store.close().await;
    for bad in &report.bad {
        println!("row {}: {}: {}", bad.row, bad.field, bad.problem);
    }
    let done = if report.imported { "imported" } else { "nothing imported" };
    println!(
        "{} rows: {} new, {} changed, {} unchanged, {} bad; {done}",
        report.rows, report.new, report.changed, report.unchanged, report.bad_rows
    );
    anyhow::ensure!(may_go_on, "bad rows stand in the way (--skip-bad leaves them out)");
    Ok(())
}

/// Writes all items to a file.
///
/// # Errors
/// One line that names the cause.
pub async fn export_items(config: &Config, path: &Path) -> anyhow::Result<()> {
    let format = format_of(path)?;
    let (store, directory) = open(config).await?;
    let file = write(format, directory.items())?;
    std::fs::write(path, file).with_context(|| path.display().to_string())?;
    store.close().await;
    println!("{} items written to {}", directory.items().count(), path.display());
    Ok(())
}
