//! `XML_EDI` in its current shape: elements carry the JSON names, arrays are wrappers of repeated elements
//! (LEX reference §11.2). Text has no type, so reading asks the schemas for it. The two older shapes are refused.

mod names;
mod read;
mod tree;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;

/// Marks text whose white space counts, and text that is empty rather than absent. Readers that do not know it
/// lose no more than they would anyway.
const SPACE: &str = "xml:space";
const PRESERVE: &str = "preserve";
