//! The figures of one scrape, put together family by family and written as OpenMetrics. What is put
//! on it must be in the table (`families.rs`), with the labels that are said there.

use std::collections::BTreeMap;
use std::fmt;

use onhand_engine::stats::Spread;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::registry::Registry;

use super::families::{self, Family, In};

type Labels = Vec<(&'static str, String)>;

/// The upper bounds of durations that are shown, in microseconds: fewer than are counted.
const SHOWN_DURATIONS: &[u64] = &[
    500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000,
];
const MICROS: f64 = 1e6;

#[derive(Debug)]
enum Figure {
    Count(u64),
    Amount(f64),
    Level(f64),
    Spread { sum: f64, count: u64, buckets: Vec<(f64, u64)> },
}

/// The figures of one scrape.
#[derive(Debug, Default)]
pub struct Sheet(BTreeMap<&'static str, Vec<(Labels, Figure)>>);

impl Sheet {
    /// A counter.
    pub fn count(&mut self, family: &'static Family, labels: &[(&'static str, &str)], count: u64) {
        self.put(family, labels, Figure::Count(count));
    }

    /// A counter of something that is not counted in whole numbers.
    pub fn amount(&mut self, family: &'static Family, amount: f64) {
        self.put(family, &[], Figure::Amount(amount));
    }

    /// A gauge.
    pub fn level(&mut self, family: &'static Family, labels: &[(&'static str, &str)], level: f64) {
        self.put(family, labels, Figure::Level(level));
    }

    /// A histogram; in seconds of one that was counted in microseconds.
    pub fn spread(
        &mut self,
        family: &'static Family,
        labels: &[(&'static str, &str)],
        spread: &Spread,
    ) {
        let scale = if family.unit == In::Seconds { MICROS } else { 1.0 };
        let is_shown = |bound: &u64| family.unit != In::Seconds || SHOWN_DURATIONS.contains(bound);
        let mut buckets = Vec::with_capacity(SHOWN_DURATIONS.len() + 1);
        let mut gathered = 0;
        for (bound, count) in spread.bounds.iter().zip(&spread.counts) {
            gathered += count;
            if is_shown(bound) {
                buckets.push((*bound as f64 / scale, std::mem::take(&mut gathered)));
            }
        }
        let above = spread.counts.last().copied().unwrap_or_default();
        buckets.push((f64::INFINITY, gathered + above));
        let (sum, count) = (spread.sum as f64 / scale, spread.count());
        self.put(family, labels, Figure::Spread { sum, count, buckets });
    }

    fn put(&mut self, family: &'static Family, labels: &[(&'static str, &str)], figure: Figure) {
        debug_assert!(
            labels.iter().map(|(name, _)| name).eq(family.labels),
            "{} has other labels",
            family.stem
        );
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.0.entry(family.stem).or_default().push((labels, figure));
    }

    /// The text.
    pub fn written(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut written = String::with_capacity(32 << 10);
        // A string takes whatever is written to it.
        if let Err(error) = text::encode(&mut written, &registry) {
            tracing::error!(%error, "metrics cannot be written");
        }
        written
    }
}

impl Collector for Sheet {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in families::all() {
            let Some(figures) = self.0.get(family.stem) else { continue };
            let unit = family.unit.unit();
            let kind = family.kind.metric_type();
            let mut metric =
                encoder.encode_descriptor(family.stem, family.help, unit.as_ref(), kind)?;
            for (labels, figure) in figures {
                if labels.is_empty() {
                    write(figure, &mut metric)?;
                } else {
                    write(figure, &mut metric.encode_family(labels)?)?;
                }
            }
        }
        Ok(())
    }
}

fn write(figure: &Figure, metric: &mut MetricEncoder<'_>) -> fmt::Result {
    match figure {
        Figure::Count(count) => metric.encode_counter::<NoLabelSet, _, f64>(count, None),
        Figure::Amount(amount) => metric.encode_counter::<NoLabelSet, _, f64>(amount, None),
        Figure::Level(level) => metric.encode_gauge(level),
        Figure::Spread { sum, count, buckets } => {
            metric.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use onhand_engine::stats::Histogram;

    use super::*;

    #[test]
    fn figures_are_written_as_openmetrics() {
        let durations = Histogram::of_durations();
        for micros in [120, 400, 1_600, 4_000, 60_000_000] {
            durations.note(micros);
        }
        let sizes = Histogram::new(&[1, 2]);
        sizes.note(2);
        let mut sheet = Sheet::default();
        sheet.count(&families::REFUSED, &[("reason", "crowded")], 3);
        sheet.level(&families::BUILD, &[("version", "a\"b\\c\nd")], 1.0);
        sheet.spread(&families::COMMIT_DURATION, &[], &durations.read());
        sheet.spread(&families::BATCH_SIZE, &[], &sizes.read());
        sheet.amount(&families::CPU, 1.5);
        let written = sheet.written();
        let durations = "onhand_committer_commit_duration_seconds";
        for line in [
            "# TYPE onhand_http_connections_refused counter",
            "onhand_http_connections_refused_total{reason=\"crowded\"} 3",
            &format!("# TYPE {durations} histogram"),
            &format!("# UNIT {durations} seconds"),
            &format!("{durations}_bucket{{le=\"0.0005\"}} 2"),
            &format!("{durations}_bucket{{le=\"0.002\"}} 3"),
            &format!("{durations}_bucket{{le=\"0.005\"}} 4"),
            &format!("{durations}_bucket{{le=\"10.0\"}} 4"),
            &format!("{durations}_bucket{{le=\"+Inf\"}} 5"),
            &format!("{durations}_count 5"),
            &format!("{durations}_sum 60.00612"),
            "onhand_committer_batch_size_bucket{le=\"2.0\"} 1",
            "onhand_build{version=\"a\\\"b\\\\c\\nd\"} 1.0",
            "process_cpu_seconds_total 1.5",
        ] {
            assert!(written.lines().any(|one| one == line), "{line} is not in:\n{written}");
        }
        assert!(written.ends_with("# EOF\n"), "{written}");
    }
}
