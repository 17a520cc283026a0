//! A person whom an organisation forgets: dead letters of the broker are stripped by the same rules.

pub use platform::person::Person;
