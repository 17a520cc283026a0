//! Every metric that services show: what it counts, in what unit, by which labels, and which values these may
//! have. Nothing here counts; the code that knows does.
//!
//! The page in `docs/` is made of the [`TABLE`], and a test holds every running service against it. A service
//! shows what is in it from its start, at zero, so that an alert never waits for a first event.

mod page;
mod table;

pub use page::markdown;
pub use table::TABLE;

use contracts::routes::ROUTES;
use contracts::topology::WORK_QUEUES;
use contracts::{Service, Surface};
use metrics::Label;

/// How a metric moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only up, until the process ends.
    Counter,
    Gauge,
    /// In the buckets of [`crate::telemetry::metrics_recorder`].
    Histogram,
}

impl Kind {
    /// As Prometheus calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The values that a label may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// These.
    Of(&'static [&'static str]),
    /// These, by service.
    By(&'static [(Service, &'static [&'static str])]),
    /// The work queues of the service.
    Queues,
    /// The public surfaces.
    Surfaces,
    /// Methods of HTTP; `other` for what is none.
    Methods,
    /// Status codes of HTTP.
    Statuses,
    /// Templates of the table of routes and of internal calls; `unmatched` for every other path.
    Routes,
}

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
/// What the route of a path is called that is no route.
pub const UNMATCHED: &str = "unmatched";

impl Values {
    /// Every value in a service, where these are few; `None` for what comes with requests.
    pub fn listed(self, service: Service) -> Option<Vec<&'static str>> {
        match self {
            Self::Of(values) => Some(values.to_vec()),
            Self::By(services) => {
                let values =
                    services.iter().find(|(of, _)| *of == service).map(|(_, values)| values.to_vec());
                Some(values.unwrap_or_default())
            }
            Self::Queues => {
                let own = WORK_QUEUES.iter().filter(|queue| queue.owner == service);
                Some(own.map(|queue| queue.name).collect())
            }
            Self::Surfaces | Self::Methods | Self::Statuses | Self::Routes => None,
        }
    }

    /// Whether a label may have this value in a service.
    pub fn admit(self, service: Service, value: &str) -> bool {
        match self {
            Self::Of(_) | Self::By(_) | Self::Queues => {
                self.listed(service).unwrap_or_default().contains(&value)
            }
            Self::Surfaces => Surface::ALL.iter().any(|surface| surface.name() == value),
            Self::Methods => METHODS.contains(&value),
            Self::Statuses => value.parse().is_ok_and(|status: u16| (100..600).contains(&status)),
            Self::Routes => {
                let known = |template: &str| shape(template) == shape(value);
                value == UNMATCHED
                    || value.starts_with("/internal/")
                    || ROUTES.iter().any(|route| known(route.template))
            }
        }
    }
}

/// A template without the names of its placeholders, which are each service's own.
fn shape(template: &str) -> Vec<&str> {
    template.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment }).collect()
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    pub name: &'static str,
    pub kind: Kind,
    /// What one is of.
    pub unit: &'static str,
    pub labels: &'static [(&'static str, Values)],
    pub meaning: &'static str,
    /// The services that show it.
    pub services: &'static [Service],
}

impl Figure {
    /// The metrics of a service.
    pub fn of(service: Service) -> impl Iterator<Item = &'static Self> {
        TABLE.iter().filter(move |figure| figure.services.contains(&service))
    }

    /// Every combination of label values in a service; `None` when some come with requests.
    pub fn series(&self, service: Service) -> Option<Vec<Vec<(&'static str, &'static str)>>> {
        let mut all = vec![Vec::new()];
        for (label, values) in self.labels {
            let values = values.listed(service)?;
            let with = |series: &Vec<_>, value| [series.as_slice(), &[(*label, value)]].concat();
            all = all.iter().flat_map(|series| values.iter().map(|value| with(series, *value))).collect();
        }
        Some(all)
    }

    fn show(&self, service: Service) {
        match self.kind {
            Kind::Counter => metrics::describe_counter!(self.name, self.meaning),
            Kind::Gauge => metrics::describe_gauge!(self.name, self.meaning),
            Kind::Histogram => metrics::describe_histogram!(self.name, self.meaning),
        }
        for series in self.series(service).unwrap_or_default() {
            let labels: Vec<_> =
                series.into_iter().map(|(name, value)| Label::from_static_parts(name, value)).collect();
            match self.kind {
                Kind::Counter => metrics::counter!(self.name, labels).increment(0),
                Kind::Gauge => metrics::gauge!(self.name, labels).increment(0.0),
                // Known from here on, without a sample.
                Kind::Histogram => drop(metrics::histogram!(self.name, labels)),
            }
        }
    }
}

/// Describes the metrics of a service to the recorder of the process, and shows them at zero.
pub fn show_all(service: Service) {
    for figure in Figure::of(service) {
        figure.show(service);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_say_whose_they_are_what_they_count_and_in_what() {
        let mut names = BTreeSet::new();
        for figure in TABLE {
            let name = figure.name;
            assert!(names.insert(name), "{name} stands twice");
            assert!(name.starts_with("leadwire_"), "{name}");
            assert_eq!(name.ends_with("_total"), figure.kind == Kind::Counter, "{name}");
            if figure.unit == "seconds" {
                assert!(name.ends_with("_seconds"), "{name}");
            }
            assert!(!figure.services.is_empty() && !figure.meaning.is_empty(), "{name}");
            let labels: BTreeSet<_> = figure.labels.iter().map(|(label, _)| label).collect();
            assert_eq!(labels.len(), figure.labels.len(), "{name}");
        }
    }

    #[test]
    fn a_label_that_is_listed_has_values_in_every_service_that_shows_it() {
        for figure in TABLE {
            for service in figure.services {
                for (label, values) in figure.labels {
                    let listed = values.listed(*service);
                    assert!(
                        listed.is_none_or(|listed| !listed.is_empty()),
                        "{} {label} {service}",
                        figure.name
                    );
                }
            }
        }
    }

    #[test]
    fn a_route_is_one_of_the_table_whatever_its_placeholders_are_called() {
        let admits = |route| Values::Routes.admit(Service::CrmResources, route);
        assert!(admits("/api/v1/organizations/{organization}/automations/{id}/runs"));
        assert!(admits("unmatched") && admits("/internal/erase"));
        assert!(!admits("/api/v1/customers/5f0c") && !admits("/wp-admin"));
    }

    #[test]
    fn the_page_in_docs_is_what_the_program_says() {
        assert_eq!(
            include_str!("../../../docs/metrics.md"),
            markdown(),
            "write it anew: leadwire metrics > docs/metrics.md"
        );
    }
}
