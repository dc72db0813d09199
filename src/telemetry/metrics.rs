//! The metrics of the service.

use std::{fmt, sync::Arc};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Metric, Registry},
};

/// All metrics. Prometheus shows them as `yinku_<noun>_<event>`. Clones share their values.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Photos received from a vendor, including failed ones.
    pub photos_fetched: Counter,
    /// Linked photos with new bytes.
    pub photos_stored: Counter,
    /// Linked photos with known bytes.
    pub photos_duplicate: Counter,
    /// Failed tries to fetch a photo.
    pub photos_failed: Counter,
    /// Bytes of photos received.
    pub photos_bytes: Counter,
    pub thumbnails_made: Counter,
    pub callbacks_received: Family<CallbackLabels, Counter>,
    pub callbacks_refused: Counter,
    pub ingests_finished: Family<OutcomeLabels, Counter>,
    pub jobs_finished: Family<JobLabels, Counter>,
    pub job_seconds: Family<JobLabels, Histogram>,
    pub http_requests: Family<RequestLabels, Counter>,
    pub http_request_seconds: Family<RouteLabels, Histogram>,
    pub photos_in_flight: Gauge,
    /// Originals that were read back, or are missing.
    pub fixity_originals_checked: Counter,
    pub fixity_bytes_checked: Counter,
    pub fixity_runs_finished: Family<OutcomeLabels, Counter>,
    /// Findings that have not healed, by kind.
    pub fixity_findings_open: Family<FindingLabels, Gauge>,
    /// Bytes that are left on the file systems of the data directory and of a local store.
    pub disk_free_bytes: Family<DirectoryLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CallbackLabels {
    pub shape: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabels {
    pub outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FindingLabels {
    pub kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DirectoryLabels {
    pub directory: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct JobLabels {
    pub kind: &'static str,
    pub outcome: &'static str,
}

/// `route` is the matched pattern and not the path, and `method` is a known one, because a client can make up any number of
/// both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    pub method: &'static str,
    pub route: String,
    pub status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabels {
    pub method: &'static str,
    pub route: String,
}

impl Default for Metrics {
    fn default() -> Self {
        // 10 ms to 22 min, and 1 ms to 16 s.
        let job_seconds = || Histogram::new(exponential_buckets(0.01, 2.0, 18));
        let request_seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let mut names = Names(Registry::with_prefix("yinku"));
        Self {
            photos_fetched: names.add("photos_fetched", "Photos received from a vendor", Counter::default()),
            photos_stored: names.add("photos_stored", "Photos linked with new bytes", Counter::default()),
            photos_duplicate: names.add("photos_duplicate", "Photos linked with known bytes", Counter::default()),
            photos_failed: names.add("photos_failed", "Failed tries to fetch a photo", Counter::default()),
            photos_bytes: names.add("photos_bytes", "Bytes of photos received", Counter::default()),
            thumbnails_made: names.add("thumbnails_made", "Thumbnails made", Counter::default()),
            callbacks_received: names.add("callbacks_received", "Callbacks accepted, by shape", Family::default()),
            callbacks_refused: names.add("callbacks_refused", "Callbacks refused", Counter::default()),
            ingests_finished: names.add("ingests_finished", "Ingests ended, by outcome", Family::default()),
            jobs_finished: names.add("jobs_finished", "Jobs ended, by kind and outcome", Family::default()),
            job_seconds: names.add("job_seconds", "Seconds a job ran", Family::new_with_constructor(job_seconds)),
            http_requests: names.add("http_requests", "Requests answered", Family::default()),
            http_request_seconds: names.add(
                "http_request_seconds",
                "Seconds until a request's answer began",
                Family::new_with_constructor(request_seconds),
            ),
            photos_in_flight: names.add("photos_in_flight", "Photos being fetched now", Gauge::default()),
            fixity_originals_checked: names.add(
                "fixity_originals_checked",
                "Originals read back and compared with their hashes",
                Counter::default(),
            ),
            fixity_bytes_checked: names.add("fixity_bytes_checked", "Bytes of originals read back", Counter::default()),
            fixity_runs_finished: names.add(
                "fixity_runs_finished",
                "Checks of originals ended, by outcome",
                Family::default(),
            ),
            fixity_findings_open: names.add(
                "fixity_findings_open",
                "Findings that have not healed, by kind",
                Family::default(),
            ),
            disk_free_bytes: names.add("disk_free_bytes", "Bytes left on the disk of a directory", Family::default()),
            registry: Arc::new(names.0),
        }
    }
}

impl Metrics {
    /// The content type of [`encode`](Self::encode).
    pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Returns all metrics in the OpenMetrics text format for Prometheus.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

struct Names(Registry);

impl Names {
    fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_under_their_names_and_clones_count_together() {
        let metrics = Metrics::default();
        let other = metrics.clone();
        other.photos_stored.inc_by(48);
        other.callbacks_received.get_or_create(&CallbackLabels { shape: "json" }).inc();
        let labels = JobLabels { kind: "ingest", outcome: "done" };
        other.job_seconds.get_or_create(&labels).observe(0.5);
        let request = RequestLabels { method: "GET", route: "/api/flows/{id}".into(), status: 200 };
        other.http_requests.get_or_create(&request).inc();

        let text = metrics.encode();
        for line in [
            "yinku_photos_stored_total 48",
            "yinku_photos_failed_total 0",
            "yinku_callbacks_received_total{shape=\"json\"} 1",
            "yinku_job_seconds_count{kind=\"ingest\",outcome=\"done\"} 1",
            "yinku_http_requests_total{method=\"GET\",route=\"/api/flows/{id}\",status=\"200\"} 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
        }
    }
}
