//! What the resources differ in on the HTTP side: who may do what, and which fields can be sent. The operations are in
//! [`super::crud`].

use crate::domain::fields::Read;
use crate::domain::{automation, customer, lead, product};
use crate::store::Table;
use contracts::crm::{Automation, Customer, Lead, Product};
use dialects::crm::{
    CreateAutomations, CreateCustomers, CreateLeads, CreateProducts, DeleteAutomations, DeleteCustomers,
    DeleteLeads, DeleteProducts, ReadAutomations, ReadCustomers, ReadLeads, ReadProducts, UpdateAutomations,
    UpdateCustomers, UpdateLeads, UpdateProducts,
};
use platform_http::Permission;

/// A resource with routes.
pub trait Served: Table {
    type Read: Permission;
    type Create: Permission;
    type Update: Permission;
    type Delete: Permission;
    const FIELDS: Read<Self>;
}

impl Served for Product {
    type Read = ReadProducts;
    type Create = CreateProducts;
    type Update = UpdateProducts;
    type Delete = DeleteProducts;
    const FIELDS: Read<Self> = product::read;
}

impl Served for Customer {
    type Read = ReadCustomers;
    type Create = CreateCustomers;
    type Update = UpdateCustomers;
    type Delete = DeleteCustomers;
    const FIELDS: Read<Self> = customer::read;
}

impl Served for Lead {
    type Read = ReadLeads;
    type Create = CreateLeads;
    type Update = UpdateLeads;
    type Delete = DeleteLeads;
    const FIELDS: Read<Self> = lead::read;
}

impl Served for Automation {
    type Read = ReadAutomations;
    type Create = CreateAutomations;
    type Update = UpdateAutomations;
    type Delete = DeleteAutomations;
    const FIELDS: Read<Self> = automation::read;
}
