//! The rules of `leadIntelligence` (LI-*). LI-011, unknown behavioural signals, is left out: the standard prints no
//! list of the known ones.

use super::findings::{Findings, rejecting, shown};
use crate::code;
use crate::node::Node;
use crate::verdict::Issue;

const FRESH_DAYS: f64 = 7.0;

pub fn check(block: &Node<'_>, found: &mut Findings<'_>) {
    if !found.object(block) {
        return;
    }
    let score = block.get("intentScore");
    if score.present() && !score.number().is_some_and(|score| (0.0..=1.0).contains(&score)) {
        let message = format!("{} is no score from 0 to 1", shown(&score));
        let issue = Issue::error(score.field(), code::INTENT_SCORE_OUT_OF_RANGE, message);
        found.add(rejecting(issue, &score).with("constraint", "minimum 0.0, maximum 1.0"));
    }
    found.counted(&block.get("buyingWindowDays"), "LI-004");
    for product in block.get("predictedProducts").items() {
        found.share(&product.get("confidenceScore"), "LI-005");
    }
    for channel in block.get("channelAffinity").items() {
        found.share(&channel.get("affinityScore"), "LI-006");
    }
    for reason in block.get("scoringReasons").items() {
        found.share(&reason.get("weight"), "LI-007");
        found.one_of(&reason.get("direction"), &["POSITIVE", "NEGATIVE"], "LI-008");
    }
    for source in block.get("enrichmentSources").items() {
        found.at_least(&source.get("signalCount"), 0.0, "LI-013");
    }
    model(&block.get("modelMetadata"), found);
    let confidence = block.get("confidenceLevel");
    if score.present() && !confidence.given() {
        found.advise(&confidence, "LI-009", "a score is given, but not how sure it is");
    }
    let trend = block.get("scoreTrend");
    if trend.given() && !score.present() {
        found.advise(&trend, "LI-012", "a trend is given, but no score");
    }
}

fn model(model: &Node<'_>, found: &mut Findings<'_>) {
    let scored = model.get("scoredAt");
    if found.time(&scored).is_some_and(|time| found.is_future(time)) {
        found.error(&scored, "LI-002", "nothing was scored in the future");
    }
    let freshness = model.get("dataFreshnessDays");
    match freshness.number() {
        Some(days) if days > FRESH_DAYS => {
            let message = format!("the scores rest on data that is {} days old", shown(&freshness));
            let issue = Issue::warning(freshness.field(), code::INTELLIGENCE_SCORES_STALE, message);
            let issue = rejecting(issue, &freshness).with("threshold", "7 days");
            found.add(issue.suggesting("score the lead anew before acting on it"));
        }
        Some(days) if days >= 0.0 => {}
        _ => found.at_least(&freshness, 0.0, "LI-003"),
    }
}
