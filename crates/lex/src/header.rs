//! The header of a message that the rules let through, read once; and the names that it may bear.

use crate::Message;
use crate::node::instant;
use chrono::{DateTime, Utc};

/// The exchange itself as a receiver: a message for all who take part in its lead.
pub const PLATFORM: &str = "LEX-PLATFORM";
/// Every subscribed party as a receiver.
pub const BROADCAST: &str = "BROADCAST";

/// What a message is about. It chooses the one member of `payload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageType {
    Lead,
    Asset,
    Acknowledgment,
    Subscription,
    LeadClosure,
}

impl MessageType {
    pub const NAMES: [&str; 5] = ["LEAD", "ASSET", "ACKNOWLEDGMENT", "SUBSCRIPTION", "LEAD_CLOSURE"];

    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "LEAD" => Self::Lead,
            "ASSET" => Self::Asset,
            "ACKNOWLEDGMENT" => Self::Acknowledgment,
            "SUBSCRIPTION" => Self::Subscription,
            "LEAD_CLOSURE" => Self::LeadClosure,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "LEAD",
            Self::Asset => "ASSET",
            Self::Acknowledgment => "ACKNOWLEDGMENT",
            Self::Subscription => "SUBSCRIPTION",
            Self::LeadClosure => "LEAD_CLOSURE",
        }
    }

    /// The member of `payload` that holds it.
    pub fn payload_key(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Asset => "asset",
            Self::Acknowledgment => "acknowledgment",
            Self::Subscription => "subscription",
            Self::LeadClosure => "leadClosure",
        }
    }
}

/// The type that the header names, if it is one.
pub fn of_type(message: &Message) -> Option<MessageType> {
    MessageType::parse(message.header_text("messageType")?)
}

/// What every valid message has in its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub message_id: &'a str,
    pub message_type: MessageType,
    pub timestamp: DateTime<Utc>,
    pub sender_id: &'a str,
    pub receiver_id: &'a str,
    pub correlation_id: Option<&'a str>,
}

impl<'a> Header<'a> {
    /// `Some` for every message whose header the rules let through.
    pub fn read(message: &'a Message) -> Option<Self> {
        Some(Self {
            message_id: message.header_text("messageId")?,
            message_type: of_type(message)?,
            timestamp: instant(message.header_text("timestamp")?)?,
            sender_id: message.header_text("senderId")?,
            receiver_id: message.header_text("receiverId")?,
            correlation_id: message.header_text("correlationId"),
        })
    }
}
