//! The rules of `aiInsights` (AI-*).

use super::findings::Findings;
use crate::node::Node;

const MOST_ACTIONS: usize = 5;

pub fn check(block: &Node<'_>, found: &mut Findings<'_>) {
    if !found.object(block) {
        return;
    }
    let conversation = block.get("conversationInsights");
    found.share(&conversation.get("sentimentScore"), "AI-001");
    for intent in conversation.get("intentClassifications").items() {
        found.share(&intent.get("confidence"), "AI-002");
    }
    let actions = block.get("nextBestActions");
    for action in actions.items() {
        found.share(&action.get("confidence"), "AI-003");
    }
    let generated = block.get("generatedBy");
    if found.require_as(&generated, "AI-005") && found.object(&generated) {
        let time = generated.get("generatedAt");
        if found.time(&time).is_some_and(|at| found.is_future(at)) {
            found.error(&time, "AI-004", "nothing was generated in the future");
        }
    }
    for mention in block.get("competitorMentions").items() {
        let competitor = mention.get("competitor");
        found.require_as(&competitor, "AI-008");
    }
    let analyzed = conversation.get("analyzedAt");
    if conversation.get("summary").given() && !analyzed.given() {
        found.advise(&analyzed, "AI-006", "a summary is given, but not when it was made");
    }
    if actions.count() > MOST_ACTIONS {
        found.advise(&actions, "AI-007", "more than 5 next actions are no advice");
    }
}
