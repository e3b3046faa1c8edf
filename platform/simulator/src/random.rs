//! The only source of randomness in a simulation: a generator that a seed starts.

use std::time::Duration;

/// A stream of pseudorandom numbers (SplitMix64, Steele and others, 2014). A seed gives the same
/// stream on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A separate stream for one part of the world. What one part draws does not change what
    /// another part gets.
    #[must_use]
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.draw())
    }

    /// The next number.
    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, or 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw().checked_rem(end).unwrap_or_default()
    }

    /// An index into a list of this length.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        let drawn = self.below(u64::try_from(length).unwrap_or(u64::MAX));
        usize::try_from(drawn).unwrap_or_default()
    }

    /// A number from `first` to `last`.
    pub fn between(&mut self, first: i64, last: i64) -> i64 {
        let span = u64::try_from(last - first).unwrap_or_default() + 1;
        first + i64::try_from(self.below(span)).unwrap_or_default()
    }

    /// True with a probability of `per_mille` in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// A duration from `first` to `last`.
    pub fn duration(&mut self, first: Duration, last: Duration) -> Duration {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let drawn = self.between(micros(first), micros(last).max(micros(first)));
        Duration::from_micros(u64::try_from(drawn).unwrap_or_default())
    }

    /// One of the items, or `None` if there are none.
    pub(crate) fn pick<'all, T>(&mut self, all: &'all [T]) -> Option<&'all T> {
        let index = self.index(all.len());
        all.get(index)
    }

    /// Fills a buffer.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let drawn = self.draw().to_le_bytes();
            for (byte, new) in chunk.iter_mut().zip(drawn) {
                *byte = new;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_the_same_on_every_machine_and_in_every_release() {
        // Fixed: with other numbers, every seed that was ever printed would give another run.
        let mut random = Random::new(1);
        assert_eq!(random.draw(), 0x910a_2dec_8902_5cc1);
        assert_eq!(random.draw(), 0xbeeb_8da1_658e_ec67);
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut random = Random::new(7);
        let mut seen = [false; 5];
        for _ in 0..1_000 {
            let drawn = random.between(-2, 2);
            seen[usize::try_from(drawn + 2).unwrap()] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(random.below(0), 0);
        assert_eq!(random.pick::<u8>(&[]), None);
    }
}
