//! Forgetting a person: their records stay, without anything that says who it was.

use super::write::{Write, WriteError};
use crate::state::State;
use crate::store::erasure::{self, Person};
use contracts::crm::{Customer, Lead};
use contracts::internal::Erase;

/// What a name becomes.
const ERASED: &str = "[erased]";

/// Strips the customers and leads of a person, tells subscribers, and answers how many there were. Safe to repeat.
pub async fn erase_person(state: &State, wish: &Erase) -> Result<u64, WriteError> {
    let organization = wish.organization_id;
    let person = Person { email: wish.email.as_deref(), phone: wish.phone.as_deref() };
    let mut write = Write::of(state, organization, None).await?;
    let customers = erasure::customers(write.connection(), organization, person).await?;
    let leads = erasure::leads(write.connection(), organization, person).await?;
    for id in &leads {
        let lead = write.lock::<Lead>(*id).await?;
        let stripped = stripped_lead(&lead.record.fields);
        write.erase(&lead, stripped).await?;
    }
    for id in &customers {
        let customer = write.lock::<Customer>(*id).await?;
        let stripped = stripped_customer(&customer.record.fields);
        write.erase(&customer, stripped).await?;
    }
    let ids: Vec<String> = leads.iter().chain(&customers).map(ToString::to_string).collect();
    erasure::forget_runs(write.connection(), organization, &ids).await?;
    erasure::forget_answers(write.connection(), organization, &ids).await?;
    write.commit().await?;
    Ok(ids.len() as u64)
}

fn stripped_lead(lead: &Lead) -> Lead {
    Lead {
        name: ERASED.to_owned(),
        source: lead.source.clone(),
        status: lead.status.clone(),
        converted: lead.converted,
        customer_id: lead.customer_id,
        ..Lead::default()
    }
}

fn stripped_customer(customer: &Customer) -> Customer {
    Customer {
        name: ERASED.to_owned(),
        source: customer.source.clone(),
        is_active: customer.is_active,
        ..Customer::default()
    }
}
