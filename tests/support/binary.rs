//! Where the server's binary is.
//!
//! Cargo names it (`CARGO_BIN_EXE_bangban`) only to tests of its own package, and these tests are a package of their own,
//! so that they can know nothing of the server's inside. A test of the whole workspace has built it beside our own
//! executable. A test of this package alone has not; then an old binary must not pass for the new one, so its age is
//! compared with everything that Cargo made it from.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::SystemTime,
};

/// The server's binary, built from the sources as they are.
///
/// # Panics
/// If it is missing or older than its sources; says what to do.
#[must_use]
pub fn bangban() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let ours = std::env::current_exe().unwrap();
        // target/debug/deps/stories-0123 or target/debug/bangban-faults -> target/debug/bangban
        let mut folder = ours.parent().unwrap();
        if folder.ends_with("deps") {
            folder = folder.parent().unwrap();
        }
        let path = folder.join("bangban");
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        if let Err(problem) = is_up_to_date(&path, workspace) {
            panic!("{problem}: run `cargo build -p bangban-server` first, or test the whole workspace");
        }
        path
    })
}

/// Not older than anything of the workspace that it was made from.
fn is_up_to_date(path: &Path, workspace: &Path) -> Result<(), String> {
    let built = changed(path).ok_or_else(|| format!("{} is missing", path.display()))?;
    let list = path.with_extension("d");
    let sources = match fs::read_to_string(&list) {
        Ok(rule) => sources_of(&rule),
        // Written by `cargo build` only: a test of the whole workspace is all that has ever run here.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", list.display())),
    };
    // Clones share a target folder: a list of another one's sources, which may be gone, says nothing of ours.
    if !sources.iter().any(|source| source.starts_with(workspace)) {
        return Ok(());
    }
    for source in sources {
        if changed(&source).is_none_or(|at| at > built) {
            return Err(format!("{} is older than {}", path.display(), source.display()));
        }
    }
    Ok(())
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// The right side of the rule that Cargo writes, `/target/debug/bangban: /src/a.rs /src/b.rs`. A blank in a path has a
/// backslash before it. Folders are left out: their time changes with files that may not concern the binary.
fn sources_of(rule: &str) -> Vec<PathBuf> {
    let Some((_, list)) = rule.trim().split_once(": ") else { return Vec::new() };
    let mut sources = vec![String::new()];
    let mut signs = list.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => sources.last_mut().unwrap().extend(signs.next()),
            ' ' => sources.push(String::new()),
            other => sources.last_mut().unwrap().push(other),
        }
    }
    sources.into_iter().map(PathBuf::from).filter(|source| !source.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_or_missing_binary_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let (binary, source) = (at("bangban"), at("a source.rs"));
        let judged = |binary: &Path| is_up_to_date(binary, dir.path());
        assert!(judged(&binary).unwrap_err().contains("is missing"));
        fs::write(&source, "").unwrap();
        fs::write(&binary, "").unwrap();
        let rule = format!("{}: {}", binary.display(), source.display().to_string().replace(' ', "\\ "));
        fs::write(at("bangban.d"), &rule).unwrap();
        assert_eq!(sources_of(&rule), std::slice::from_ref(&source));
        assert_eq!(judged(&binary), Ok(()));
        let later = changed(&binary).unwrap() + std::time::Duration::from_secs(1);
        fs::File::options().append(true).open(&source).unwrap().set_modified(later).unwrap();
        assert!(judged(&binary).unwrap_err().contains("is older than"));
        assert_eq!(is_up_to_date(&binary, Path::new("/another/clone")), Ok(()), "a list of another clone's sources");
        fs::remove_file(&source).unwrap();
        assert!(judged(&binary).is_err());
        fs::remove_file(at("bangban.d")).unwrap();
        assert_eq!(judged(&binary), Ok(()), "nothing was ever built alone");
    }
}
