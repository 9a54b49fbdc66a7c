//! Sets of small numbers, as bits.

/// A set of numbers below a bound that is fixed when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    bound: usize,
}

impl Bits {
    /// Returns an empty set of numbers below `bound`.
    pub(crate) fn none(bound: usize) -> Bits {
        Bits { words: vec![0; bound.div_ceil(64)], bound }
    }

    /// Returns the set of all numbers below `bound`.
    pub(crate) fn all(bound: usize) -> Bits {
        let mut bits = Bits { words: vec![u64::MAX; bound.div_ceil(64)], bound };
        bits.trim();
        bits
    }

    /// Returns the set of the numbers listed.
    pub(crate) fn of(bound: usize, numbers: &[u32]) -> Bits {
        let mut bits = Bits::none(bound);
        for number in numbers {
            bits.insert(*number as usize);
        }
        bits
    }

    /// Adds a number; one that is not below the bound is left out.
    pub(crate) fn insert(&mut self, number: usize) {
        if number < self.bound {
            self.words[number / 64] |= 1 << (number % 64);
        }
    }

    /// Returns whether a number is in the set.
    pub(crate) fn has(&self, number: usize) -> bool {
        self.words.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Keeps what is in both.
    pub(crate) fn and(&mut self, other: &Bits) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Adds what is in the other.
    pub(crate) fn or(&mut self, other: &Bits) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// Turns the set into what was not in it.
    pub(crate) fn not(mut self) -> Bits {
        for word in &mut self.words {
            *word = !*word;
        }
        self.trim();
        self
    }

    /// Returns the numbers, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    index * 64 + bit
                })
            })
        })
    }

    fn trim(&mut self) {
        if !self.bound.is_multiple_of(64)
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << (self.bound % 64)) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_stay_below_their_bound() {
        let mut set = Bits::of(70, &[1, 64, 69]);
        set.insert(70);
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 64, 69]);
        assert_eq!(Bits::all(70).iter().count(), 70);
        let inverse = set.clone().not();
        assert_eq!(inverse.iter().count(), 67);
        assert!(!inverse.has(64) && inverse.has(65) && !inverse.has(70) && !inverse.has(5000));
        set.and(&Bits::of(70, &[64, 2]));
        set.or(&Bits::of(70, &[3]));
        assert_eq!(set.iter().collect::<Vec<_>>(), [3, 64]);
        assert_eq!(Bits::all(64).iter().count(), 64);
        assert_eq!(Bits::all(0).iter().count(), 0);
    }
}
