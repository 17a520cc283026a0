//! Products: which fields can be sent, and slugs, which are derived from the name and unique in the organisation.

use super::fields::Fields;
use contracts::crm::{ObjectId, Product};
use std::borrow::Cow;

/// The longest slug that is derived, in characters; a suffix may follow.
const LONGEST: usize = 80;
/// Suffixes that are tried before one is made from the id.
const NUMBERED: u32 = 9;

/// The fields that can be sent.
pub fn read(sent: &Fields<'_>, product: &mut Product) {
    sent.text("name", 255, &mut product.name);
    sent.nullable_formed("slug", &mut product.slug, slug);
    sent.nullable_text("sku", 100, &mut product.sku);
    sent.nullable_text("description", 10_000, &mut product.description);
    sent.choice("product_type", &mut product.product_type);
    sent.flag("is_active", &mut product.is_active);
    sent.nullable_text("category_name", 255, &mut product.category_name);
    sent.formed("currency", &mut product.currency, currency);
    sent.integer("price_cents", 0..=i64::MAX, &mut product.price_cents);
    sent.flag("inventory_enabled", &mut product.inventory_enabled);
    sent.choice("inventory_mode", &mut product.inventory_mode);
    sent.flag("taxable", &mut product.taxable);
    sent.percentage("tax_rate_percent", &mut product.tax_rate_percent);
    sent.texts("tags", 50, 100, &mut product.tags);
}

fn slug(text: &str) -> Result<String, Cow<'static, str>> {
    if text.len() > 100 {
        return Err("is too long (maximum is 100 characters)".into());
    }
    is_slug(text).then(|| text.to_owned()).ok_or_else(|| "is invalid (a-z, 0-9 and single hyphens)".into())
}

fn currency(text: &str) -> Result<String, Cow<'static, str>> {
    let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_code.then(|| text.to_ascii_lowercase()).ok_or_else(|| "is invalid (three letters of ISO 4217)".into())
}

/// A name as a slug: lower-case ASCII letters and digits, joined by hyphens. Empty when nothing of it is left.
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        match plain(letter) {
            Some(plain) => slug.push_str(plain),
            None if letter.is_ascii_alphanumeric() => slug.push(letter),
            None if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            None => {}
        }
        if slug.len() >= LONGEST {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// Letters of Latin languages without their marks.
fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'ā' => "a",
        'ç' | 'ć' | 'č' => "c",
        'é' | 'è' | 'ê' | 'ë' | 'ē' | 'ę' => "e",
        'í' | 'ì' | 'î' | 'ï' | 'ī' => "i",
        'ñ' | 'ń' => "n",
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ø' | 'ō' => "o",
        'ú' | 'ù' | 'û' | 'ü' | 'ū' => "u",
        'ý' | 'ÿ' => "y",
        'š' | 'ś' => "s",
        'ž' | 'ź' | 'ż' => "z",
        'ł' => "l",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        // What lower-casing leaves behind a dotted capital I.
        '\u{307}' => "",
        _ => return None,
    })
}

/// The slugs for a name in the order of preference; the last one nobody else has.
pub fn candidates(name: &str, id: ObjectId) -> Vec<String> {
    let id = id.to_string();
    let (_, tail) = id.split_at(12);
    let base = slug_of(name);
    if base.is_empty() {
        return vec![format!("product-{tail}")];
    }
    let numbered = (2..=NUMBERED).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone()).chain(numbered).chain([format!("{base}-{tail}")]).collect()
}

/// `^[a-z0-9]+(-[a-z0-9]+)*$`.
pub fn is_slug(text: &str) -> bool {
    text.split('-').all(|part| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_slugs() {
        for (name, slug) in [
            ("Servicio de página web", "servicio-de-pagina-web"),
            ("  Año 2026 — ¡Súper!  ", "ano-2026-super"),
            ("İstanbul", "istanbul"),
            ("製品", ""),
            ("---", ""),
        ] {
            assert_eq!(slug_of(name), slug);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_derived_is_a_slug(name in ".*") {
            let id = ObjectId::new(1, [7; 8]);
            for slug in candidates(&name, id) {
                assert!(is_slug(&slug) && slug.len() <= 100, "{slug}");
            }
        }
    }
}
