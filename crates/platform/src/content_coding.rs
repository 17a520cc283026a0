//! Large bodies of messages travel compressed: Zstandard (RFC 8878), `content_encoding` `zstd`.
//!
//! What is compressed is a batch of events, whose envelopes are alike, before it is put into the outbox: the database, its
//! log, the broker and the broker's logs then have a tenth of it and less to carry. The bytes tell that they are compressed
//! (no JSON begins like a frame of Zstandard), so that the outbox need not.

use bytes::Bytes;
use thiserror::Error;
use zstd::zstd_safe::get_frame_content_size;

/// The name of the coding in `content_encoding` (IANA, HTTP Content Coding Registry).
pub const ZSTD: &str = "zstd";
/// Bytes from which on a body is compressed. What is smaller stays readable wherever it lies.
pub const WORTHWHILE: usize = 16 * 1024;
/// The most that a body may come to: what RabbitMQ takes of a message at most, unless it is told otherwise.
pub const LARGEST: usize = 16 * 1024 * 1024;

/// The fastest of the levels that are no compromise: events of a batch are alike enough for it.
const LEVEL: i32 = 1;
/// How a frame begins (RFC 8878 §3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CodingError {
    #[error("the content_encoding is not one that is known here")]
    Unknown,
    #[error("the body is no frame of Zstandard that says its size")]
    Broken,
    #[error("the body is larger than {LARGEST} bytes")]
    TooLarge,
}

/// A body as it is to travel.
pub fn encoded(body: Vec<u8>) -> Vec<u8> {
    if body.len() < WORTHWHILE {
        return body;
    }
    match zstd::bulk::compress(&body, LEVEL) {
        Ok(frame) if frame.len() < body.len() => frame,
        _ => body,
    }
}

/// A body in the coding that another has.
///
/// # Errors
/// When the coding is unknown.
pub fn recoded(coding: Option<&str>, body: Vec<u8>) -> Result<Vec<u8>, CodingError> {
    match coding {
        None => Ok(body),
        Some(ZSTD) => {
            zstd::bulk::compress(&body, LEVEL).map_err(|_error: std::io::Error| CodingError::Broken)
        }
        Some(_) => Err(CodingError::Unknown),
    }
}

/// Whether [`encoded`] has compressed it.
pub fn is_encoded(body: &[u8]) -> bool {
    body.starts_with(&MAGIC)
}

/// How large a body is when it is decoded, as far as it says; of one that cannot be decoded, its own length.
pub fn decoded_len(coding: Option<&str>, body: &[u8]) -> usize {
    match coding {
        Some(ZSTD) => said_len(body).unwrap_or(body.len()),
        _ => body.len(),
    }
}

/// A body as it was before it was encoded.
///
/// # Errors
/// When the coding is unknown, or the body is not of it, or larger than [`LARGEST`].
pub fn decoded(coding: Option<&str>, body: &Bytes) -> Result<Bytes, CodingError> {
    match coding {
        None => Ok(body.clone()),
        Some(ZSTD) => {
            let length = said_len(body)?;
            let plain = zstd::bulk::decompress(body, length);
            plain.map(Bytes::from).map_err(|_broken: std::io::Error| CodingError::Broken)
        }
        Some(_) => Err(CodingError::Unknown),
    }
}

fn said_len(frame: &[u8]) -> Result<usize, CodingError> {
    let said = get_frame_content_size(frame).ok().flatten().ok_or(CodingError::Broken)?;
    usize::try_from(said).ok().filter(|length| *length <= LARGEST).ok_or(CodingError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_body_is_a_frame_that_comes_back_and_a_small_one_stays() {
        let body = b"{\"specversion\":\"1.0\"},".repeat(1_000);
        let frame = encoded(body.clone());
        assert!(is_encoded(&frame) && frame.len() * 10 < body.len());
        assert_eq!(decoded_len(Some(ZSTD), &frame), body.len());
        assert_eq!(decoded(Some(ZSTD), &frame.into()).unwrap(), body);
        let small = b"[{}]".to_vec();
        assert_eq!(encoded(small.clone()), small);
        assert!(!is_encoded(&small));
        assert_eq!(decoded(None, &small.clone().into()).unwrap(), small);
    }

    #[test]
    fn what_cannot_be_compressed_stays_as_it_is() {
        let mut body = vec![0; WORTHWHILE];
        getrandom::fill(&mut body).unwrap();
        body[0] = b'[';
        assert_eq!(encoded(body.clone()), body);
    }

    #[test]
    fn bodies_that_are_not_what_they_say_are_refused_before_they_take_memory() {
        let frame = encoded(vec![b' '; WORTHWHILE]);
        let bomb = zstd::bulk::compress(&vec![b' '; LARGEST + 1], LEVEL).unwrap();
        let cut = &frame[..frame.len() - 1];
        for (coding, body, error) in [
            ("zstd", b"[]".as_slice(), CodingError::Broken),
            ("zstd", b"".as_slice(), CodingError::Broken),
            ("zstd", cut, CodingError::Broken),
            ("zstd", &bomb, CodingError::TooLarge),
            ("gzip", &frame, CodingError::Unknown),
        ] {
            assert_eq!(decoded(Some(coding), &Bytes::copy_from_slice(body)), Err(error));
        }
        assert_eq!(decoded_len(Some("zstd"), b"[]"), 2);
    }
}
