//! Leads: which fields can be sent.

use super::fields::Fields;
use contracts::crm::Lead;

/// In bytes, as JSON.
pub const LARGEST_METADATA: usize = 4096;

/// The fields that can be sent.
pub fn read(sent: &Fields<'_>, lead: &mut Lead) {
    sent.text("name", 255, &mut lead.name);
    sent.email("email", &mut lead.email);
    sent.nullable_text("phone", 50, &mut lead.phone);
    sent.nullable_text("company_name", 255, &mut lead.company_name);
    sent.nullable_text("job_title", 255, &mut lead.job_title);
    sent.nullable_text("source", 100, &mut lead.source);
    sent.nullable_text("preferred_contact_method", 100, &mut lead.preferred_contact_method);
    sent.text("status", 100, &mut lead.status);
    sent.nullable_text("notes", 10_000, &mut lead.notes);
    sent.text_map("metadata", LARGEST_METADATA, &mut lead.metadata);
}
