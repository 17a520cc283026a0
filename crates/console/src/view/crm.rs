//! Leads, customers and products.

use super::events::{Asked, asked, criterion};
use super::layout::{page, sentence};
use super::{Frame, number, parts, rows, text, time, times};
use maud::{Markup, html};
use serde_json::Value;

const HOME: &str = "/console/crm";

/// Whose things are shown: the key's own organisation, or for an administrator the one that is asked for.
#[derive(Clone, Debug)]
pub struct Whose {
    pub organization: Option<String>,
    pub admin: bool,
}

impl Whose {
    /// An administrator has not said whose.
    pub fn is_unknown(&self) -> bool {
        self.admin && self.organization.is_none()
    }

    /// A page of the area, still of the same organisation.
    pub fn to(&self, path: &str) -> String {
        self.with(path, &[])
    }

    /// The same, asked with more.
    pub fn with(&self, path: &str, more: &[(&str, &str)]) -> String {
        let organization = self.organization.as_deref().map(|id| ("organization", id));
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(organization.iter().chain(more).filter(|(_, value)| !value.is_empty()))
            .finish();
        if query.is_empty() { format!("{HOME}{path}") } else { format!("{HOME}{path}?{query}") }
    }
}

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Leads,
    Customers,
    Products,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Leads, Self::Customers, Self::Products];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leads => "leads",
            Self::Customers => "customers",
            Self::Products => "products",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Leads => "Leads",
            Self::Customers => "Customers",
            Self::Products => "Products",
        }
    }

    const fn one(self) -> &'static str {
        match self {
            Self::Leads => "lead",
            Self::Customers => "customer",
            Self::Products => "product",
        }
    }

    /// Columns of the table, between the name and the times.
    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Leads => &["status", "email", "company_name", "source"],
            Self::Customers => &["is_active", "email", "phone", "source"],
            Self::Products => &["is_active", "sku", "price_cents", "category_name"],
        }
    }

    /// Every field, in the order of the file.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Leads => &[
                "id",
                "name",
                "status",
                "email",
                "phone",
                "company_name",
                "job_title",
                "source",
                "preferred_contact_method",
                "notes",
                "metadata",
                "converted",
                "customer_id",
                "created_at",
                "updated_at",
            ],
            Self::Customers => &[
                "id",
                "name",
                "short_name",
                "email",
                "phone",
                "birthdate",
                "source",
                "notes",
                "is_active",
                "created_at",
                "updated_at",
            ],
            Self::Products => &[
                "id",
                "name",
                "slug",
                "sku",
                "description",
                "product_type",
                "is_active",
                "tags",
                "category_name",
                "currency",
                "price_cents",
                "inventory_enabled",
                "inventory_mode",
                "taxable",
                "tax_rate_percent",
                "created_at",
                "updated_at",
            ],
        }
    }

    /// A line of the file.
    pub fn line(self) -> fn(&Value) -> Vec<String> {
        match self {
            Self::Leads => |record| line(record, Self::Leads.fields()),
            Self::Customers => |record| line(record, Self::Customers.fields()),
            Self::Products => |record| line(record, Self::Products.fields()),
        }
    }
}

/// Fields as a file has them.
pub fn line(record: &Value, fields: &[&str]) -> Vec<String> {
    let plain = |field: &&str| match &record[*field] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    fields.iter().map(plain).collect()
}

/// The parts of the area.
pub fn tabs(whose: &Whose, here: &str) -> Markup {
    let parts = [
        ("/leads", "Leads"),
        ("/customers", "Customers"),
        ("/products", "Products"),
        ("/automations", "Automations"),
    ];
    let parts = parts.map(|(path, label)| (whose.to(path), label));
    let links: Vec<_> = parts.iter().map(|(link, label)| (link.as_str(), *label)).collect();
    parts::tabs("CRM", &links, &whose.to(here))
}

/// For administrators, within a filter: whose things are shown.
pub fn chooser(whose: &Whose, organizations: &[(String, String)]) -> Markup {
    let mut words = vec![("", "Choose one")];
    words.extend(organizations.iter().map(|(id, slug)| (id.as_str(), slug.as_str())));
    let chosen = whose.organization.as_deref().unwrap_or_default();
    html! { @if whose.admin { (parts::choice("organization", "Organisation", &words, chosen)) } }
}

/// `None` as long as nobody has said whose.
pub fn list(
    frame: &Frame<'_>,
    kind: Kind,
    whose: &Whose,
    query: &Asked,
    organizations: &[(String, String)],
    found: Option<&Value>,
) -> Markup {
    let here = format!("/{}", kind.name());
    page(
        frame,
        kind.title(),
        &html! {
            h1 { "CRM" }
            (tabs(whose, &here))
            form.filter method="get" action={(HOME) (here)} {
                (chooser(whose, organizations))
                (criterion(query, "search", "Text in any field", "search"))
                @if kind == Kind::Leads { (criterion(query, "status", "Status", "text")) }
                @else { (parts::choice("status", "Status", &[("", "All"), ("active", "Active"), ("inactive", "Inactive")], asked(query, "status"))) }
                (criterion(query, "since", "Changed since (UTC)", "datetime-local"))
                input type="hidden" name="sort" value=(asked(query, "sort"));
                button.plain { "Show" }
            }
            @match found {
                None => (parts::nothing("Choose an organisation.")),
                Some(found) if rows(found).is_empty() => (nothing(kind, query)),
                Some(found) => (table(frame, kind, whose, query, found)),
            }
        },
    )
}

fn nothing(kind: Kind, query: &Asked) -> Markup {
    let is_filtered =
        ["search", "status", "since", "cursor"].iter().any(|name| !asked(query, name).is_empty());
    if is_filtered {
        return parts::nothing(&format!("No {} is like that.", kind.one()));
    }
    parts::nothing(&format!(
        "There is no {} yet. They are written through the CRM API with a key of that surface.",
        kind.one()
    ))
}

fn table(frame: &Frame<'_>, kind: Kind, whose: &Whose, query: &Asked, found: &Value) -> Markup {
    let sort = match asked(query, "sort") {
        "" => "-created_at",
        sort => sort,
    };
    let here = format!("/{}", kind.name());
    let kept = |name| (name, asked(query, name));
    let filter = [kept("search"), kept("status"), kept("since")];
    let with = |more: &[(&str, &str)]| whose.with(&here, &[&filter[..], more].concat());
    let by = |sort: &str| with(&[("sort", sort)]);
    let next = text(found, "/pagination/nextCursor");
    let next = (!next.is_empty()).then(|| with(&[("sort", sort), ("cursor", next)]));
    let total = number(found, "/pagination/total");
    html! {
        p.muted { (times::count(total)) " " (if total == 1 { kind.one() } else { kind.name() }) }
        div.scroll tabindex="0" {
            table {
                thead { tr {
                    (sortable("name", "Name", sort, by))
                    @for column in kind.columns() { th.number[*column == "price_cents"] { (label(column)) } }
                    (sortable("created_at", "Made", sort, by))
                    (sortable("updated_at", "Changed", sort, by))
                } }
                tbody {
                    @for record in rows(found) {
                        tr {
                            td { a href=(whose.to(&format!("{here}/{}", text(record, "/id")))) { (text(record, "/name")) } }
                            @for column in kind.columns() { td.number[*column == "price_cents"] { (value(record, column)) } }
                            td { (times::time(time(record, "/created_at"), frame.now)) }
                            td { (times::time(time(record, "/updated_at"), frame.now)) }
                        }
                    }
                }
            }
        }
        (parts::more(next.as_deref()))
        p { a href=(with(&[("sort", sort), ("export", "csv")])) { "All of them as CSV" } }
    }
}

/// The head of a column that the list can be sorted by; another press turns the order round.
pub fn sortable(key: &str, label: &str, sort: &str, by: impl Fn(&str) -> String) -> Markup {
    let is_ascending = sort == key;
    let is_descending = sort.strip_prefix('-') == Some(key);
    let (other, order, arrow) = match (is_ascending, is_descending) {
        (true, _) => (format!("-{key}"), Some("ascending"), " ↑"),
        (_, true) => (key.to_owned(), Some("descending"), " ↓"),
        _ if key == "name" => (key.to_owned(), None, ""),
        _ => (format!("-{key}"), None, ""),
    };
    html! {
        th aria-sort=[order] { a href=(by(&other)) { (label) span aria-hidden="true" { (arrow) } } }
    }
}

/// One record, field by field.
pub fn record(frame: &Frame<'_>, kind: Kind, whose: &Whose, record: &Value) -> Markup {
    let here = format!("/{}", kind.name());
    let type_of = format!("{}.", kind.one());
    page(
        frame,
        text(record, "/name"),
        &html! {
            p { a href=(whose.to(&here)) { (kind.title()) } }
            h1 { (text(record, "/name")) }
            dl {
                dt { "Id" } dd { (parts::id(text(record, "/id"))) }
                @for &field in kind.fields() {
                    @if !["id", "name", "currency", "created_at", "updated_at", "customer_id"].contains(&field) {
                        dt { (label(field)) }
                        dd { (value(record, field)) }
                    }
                }
                @if kind == Kind::Leads {
                    dt { "Customer" }
                    dd {
                        @match text(record, "/customer_id") {
                            "" => span.muted { "none yet" },
                            id => a href=(whose.to(&format!("/customers/{id}"))) { code { (id) } },
                        }
                    }
                }
                dt { "Made" } dd { (times::time(time(record, "/created_at"), frame.now)) }
                dt { "Changed" } dd { (times::time(time(record, "/updated_at"), frame.now)) }
            }
            p.hint { "No history of a record is kept; each change of it was an event. "
                a href={"/console/events?" (events(whose, &format!("{type_of}updated")))} { "Events of type " code { (type_of) "updated" } } }
            details {
                summary { "As the API answers it" }
                (parts::json(record))
            }
        },
    )
}

fn events(whose: &Whose, kind: &str) -> String {
    let organization = whose.organization.as_deref().map(|id| ("organization", id));
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(organization)
        .append_pair("type", kind)
        .append_pair("source", "crm")
        .finish()
}

/// A field's name as people say it.
fn label(field: &str) -> String {
    match field {
        "is_active" => "Status".to_owned(),
        "price_cents" => "Price".to_owned(),
        "sku" => "SKU".to_owned(),
        "email" => "E-mail".to_owned(),
        "tax_rate_percent" => "Tax rate".to_owned(),
        other => sentence(&other.replace('_', " ")).trim_end_matches('.').to_owned(),
    }
}

/// A field as people read it.
fn value(record: &Value, field: &str) -> Markup {
    html! {
        @match (field, &record[field]) {
            (_, Value::Null) => span.muted { "–" },
            ("is_active", Value::Bool(active)) => (parts::status(if *active { "ACTIVE" } else { "INACTIVE" })),
            ("status", Value::String(word)) => (parts::status(word)),
            ("price_cents", Value::Number(_)) => (price(number(record, "/price_cents"), text(record, "/currency"))),
            ("tax_rate_percent", rate) => { (rate) " %" },
            (_, Value::Bool(yes)) => (if *yes { "yes" } else { "no" }),
            (_, Value::String(said)) => (said),
            (_, Value::Array(words)) if words.is_empty() => span.muted { "–" },
            (_, Value::Array(words)) => @for word in words { span.tag { (word.as_str().unwrap_or_default()) } " " },
            (_, Value::Object(members)) if members.is_empty() => span.muted { "–" },
            (_, Value::Object(members)) => ul { @for (name, said) in members { li { code { (name) } ": " (said.as_str().unwrap_or_default()) } } },
            (_, other) => (other),
        }
    }
}

/// `1,234.50 MXN`, from hundredths.
fn price(cents: i64, currency: &str) -> String {
    let (whole, rest) = (cents / 100, cents % 100);
    format!("{}.{:02} {}", times::count(whole), rest.abs(), currency.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_stays_with_the_organisation_that_was_chosen() {
        let own = Whose { organization: None, admin: false };
        assert_eq!((own.to("/leads").as_str(), own.is_unknown()), ("/console/crm/leads", false));
        let theirs = Whose { organization: Some("a&b".to_owned()), admin: true };
        assert_eq!(
            theirs.with("/leads", &[("search", "x y"), ("status", "")]),
            "/console/crm/leads?organization=a%26b&search=x+y"
        );
    }

    #[test]
    fn a_price_has_its_unit() {
        assert_eq!(price(123_450, "mxn"), "1,234.50 MXN");
        assert_eq!((price(5, "usd").as_str(), price(-150, "usd").as_str()), ("0.05 USD", "−1.50 USD"));
    }
}
