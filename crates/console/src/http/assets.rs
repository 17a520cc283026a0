//! Files and pages that are part of the program, and change with it alone.

use super::stop::Stop;
use crate::view::assets::ASSETS;
use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};

/// 200 with a file of the console.
pub async fn get(request: HttpRequest, file: web::Path<String>) -> Result<HttpResponse, Stop> {
    let asset = ASSETS.iter().find(|asset| asset.name == *file).ok_or_else(Stop::missing)?;
    Ok(unless_known(&request, &asset.version, asset.kind, asset.bytes))
}

/// 200, or 304 for whoever has this version.
pub fn unless_known(request: &HttpRequest, version: &str, kind: &str, bytes: &'static [u8]) -> HttpResponse {
    let tag = format!("\"{version}\"");
    let known = request.headers().get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let has_it =
        known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag));
    let mut response = if has_it { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, tag)).insert_header((CACHE_CONTROL, "public, max-age=3600"));
    if has_it { response.finish() } else { response.content_type(kind).body(bytes) }
}
