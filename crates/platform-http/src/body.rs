//! Request bodies: one extractor that reads JSON within a size and a time.

use crate::dialect::HttpFault;
use crate::server::Edge;
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use contracts::{FaultCode, Surface, routes::body_limit};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use platform::Fault;
use serde_json::Value;

/// The most bytes that are set aside for a body before they have come.
const ROOM: usize = 256 * 1024;

/// A JSON document, not yet looked at. The limit is that of the path's surface.
#[derive(Clone, Debug)]
pub struct JsonBody(pub Value);

impl FromRequest for JsonBody {
    type Error = HttpFault;
    type Future = LocalBoxFuture<'static, Result<Self, HttpFault>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            check_media_type(&request)?;
            let bytes = read(&request, payload).await?;
            Ok(Self(document(&bytes)?))
        })
    }
}

/// A JSON document that may be left out: an empty body is none.
#[derive(Clone, Debug)]
pub struct OptionalJsonBody(pub Option<Value>);

impl FromRequest for OptionalJsonBody {
    type Error = HttpFault;
    type Future = LocalBoxFuture<'static, Result<Self, HttpFault>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let bytes = read(&request, payload).await?;
            if bytes.is_empty() {
                return Ok(Self(None));
            }
            check_media_type(&request)?;
            Ok(Self(Some(document(&bytes)?)))
        })
    }
}

/// The bytes of a JSON document, for routes that read it piece by piece. Not yet parsed.
#[derive(Clone, Debug)]
pub struct JsonBytes(pub Bytes);

impl FromRequest for JsonBytes {
    type Error = HttpFault;
    type Future = LocalBoxFuture<'static, Result<Self, HttpFault>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            check_media_type(&request)?;
            Ok(Self(read(&request, payload).await?))
        })
    }
}

/// The bytes of a body of any media type, for routes that take several. Never compressed.
#[derive(Clone, Debug)]
pub struct AnyBytes {
    pub bytes: Bytes,
    /// Without its parameters, in lower case: `application/xml`. `None` where nothing was said.
    pub media_type: Option<String>,
}

impl FromRequest for AnyBytes {
    type Error = HttpFault;
    type Future = LocalBoxFuture<'static, Result<Self, HttpFault>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            check_encoding(&request)?;
            let media_type = essence(&request).map(str::to_ascii_lowercase);
            Ok(Self { bytes: read(&request, payload).await?, media_type })
        })
    }
}

fn document(bytes: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message =
            format!("the body is not valid JSON (line {}, column {})", error.line(), error.column());
        Fault::new(FaultCode::MalformedBody, message)
    })
}

/// `application/json`, with any parameters, or nothing said; never compressed. A patch may say that it merges.
fn check_media_type(request: &HttpRequest) -> Result<(), Fault> {
    if let Some(essence) = essence(request) {
        // RFC 7396 §4: what a patch that merges may call itself.
        let is_patch =
            request.method() == Method::PATCH && essence.eq_ignore_ascii_case("application/merge-patch+json");
        if !is_patch && !essence.eq_ignore_ascii_case("application/json") {
            return Err(Fault::new(FaultCode::UnsupportedMediaType, "the body must be application/json"));
        }
    }
    check_encoding(request)
}

/// What the body says it is, without parameters.
fn essence(request: &HttpRequest) -> Option<&str> {
    let kind = request.headers().get(CONTENT_TYPE)?.to_str().unwrap_or_default();
    Some(kind.split(';').next().unwrap_or_default().trim())
}

fn check_encoding(request: &HttpRequest) -> Result<(), Fault> {
    match request.headers().get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            Err(Fault::new(FaultCode::UnsupportedMediaType, "the body must not be compressed"))
        }
        _ => Ok(()),
    }
}

/// What a request says of its body.
fn length(request: &HttpRequest) -> usize {
    let said = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    said.unwrap_or_default()
}

async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, Fault> {
    let limit = body_limit(Surface::of_path(request.path()));
    let Some(edge) = request.app_data::<web::Data<Edge>>() else {
        return Err(Fault::internal("the application has no edge"));
    };
    let whole = async {
        let mut body = BytesMut::with_capacity(length(request).min(limit).min(ROOM));
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| {
                Fault::new(FaultCode::BadRequest, "the body broke off").because(error.to_string())
            })?;
            if body.len() + chunk.len() > limit {
                return Err(too_large(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    let seconds = edge.body_timeout.as_secs();
    tokio::time::timeout(edge.body_timeout, whole).await.unwrap_or_else(|_| {
        Err(Fault::new(FaultCode::BadRequest, format!("the body did not arrive within {seconds} seconds")))
    })
}

/// The fault of a body above its limit in bytes.
pub fn too_large(limit: usize) -> Fault {
    Fault::new(FaultCode::PayloadTooLarge, format!("the body is larger than {limit} bytes"))
}
