//! The rules of LEX from outside: every code, the conformance cases, and that nothing makes them fall over.

mod blocks;
mod conformance;
mod consent;
mod core;
mod others;
mod support;
mod total;
