//! The schemas of events are compiled in, each under the name of its file.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

const SUFFIX: &str = ".schema.json";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=../../proto/events");
    let folder = fs::canonicalize("../../proto/events")?;
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let mut code = String::from("&[\n");
    for name in names.iter().filter_map(|name| name.strip_suffix(SUFFIX)) {
        let path = folder.join(format!("{name}{SUFFIX}")).to_string_lossy().into_owned();
        writeln!(code, "({name:?}, include_str!({path:?})),").map_err(io::Error::other)?;
    }
    code.push(']');
    #[expect(clippy::disallowed_methods, reason = "this is how cargo tells a build script where to write")]
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("event_schemas.rs"), code)
}
