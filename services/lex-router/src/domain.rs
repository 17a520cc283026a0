//! What lex-router knows of messages, leads and those who exchange them. Pure; the rules are crate `lex`.

pub mod announcement;
pub mod lead;
pub mod listing;
pub mod person;
pub mod record;
pub mod rehearsal;
pub mod sender;
pub mod submission;
pub mod world;
