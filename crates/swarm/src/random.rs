//! A small, fast random source for choosing peers; secrets come from the operating system instead.

/// Wyrand: 64 random bits from a 64-bit state by one multiplication.
#[derive(Clone, Debug)]
pub struct Random(u64);

/// The sixteen largest primes below 2^32. A step that is one of them, modulo a length that it does not divide, visits every
/// position of that length once before it comes back.
const STEPS: [u32; 16] = [
    4_294_967_291,
    4_294_967_279,
    4_294_967_231,
    4_294_967_197,
    4_294_967_189,
    4_294_967_161,
    4_294_967_143,
    4_294_967_111,
    4_294_967_087,
    4_294_967_029,
    4_294_966_997,
    4_294_966_981,
    4_294_966_943,
    4_294_966_927,
    4_294_966_909,
    4_294_966_877,
];

impl Random {
    /// Begins at a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0xa076_1d64_78bd_642f);
        let product = u128::from(self.0) * u128::from(self.0 ^ 0xe703_7ed1_a0b4_28db);
        ((product >> 64) ^ product) as u64
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Every position below `length`, at most `most` of them, from a random one on in random strides.
    pub(crate) fn walk(&mut self, length: usize, most: usize) -> Walk {
        let length = length as u32;
        let bits = self.next_u64();
        let at = (((bits >> 32) * u64::from(length)) >> 32) as u32;
        let step = if length == 0 { 0 } else { STEPS[(bits & 15) as usize] % length };
        Walk { at, step, length, left: most.min(length as usize) as u32 }
    }
}

/// Positions in the order in which they are looked at.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    at: u32,
    step: u32,
    length: u32,
    left: u32,
}

impl Iterator for Walk {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let at = self.at;
        let rest = self.length - self.step;
        self.at = if at >= rest { at - rest } else { at + self.step };
        Some(at as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_primes() {
        for step in STEPS {
            assert!((2..65_536).all(|factor| step % factor != 0), "{step}");
        }
    }

    #[test]
    fn a_walk_visits_every_position_once() {
        let mut random = Random::new(3);
        for length in [0, 1, 2, 3, 30, 256, 1000, 65_537] {
            let mut seen: Vec<usize> = random.walk(length, usize::MAX).collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..length), "{length}");
        }
        assert_eq!(random.walk(1000, 7).count(), 7);
    }
}
