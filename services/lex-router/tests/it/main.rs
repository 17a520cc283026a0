//! lex-router as a whole, over HTTP, with a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test ends where its surroundings fail")]

mod harness;
mod http_surface;
