//! Customers: which fields can be sent.

use super::fields::Fields;
use contracts::crm::Customer;

/// The fields that can be sent.
pub fn read(sent: &Fields<'_>, customer: &mut Customer) {
    sent.text("name", 255, &mut customer.name);
    sent.nullable_text("short_name", 100, &mut customer.short_name);
    sent.email("email", &mut customer.email);
    sent.nullable_text("phone", 50, &mut customer.phone);
    sent.date("birthdate", &mut customer.birthdate);
    sent.nullable_text("source", 100, &mut customer.source);
    sent.nullable_text("notes", 10_000, &mut customer.notes);
    sent.flag("is_active", &mut customer.is_active);
}
