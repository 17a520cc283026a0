//! Table `products`.

use super::{StatusColumn, Table};
use crate::domain::change::Versioned;
use crate::domain::product::candidates;
use contracts::crm::{InventoryMode, ObjectId, Product, ProductType};
use contracts::ids::OrganizationId;
use platform::Violation;
use platform_pg::StoreError;
use sqlx::{FromRow, PgConnection};

/// A row of the table.
#[derive(Debug, FromRow)]
pub struct ProductRow {
    name: String,
    slug: Option<String>,
    sku: Option<String>,
    description: Option<String>,
    product_type: String,
    is_active: bool,
    tags: Vec<String>,
    category_name: Option<String>,
    currency: String,
    price_cents: i64,
    inventory_enabled: bool,
    inventory_mode: String,
    taxable: bool,
    tax_rate_percent: f64,
}

impl From<ProductRow> for Product {
    fn from(row: ProductRow) -> Self {
        Self {
            name: row.name,
            slug: row.slug,
            sku: row.sku,
            description: row.description,
            // The table's check constraints admit no other words.
            product_type: match row.product_type.as_str() {
                "service" => ProductType::Service,
                "variable" => ProductType::Variable,
                "composite" => ProductType::Composite,
                _ => ProductType::Simple,
            },
            is_active: row.is_active,
            tags: row.tags,
            category_name: row.category_name,
            currency: row.currency,
            price_cents: row.price_cents,
            inventory_enabled: row.inventory_enabled,
            inventory_mode: match row.inventory_mode.as_str() {
                "materials" => InventoryMode::Materials,
                "hybrid" => InventoryMode::Hybrid,
                _ => InventoryMode::Itself,
            },
            taxable: row.taxable,
            tax_rate_percent: row.tax_rate_percent,
        }
    }
}

fn product_type(product: &Product) -> &'static str {
    match product.product_type {
        ProductType::Simple => "simple",
        ProductType::Service => "service",
        ProductType::Variable => "variable",
        ProductType::Composite => "composite",
    }
}

fn inventory_mode(product: &Product) -> &'static str {
    match product.inventory_mode {
        InventoryMode::Materials => "materials",
        InventoryMode::Itself => "self",
        InventoryMode::Hybrid => "hybrid",
    }
}

impl Table for Product {
    const NAME: &'static str = "products";
    const COLUMNS: &'static str = "name, slug, sku, description, product_type, is_active, tags, category_name, \
         currency, price_cents, inventory_enabled, inventory_mode, taxable, tax_rate_percent";
    const SEARCHED: &'static [&'static str] = &["name", "slug", "sku", "description", "category_name"];
    const STATUS: StatusColumn = StatusColumn::Flag("is_active");
    type Row = ProductRow;

    async fn insert(
        connection: &mut PgConnection,
        organization: OrganizationId,
        new: &Versioned<Self>,
    ) -> Result<(), StoreError> {
        let (record, product) = (&new.record, &new.record.fields);
        sqlx::query!(
            "insert into products (organization_id, id, version, name, slug, sku, description, product_type,
                 is_active, tags, category_name, currency, price_cents, inventory_enabled, inventory_mode, taxable,
                 tax_rate_percent, created_at, updated_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
            organization.as_uuid(),
            record.id.to_string(),
            new.version,
            product.name,
            product.slug,
            product.sku,
            product.description,
            product_type(product),
            product.is_active,
            &product.tags,
            product.category_name,
            product.currency,
            product.price_cents,
            product.inventory_enabled,
            inventory_mode(product),
            product.taxable,
            product.tax_rate_percent,
            record.created_at,
            record.updated_at
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn save(
        connection: &mut PgConnection,
        organization: OrganizationId,
        changed: &Versioned<Self>,
    ) -> Result<(), StoreError> {
        let product = &changed.record.fields;
        sqlx::query!(
            "update products set version = $3, name = $4, slug = $5, sku = $6, description = $7, product_type = $8,
                 is_active = $9, tags = $10, category_name = $11, currency = $12, price_cents = $13,
                 inventory_enabled = $14, inventory_mode = $15, taxable = $16, tax_rate_percent = $17,
                 updated_at = $18
             where organization_id = $1 and id = $2",
            organization.as_uuid(),
            changed.record.id.to_string(),
            changed.version,
            product.name,
            product.slug,
            product.sku,
            product.description,
            product_type(product),
            product.is_active,
            &product.tags,
            product.category_name,
            product.currency,
            product.price_cents,
            product.inventory_enabled,
            inventory_mode(product),
            product.taxable,
            product.tax_rate_percent,
            changed.record.updated_at
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// A slug that was asked for must be free; one that is derived gives way. SKUs must be free.
    async fn settle(
        connection: &mut PgConnection,
        organization: OrganizationId,
        id: ObjectId,
        product: &mut Self,
        before: Option<&Self>,
    ) -> Result<Vec<Violation>, StoreError> {
        let derived = before.is_none() && product.slug.is_none();
        let wanted = match &product.slug {
            Some(slug) => vec![slug.clone()],
            None if derived => candidates(&product.name, id),
            None => Vec::new(),
        };
        if derived {
            one_at_a_time(connection, organization, &wanted).await?;
        }
        let taken = taken(connection, organization, id, &wanted, product.sku.as_deref()).await?;
        let mut violations = Vec::new();
        if derived {
            product.slug = wanted.into_iter().find(|slug| !taken.slugs.contains(slug));
        } else if !taken.slugs.is_empty() {
            violations.push(Violation::new("slug", "has already been taken"));
        }
        if taken.sku {
            violations.push(Violation::new("sku", "has already been taken"));
        }
        Ok(violations)
    }
}

/// Products of one name wait for each other, so that each sees the slug that the one before has got.
async fn one_at_a_time(
    connection: &mut PgConnection,
    organization: OrganizationId,
    slugs: &[String],
) -> Result<(), StoreError> {
    let lock = format!("slug {organization} {}", slugs.first().map_or("", String::as_str));
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 0))", lock).execute(connection).await?;
    Ok(())
}

struct Taken {
    slugs: Vec<String>,
    sku: bool,
}

/// Which of these values other products have.
async fn taken(
    connection: &mut PgConnection,
    organization: OrganizationId,
    id: ObjectId,
    slugs: &[String],
    sku: Option<&str>,
) -> Result<Taken, StoreError> {
    let taken = sqlx::query!(
        r#"select array(select slug from products where organization_id = $1 and slug = any($3) and id <> $2)
               as "slugs!: Vec<String>",
           exists (select from products where organization_id = $1 and sku = $4 and id <> $2) as "sku!""#,
        organization.as_uuid(),
        id.to_string(),
        slugs,
        sku
    )
    .fetch_one(connection)
    .await?;
    Ok(Taken { slugs: taken.slugs, sku: taken.sku })
}
