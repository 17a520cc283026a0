//! One step of several leads as one call, or as many as it takes to find the input that HubSpot minds.

use crate::clients::hubspot::{Batch, Hubspot, Pair, Upsert};
use crate::clients::hubspot_answers::{CallError, Outage, Verdict};
use crate::domain::crm;
use crate::domain::orchestration::{Step, Task};
use crate::settings::HubspotSettings;
use std::collections::BTreeMap;
use std::time::Duration;

/// What became of a lead in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Decided(Verdict),
    /// It was not at fault and not served: a lead of the same person was sent in its place, or there was
    /// nobody to serve it.
    Untouched,
}

/// What a step came to.
#[derive(Debug)]
pub struct Outcome {
    /// Each lead with its fate.
    pub fates: Vec<(Task, Fate)>,
    /// The pause that HubSpot's rate limit asks for.
    pub pause: Option<Duration>,
    /// Why some are untouched.
    pub outage: Option<Outage>,
}

/// Leads that one input stands for; the last one's data is sent.
type Members = Vec<Task>;

/// Makes the calls of one step.
pub async fn make(hubspot: &Hubspot, settings: &HubspotSettings, step: Step, tasks: Vec<Task>) -> Outcome {
    let mut outcome = Outcome { fates: Vec::with_capacity(tasks.len()), pause: None, outage: None };
    for (batch, members) in batches(settings, step, tasks) {
        send(hubspot, batch, members, &mut outcome).await;
    }
    outcome
}

/// The calls of a step, each with the leads behind its inputs. HubSpot wants one unique property in a call, and
/// each of its values once.
fn batches(settings: &HubspotSettings, step: Step, tasks: Vec<Task>) -> Vec<(Batch, Vec<Members>)> {
    match step {
        Step::Contact => {
            let mut people: BTreeMap<(&'static str, String), Members> = BTreeMap::new();
            for task in tasks {
                people.entry(task.lead.contact_key()).or_default().push(task);
            }
            let mut by_property: BTreeMap<&'static str, (Vec<Upsert>, Vec<Members>)> = BTreeMap::new();
            for ((id_property, id), mut members) in people {
                // The newest lead knows the person best.
                members.sort_by_key(|task| task.lead.lead_id);
                let Some(newest) = members.last() else { continue };
                let (inputs, behind) = by_property.entry(id_property).or_default();
                inputs.push(Upsert {
                    id_property,
                    id,
                    trace: newest.lead.lead_id.to_string(),
                    properties: newest.lead.contact(),
                });
                behind.push(members);
            }
            by_property.into_values().map(|(inputs, members)| (Batch::Contacts(inputs), members)).collect()
        }
        Step::Deal => {
            let input = |task: &Task| Upsert {
                id_property: crm::LEAD_ID,
                id: task.lead.lead_id.to_string(),
                trace: task.lead.lead_id.to_string(),
                properties: task.lead.deal(&settings.pipeline, &settings.stage),
            };
            let inputs = tasks.iter().map(input).collect();
            vec![(Batch::Deals(inputs), tasks.into_iter().map(|task| vec![task]).collect())]
        }
        Step::Association => {
            let pair = |task: &Task| Pair {
                deal_id: task.deal_id.clone().unwrap_or_default(),
                contact_id: task.contact_id.clone().unwrap_or_default(),
            };
            let pairs = tasks.iter().map(pair).collect();
            vec![(Batch::Associations(pairs), tasks.into_iter().map(|task| vec![task]).collect())]
        }
    }
}

/// Sends a batch; when it is refused as a whole, halves it until those stand alone that are refused.
async fn send(hubspot: &Hubspot, batch: Batch, members: Vec<Members>, outcome: &mut Outcome) {
    let mut pending = vec![(batch, members)];
    while let Some((mut batch, mut members)) = pending.pop() {
        if outcome.outage.is_some() {
            outcome.fates.extend(untouched(members));
            continue;
        }
        match hubspot.send(&batch).await {
            Ok(answered) => {
                outcome.pause = outcome.pause.max(answered.pause);
                for (verdict, members) in answered.verdicts.into_iter().zip(members) {
                    decide(verdict, members, outcome);
                }
            }
            Err(CallError::Refused(_) | CallError::Conflict(_)) if batch.len() > 1 => {
                let second = batch.split_off_half();
                let behind = members.split_off(batch.len());
                pending.push((second, behind));
                pending.push((batch, members));
            }
            Err(CallError::Refused(reason)) => {
                let verdict = match batch {
                    Batch::Contacts(_) | Batch::Deals(_) => Verdict::Refused(reason),
                    // One of the two objects is not there any more: worth finding it anew.
                    Batch::Associations(_) => Verdict::Again(reason),
                };
                for members in members {
                    decide(verdict.clone(), members, outcome);
                }
            }
            Err(CallError::Conflict(reason)) => {
                let verdict = Verdict::Again(reason);
                for members in members {
                    decide(verdict.clone(), members, outcome);
                }
            }
            Err(CallError::Outage(outage)) => {
                outcome.outage = Some(outage);
                outcome.fates.extend(untouched(members));
            }
        }
    }
}

/// What HubSpot has, it has for everybody; what it minds, it minds of the one whose data was sent.
fn decide(verdict: Verdict, mut members: Members, outcome: &mut Outcome) {
    let Some(sent) = members.pop() else { return };
    let others = match &verdict {
        Verdict::Done(_) => Fate::Decided(verdict.clone()),
        Verdict::Refused(_) | Verdict::Again(_) => Fate::Untouched,
    };
    outcome.fates.push((sent, Fate::Decided(verdict)));
    outcome.fates.extend(members.into_iter().map(|task| (task, others.clone())));
}

fn untouched(members: Vec<Members>) -> impl Iterator<Item = (Task, Fate)> {
    members.into_iter().flatten().map(|task| (task, Fate::Untouched))
}
