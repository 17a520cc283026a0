//! CRM resources as callers and subscribers see them: one form for both. Their changes are in
//! [`crate::crm_events`].

use chrono::{DateTime, NaiveDate, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The id of a CRM resource: 24 lower-case hexadecimal characters, of which the first eight are the Unix time in
/// seconds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId([u8; 12]);

/// The text is not an [`ObjectId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnObjectId;

impl ObjectId {
    /// An id of a second; the tail must be random for it to be unique.
    pub fn new(seconds: u32, tail: [u8; 8]) -> Self {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..].copy_from_slice(&tail);
        Self(bytes)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

impl fmt::Display for NotAnObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not 24 lower-case hexadecimal characters")
    }
}

impl std::error::Error for NotAnObjectId {}

impl FromStr for ObjectId {
    type Err = NotAnObjectId;

    fn from_str(text: &str) -> Result<Self, NotAnObjectId> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NotAnObjectId),
        };
        let text: &[u8; 24] = text.as_bytes().try_into().map_err(|_error| NotAnObjectId)?;
        let mut bytes = [0; 12];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl JsonSchema for ObjectId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ObjectId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9a-f]{24}$",
            "description": "24 lower-case hexadecimal characters, of which the first eight are the Unix time in seconds.",
        })
    }
}

impl TryFrom<String> for ObjectId {
    type Error = NotAnObjectId;

    fn try_from(text: String) -> Result<Self, NotAnObjectId> {
        text.parse()
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A resource with what every resource has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record<T> {
    pub id: ObjectId,
    #[serde(flatten)]
    pub fields: T,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The names under which a kind of event goes: routing key and type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    pub routing_key: &'static str,
    pub kind: &'static str,
}

/// A kind of resource: its fields, and what its events are called.
pub trait Resource:
    Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    const CREATED: Names;
    const UPDATED: Names;
    const DELETED: Names;

    /// Every resource has a name.
    fn name(&self) -> &str;
}

macro_rules! names {
    ($($resource:ident: $noun:literal;)*) => {$(
        impl Resource for $resource {
            const CREATED: Names = Names {
                routing_key: concat!("crm.", $noun, ".created.v1"), kind: concat!($noun, ".created"),
            };
            const UPDATED: Names = Names {
                routing_key: concat!("crm.", $noun, ".updated.v1"), kind: concat!($noun, ".updated"),
            };
            const DELETED: Names = Names {
                routing_key: concat!("crm.", $noun, ".deleted.v1"), kind: concat!($noun, ".deleted"),
            };

            fn name(&self) -> &str {
                &self.name
            }
        }
    )*};
}

names! {
    Product: "product";
    Customer: "customer";
    Lead: "lead";
    Automation: "automation";
}

/// Something the company sells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    pub name: String,
    /// Unique in the organisation.
    pub slug: Option<String>,
    /// Unique in the organisation.
    pub sku: Option<String>,
    pub description: Option<String>,
    pub product_type: ProductType,
    pub is_active: bool,
    pub tags: Vec<String>,
    pub category_name: Option<String>,
    /// ISO 4217, lower case.
    pub currency: String,
    pub price_cents: i64,
    pub inventory_enabled: bool,
    pub inventory_mode: InventoryMode,
    pub taxable: bool,
    /// 0 to 100.
    pub tax_rate_percent: f64,
}

/// What kind of thing a product is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductType {
    Simple,
    Service,
    Variable,
    Composite,
}

/// What a sale takes from stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InventoryMode {
    Materials,
    #[serde(rename = "self")]
    Itself,
    Hybrid,
}

impl Default for Product {
    fn default() -> Self {
        Self {
            name: String::new(),
            slug: None,
            sku: None,
            description: None,
            product_type: ProductType::Simple,
            is_active: true,
            tags: Vec::new(),
            category_name: None,
            currency: "mxn".to_owned(),
            price_cents: 0,
            inventory_enabled: false,
            inventory_mode: InventoryMode::Itself,
            taxable: false,
            tax_rate_percent: 0.0,
        }
    }
}

/// A person or company that has done business with the organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Customer {
    pub name: String,
    pub short_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub birthdate: Option<NaiveDate>,
    pub source: Option<String>,
    pub notes: Option<String>,
    pub is_active: bool,
}

impl Default for Customer {
    fn default() -> Self {
        Self {
            name: String::new(),
            short_name: None,
            email: None,
            phone: None,
            birthdate: None,
            source: None,
            notes: None,
            is_active: true,
        }
    }
}

/// A prospect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lead {
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub company_name: Option<String>,
    pub job_title: Option<String>,
    pub source: Option<String>,
    pub preferred_contact_method: Option<String>,
    pub status: String,
    pub notes: Option<String>,
    pub metadata: BTreeMap<String, String>,
    /// Whether it has a customer.
    pub converted: bool,
    pub customer_id: Option<ObjectId>,
}

impl Default for Lead {
    fn default() -> Self {
        Self {
            name: String::new(),
            email: None,
            phone: None,
            company_name: None,
            job_title: None,
            source: None,
            preferred_contact_method: None,
            status: "new".to_owned(),
            notes: None,
            metadata: BTreeMap::new(),
            converted: false,
            customer_id: None,
        }
    }
}

/// A workflow that a trigger starts. Its steps are not part of what is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Automation {
    pub name: String,
    pub description: Option<String>,
    pub active: bool,
    /// `lead_created`, `customer_updated`, ….
    pub trigger_type: String,
    pub steps_count: i64,
}
