//! The event types that `GET /webhook-events` names: the contract's first, then ours.

/// Any well-formed type may be subscribed to; these are the ones that are published.
pub const WEBHOOK_EVENTS: [&str; 20] = [
    "lead.created",
    "lead.updated",
    "lead.qualified",
    "lead.converted",
    "lead.rejected",
    "assignment.created",
    "assignment.accepted",
    "assignment.rejected",
    "policy.created",
    "policy.updated",
    "policy.activated",
    "policy.cancelled",
    "quote.created",
    "quote.sent",
    "quote.accepted",
    "quote.rejected",
    "proposal.created",
    "proposal.sent",
    "proposal.accepted",
    "proposal.rejected",
];
