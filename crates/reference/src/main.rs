//! Writes the generated files below `proto/`.

use std::fs;
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    for (name, text) in reference::files()? {
        let path = proto.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}
