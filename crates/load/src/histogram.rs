//! Latencies in buckets that grow by an eighth of a power of two, so that every percentile is right within 7 %.

const STEPS: usize = 16;

/// Counts of nanoseconds.
pub(crate) struct Histogram {
    counts: Vec<u64>,
    all: u64,
    most: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; 64 * STEPS], all: 0, most: 0 }
    }

    /// Counts one latency, in nanoseconds.
    pub(crate) fn add(&mut self, nanoseconds: u64) {
        self.counts[bucket(nanoseconds)] += 1;
        self.all += 1;
        self.most = self.most.max(nanoseconds);
    }

    /// The latency that `part` (0 to 1) of all stayed within, in microseconds.
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        #[allow(clippy::cast_precision_loss, clippy::cast_sign_loss)] // Far below 2^52 and never negative.
        let rank = (self.all as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return microseconds(upper(index).min(self.most));
            }
        }
        microseconds(self.most)
    }

    /// The longest latency, in microseconds.
    pub(crate) fn longest(&self) -> f64 {
        microseconds(self.most)
    }
}

#[allow(clippy::cast_precision_loss)] // Far below 2^52.
fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1000.0
}

fn bucket(value: u64) -> usize {
    let value = value.max(STEPS as u64);
    let power = 63 - value.leading_zeros() as usize;
    power * STEPS + ((value >> (power - 4)) as usize & (STEPS - 1))
}

fn upper(index: usize) -> u64 {
    let (power, step) = (index / STEPS, index % STEPS);
    if power < 4 { STEPS as u64 } else { (((STEPS + step + 1) as u64) << (power - 4)) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_within_seven_percent() {
        let mut histogram = Histogram::new();
        (1..=100_000_u64).for_each(|value| histogram.add(value * 1000));
        for part in [0.5, 0.9, 0.99] {
            let ratio = histogram.percentile(part) / (part * 100_000.0);
            assert!((0.99..1.07).contains(&ratio), "{part}: {ratio}");
        }
        assert!((histogram.longest() - 100_000.0).abs() < 1.0);
    }
}
