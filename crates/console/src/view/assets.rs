//! The files that pages refer to, compiled in.

use platform::secrets::{base64url, digest};
use std::sync::LazyLock;

/// A file.
#[derive(Debug)]
pub struct Asset {
    pub name: &'static str,
    pub kind: &'static str,
    pub bytes: &'static [u8],
    /// Changes with the content.
    pub version: String,
}

/// All of them.
pub static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    let asset = |name, kind, bytes: &'static [u8]| {
        let version = base64url(&digest(bytes)).chars().take(16).collect();
        Asset { name, kind, bytes, version }
    };
    [
        asset("console.css", "text/css; charset=utf-8", include_bytes!("../../assets/console.css")),
        asset("console.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/console.js")),
        asset("icon.svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
    ]
});

/// Where a file is, in its present version.
pub fn address(name: &str) -> String {
    let version = ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| &asset.version);
    format!("/console/assets/{name}?v={version}")
}
