//! The rules of `structuredNotes` (SN-*).

use super::findings::Findings;
use crate::node::Node;
use crate::verdict::Issue;
use std::collections::HashSet;

const VISIBILITIES: [&str; 5] =
    ["DEALER_INTERNAL", "DMS_ONLY", "MANUFACTURER_SHARED", "PLATFORM_SHARED", "ALL_PARTIES"];

/// Who may have notes of a visibility, by the beginning of their id.
const READERS: [(&str, &[&str], &str); 2] = [
    (
        "DEALER_INTERNAL",
        &["DEALER-", "RETAILER-"],
        "only dealers get this note: for anyone else it is taken out",
    ),
    ("DMS_ONLY", &["DMS-"], "only dealer management systems get this note: for anyone else it is taken out"),
];

pub fn check(body: &Node<'_>, receiver: &str, found: &mut Findings<'_>) {
    let notes = body.get("structuredNotes");
    if !found.array(&notes) {
        return;
    }
    // Who gets no advice need not be looked up for it.
    let entries = body.get("dealLineage").get("entries").items().filter(|_| found.strict());
    let numbers: HashSet<i64> = entries.filter_map(|entry| entry.get("seq").integer()).collect();
    for note in notes.items() {
        if !found.object(&note) {
            continue;
        }
        let visibility = note.get("visibility");
        found.require_as(&note.get("noteId"), "SN-001");
        if found.require_as(&visibility, "SN-002") {
            found.one_of(&visibility, &VISIBILITIES, "SN-002");
        }
        found.require_as(&note.get("body"), "SN-003");
        found.require_as(&note.get("authorId"), "SN-004");
        found.time_as(&note.get("timestamp"), "SN-005");
        forwarded(&visibility, receiver, found);
        let linked = note.get("linkedTo").get("dealLineageSeq");
        if linked.integer().is_some_and(|number| !numbers.contains(&number)) {
            found.advise(&linked, "SN-007", "the lineage has no entry of that number");
        }
    }
}

/// The message is accepted; the note stays behind.
fn forwarded(visibility: &Node<'_>, receiver: &str, found: &mut Findings<'_>) {
    let Some((_, prefixes, message)) = READERS.iter().find(|(name, ..)| visibility.text() == Some(name))
    else {
        return;
    };
    if !prefixes.iter().any(|prefix| receiver.starts_with(prefix)) {
        found.add(Issue::warning(visibility.field(), "SN-006", *message).with("receiverId", receiver));
    }
}
