//! Whose turn it is, by weight.

/// Turns of members: a round in which each comes as often as it weighs, spread evenly.
pub(super) struct Turns {
    round: Vec<usize>,
    at: usize,
    weights: Vec<u32>,
    /// The state of a generator whose numbers need only be spread: nothing is kept secret by a choice.
    seed: u64,
}

impl Turns {
    /// Turns of members of these weights. All are above zero.
    pub(super) fn new(weights: &[u32]) -> Self {
        // Who is behind the most comes next.
        let total: i64 = weights.iter().map(|weight| i64::from(*weight)).sum();
        let mut credit = vec![0_i64; weights.len()];
        let mut round = Vec::new();
        for _ in 0..total {
            for (credit, weight) in credit.iter_mut().zip(weights) {
                *credit += i64::from(*weight);
            }
            let next = (0..credit.len()).rev().max_by_key(|at| credit[*at]).unwrap_or(0);
            credit[next] -= total;
            round.push(next);
        }
        Self { round, at: 0, weights: weights.to_vec(), seed: 0 }
    }

    /// The next in the round that is among `free`.
    pub(super) fn next(&mut self, free: &[usize]) -> Option<usize> {
        let length = self.round.len();
        let place =
            (0..length).map(|step| (self.at + step) % length).find(|place| free.contains(&self.round[*place]))?;
        self.at = (place + 1) % length;
        Some(self.round[place])
    }

    /// Of two among `free` that are drawn by weight, the one that has less to do for its weight. Two are enough: it comes
    /// close to the least of all, and many who look at once do not all run to the same.
    pub(super) fn lesser(&mut self, free: &[usize], calls: impl Fn(usize) -> usize) -> Option<usize> {
        let first = self.draw(free)?;
        let others: Vec<usize> = free.iter().copied().filter(|at| *at != first).collect();
        let Some(second) = self.draw(&others) else { return Some(first) };
        let load = |at: usize, other: usize| (calls(at) as u64 + 1) * u64::from(self.weights[other]);
        Some(if load(second, first) < load(first, second) { second } else { first })
    }

    /// One among `free`, by weight.
    fn draw(&mut self, free: &[usize]) -> Option<usize> {
        let total: u64 = free.iter().map(|at| u64::from(self.weights[*at])).sum();
        let mut number = self.number().checked_rem(total)?;
        free.iter().copied().find(|at| {
            let weight = u64::from(self.weights[*at]);
            let here = number < weight;
            number = number.wrapping_sub(weight);
            here
        })
    }

    /// `SplitMix64`.
    fn number(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_spread() {
        assert_eq!(Turns::new(&[5, 1, 1]).round, [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(Turns::new(&[1, 1]).round, [0, 1]);
    }

    #[test]
    fn who_is_not_free_is_passed_over() {
        let mut turns = Turns::new(&[1, 1, 1]);
        let next: Vec<_> = (0..4).map(|_| turns.next(&[0, 2]).unwrap()).collect();
        assert_eq!(next, [0, 2, 0, 2]);
        assert_eq!(turns.next(&[]), None);
        assert_eq!(turns.lesser(&[], |_| 0), None);
        assert_eq!(turns.lesser(&[1], |_| 7), Some(1));
    }

    #[test]
    fn numbers_are_spread_by_weight() {
        let mut turns = Turns::new(&[1, 3]);
        let first = (0..1000).filter(|_| turns.draw(&[0, 1]) == Some(0)).count();
        assert!((200..300).contains(&first), "{first} of a quarter of 1000");
    }
}
