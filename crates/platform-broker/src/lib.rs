//! RabbitMQ for the services: supervised connections, topology, confirmed publishing, and a consumer
//! runner with a retry ladder and dead letters.
//!
//! The only crate that names lapin. It owns every acknowledgement: a [`Handler`] says what became of its
//! messages, and only this crate acks, delays or dead-letters them. It deliberately does not
//! de-duplicate (the inbox of `platform-pg` does), does not store what could not be published (the outbox
//! does), and does not know any event.
//!
//! lapin's own recovery is switched off: with it, confirms stay pending until a reconnect has finished, it
//! gives up after a number of tries, and it does not heal channel errors. Here everything is one rule:
//! whatever fails is dropped and opened anew, for ever.

mod backoff;
mod batch;
mod broker;
mod connection;
mod consumer;
mod copies;
pub mod dead_letters;
mod depths;
mod disposition;
mod error;
mod health;
mod lane;
mod publisher;
mod replica;
mod settings;
mod supervisor;
mod tape;
pub mod topology;
mod trace;

pub use broker::Broker;
pub use consumer::{HandleError, Handler, Incoming};
pub use error::BrokerError;
pub use health::Health;
pub use publisher::Publisher;
pub use replica::ReplicaHandler;
pub use settings::BrokerSettings;
pub use tape::{Reading, Recorded, TapeReader};
