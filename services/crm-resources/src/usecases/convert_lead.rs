//! Turning a lead into a customer, once.

use super::update::Change;
use super::write::{Answer, Begun, Render, Write, WriteError};
use crate::domain::change::Versioned;
use crate::state::State;
use crate::store::customers;
use contracts::crm::{Customer, Lead};
use contracts::identity::Principal;

/// Answers 200 with the lead, which then has a customer: the one with its e-mail address, or a new one. A lead that
/// was converted before stays as it is.
pub async fn convert_lead(
    state: &State,
    caller: &Principal,
    change: Change<'_>,
    render: Render<Lead>,
) -> Result<Answer, WriteError> {
    let mut write = match Write::by(state, caller, change.once).await? {
        Begun::Fresh(write) => write,
        Begun::Replay(answer) => return Ok(answer),
    };
    let lead = write.lock::<Lead>(change.id).await?;
    if !change.precondition.holds(lead.version) {
        return Err(WriteError::PreconditionFailed);
    }
    let lead = convert(&mut write, lead).await?;
    write.answer(200, &lead, render).await
}

/// Converts a locked lead as part of a change.
pub async fn convert(write: &mut Write<'_>, lead: Versioned<Lead>) -> Result<Versioned<Lead>, WriteError> {
    if lead.record.fields.converted {
        return Ok(lead);
    }
    let mut fields = lead.record.fields.clone();
    let organization = write.organization();
    let known = match &fields.email {
        Some(email) => customers::find_by_email(write.connection(), organization, email).await?,
        None => None,
    };
    let customer = match known {
        Some(customer) => customer,
        None => write.create(customer_of(&fields)).await?,
    };
    fields.customer_id = Some(customer.record.id);
    fields.converted = true;
    "converted".clone_into(&mut fields.status);
    write.update(lead, fields).await
}

fn customer_of(lead: &Lead) -> Customer {
    Customer {
        name: lead.name.clone(),
        email: lead.email.clone(),
        phone: lead.phone.clone(),
        source: lead.source.clone(),
        notes: lead.notes.clone(),
        ..Customer::default()
    }
}
