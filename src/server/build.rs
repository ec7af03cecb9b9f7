//! The pages are built by `make web`, never by cargo, so that check, clippy and tests need no Node.js. Without them a
//! debug build warns (the server answers 503 and says what to do); a release build stops, because a server without
//! pages must not be shipped by accident.

use std::{env, fs, path::Path};

fn main() {
    // Asked when it runs: clones that share a target folder share this program too.
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is");
    let dist = Path::new(&package).join("../../web-agent/dist");
    println!("cargo:rerun-if-changed={}", dist.display());
    println!("cargo:rerun-if-env-changed=ALLOW_NO_WEB");
    // rust-embed notes the folder's real path when it compiles, and cargo runs this anew at every build while the
    // folder is missing; an empty one (it is ignored by git) spares both. If it cannot be made, the warning says enough.
    fs::create_dir_all(&dist).ok();
    // Built last, so its presence says that the whole web build went well.
    if dist.join("bangban.js").is_file() {
        return;
    }
    let message = "web-agent/dist has no pages, run: make web";
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    assert!(!is_release || env::var_os("ALLOW_NO_WEB").is_some(), "{message} (ALLOW_NO_WEB=1 builds without them)");
    println!("cargo:warning={message}");
}
