//! Names of elements: which JSON names can be one, and what the items of an array are called.

/// The element that stands for a member whose name no element can have.
pub(super) const FIELD: &str = "field";
const ITEM: &str = "item";

/// Arrays whose items the standard's own material names; those of all others are `item`.
const ITEMS: [(&str, &str); 16] = [
    ("leadHistory", "entry"),
    ("conversionPath", "entry"),
    ("auditTrail", "entry"),
    ("installedOptions", "option"),
    ("specificOptions", "option"),
    ("features", "feature"),
    ("cabFeatures", "feature"),
    ("unitSpecifications", "spec"),
    ("deliverySchedule", "slot"),
    ("progressPayments", "payment"),
    ("contingencies", "contingency"),
    ("osRequirements", "os"),
    ("securityCertificationRequirements", "requirement"),
    ("sustainabilityRequirements", "requirement"),
    ("includesServices", "service"),
    ("extensions", "extension"),
];

/// What an item of this array is called.
pub(super) fn item_of(array: &str) -> &'static str {
    ITEMS.iter().find(|(name, _)| *name == array).map_or(ITEM, |(_, item)| item)
}

/// Whether an only child of this name makes its parent an array where no schema tells.
pub(super) fn is_item(name: &str) -> bool {
    name == ITEM || name == "event" || ITEMS.iter().any(|(_, item)| *item == name)
}

/// Whether an element can have this name: one that is not among those XML keeps for itself.
pub(super) fn is_usable(name: &str) -> bool {
    let reserved = name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml"));
    !reserved && is_name(name)
}

/// Whether this is an XML 1.0 name, without a colon.
pub(super) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(starts) && characters.all(continues)
}

fn starts(character: char) -> bool {
    matches!(character,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

fn continues(character: char) -> bool {
    starts(character)
        || matches!(character, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// Whether XML 1.0 lets a document have this character at all.
pub(super) fn is_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_elements_are_those_of_xml() {
        for name in ["leadId", "_x", "größe", "a-b.c1", "名前"] {
            assert!(is_usable(name), "{name}");
        }
        for name in ["", "1a", "-a", "a b", "a:b", "a<b", "xmlns", "XmlFeed", "a\u{1}", "$ref"] {
            assert!(!is_usable(name), "{name}");
        }
    }

    #[test]
    fn items_have_the_names_that_the_standard_uses() {
        assert_eq!(item_of("features"), "feature");
        assert_eq!(item_of("leadHistory"), "entry");
        assert_eq!(item_of("manufacturers"), "item");
        assert!(is_item("event") && is_item("item") && is_item("slot") && !is_item("vin"));
    }
}
