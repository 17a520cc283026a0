//! Automations, as far as this API changes them.

use super::fields::Fields;
use contracts::crm::Automation;

/// The fields that can be sent.
pub fn read(sent: &Fields<'_>, automation: &mut Automation) {
    sent.text("name", 255, &mut automation.name);
    sent.nullable_text("description", 10_000, &mut automation.description);
    sent.flag("active", &mut automation.active);
    for name in ["trigger_type", "trigger_config", "steps"] {
        sent.refuse(name, "cannot be changed through this API");
    }
}
