//! The services, on their ops ports, and the gateway's public side.

use super::Findings;
use crate::clients::gateway::Url;
use crate::clients::ops;
use clap::Args;
use contracts::Service;
use platform::clock::Clock;

/// Where the services' ops ports are.
#[derive(Args, Debug)]
pub struct OpsUrls {
    /// A service's ops port; those of the services follow the same pattern.
    #[arg(long, env = "GATEWAY_OPS_URL", value_name = "URL")]
    gateway_ops_url: Option<Url>,
    #[arg(long, env = "LEAD_INTAKE_OPS_URL", value_name = "URL", hide_short_help = true)]
    lead_intake_ops_url: Option<Url>,
    #[arg(long, env = "INGEST_OPS_URL", value_name = "URL", hide_short_help = true)]
    ingest_ops_url: Option<Url>,
    #[arg(long, env = "LEX_ROUTER_OPS_URL", value_name = "URL", hide_short_help = true)]
    lex_router_ops_url: Option<Url>,
    #[arg(long, env = "CRM_RESOURCES_OPS_URL", value_name = "URL", hide_short_help = true)]
    crm_resources_ops_url: Option<Url>,
    #[arg(long, env = "WEBHOOK_DISPATCHER_OPS_URL", value_name = "URL", hide_short_help = true)]
    webhook_dispatcher_ops_url: Option<Url>,
}

impl OpsUrls {
    fn of(&self, service: Service) -> Option<&Url> {
        match service {
            Service::Gateway => &self.gateway_ops_url,
            Service::LeadIntake => &self.lead_intake_ops_url,
            Service::Ingest => &self.ingest_ops_url,
            Service::LexRouter => &self.lex_router_ops_url,
            Service::CrmResources => &self.crm_resources_ops_url,
            Service::WebhookDispatcher => &self.webhook_dispatcher_ops_url,
        }
        .as_ref()
    }
}

pub async fn look(gateway: Option<&Url>, urls: &OpsUrls, clock: &Clock, findings: &mut Findings) {
    for service in Service::ALL {
        if let Some(url) = urls.of(service) {
            ready(service, url, findings).await;
        }
    }
    if let Some(gateway) = gateway {
        public(gateway, clock, findings).await;
    }
}

async fn ready(service: Service, url: &Url, findings: &mut Findings) {
    let what = format!("service {service}");
    match ops::get(url, "readyz").await {
        Err(error) => findings.broken(
            &what,
            format!("its ops port does not answer: {error:#}"),
            "Is it running? Its log says why it ended.",
        ),
        Ok(answer) if answer.body["ready"] == true => {
            let version = answer.body["version"].as_str().unwrap_or("unknown");
            findings.good(&what, format!("ready, version {version}"));
        }
        Ok(answer) => {
            let checks = answer.body["checks"].as_object().into_iter().flatten();
            let problems: Vec<_> = checks
                .filter(|(_, state)| *state != "ok")
                .map(|(name, state)| format!("{name}: {}", state.as_str().unwrap_or_default()))
                .collect();
            findings.broken(
                &what,
                format!("not ready: {}", problems.join("; ")),
                "It gets no requests until this has passed; the findings above say more.",
            );
        }
    }
}

async fn public(gateway: &Url, clock: &Clock, findings: &mut Findings) {
    let before = clock.now();
    match ops::get(gateway, ".well-known/jwks.json").await {
        Err(error) => findings.broken(
            "gateway",
            format!("{gateway} does not answer: {error:#}"),
            "Partners cannot reach it either. Check the address, the load balancer, and its ops port.",
        ),
        Ok(answer) => {
            if let Some(theirs) = answer.date {
                // The header is in whole seconds.
                let theirs = theirs + chrono::TimeDelta::milliseconds(500);
                super::machine::skew("gateway clock", before, theirs, clock.now(), findings);
            }
            let keys = answer.body["keys"].as_array().map_or(0, Vec::len);
            match keys {
                0 => findings.broken(
                    "signing keys",
                    "the gateway publishes none",
                    "No access token can be verified: set oauth.signing_keys of the gateway.",
                ),
                1..=3 => findings.good("signing keys", format!("{keys} published")),
                _ => findings.warn(
                    "signing keys",
                    format!("{keys} published"),
                    "Old keys whose tokens have expired can be taken out of oauth.signing_keys.",
                ),
            }
        }
    }
}
