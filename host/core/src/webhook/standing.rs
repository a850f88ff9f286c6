//! What a lane has shown of its receiver, and the slots for exchanges that this leaves it.
//!
//! Lanes that have not shown that their receiver answers share half of all slots, however many they are, and of that those that fail
//! have half: receivers that answer always find one, and so do, among the rest, those that are new.

use super::Lane;

/// What a lane has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its receiver answers.
    Proven,
    /// Nothing yet.
    New,
    /// Its receiver fails.
    Failing,
}

impl Standing {
    /// Of this lane, now.
    pub fn of(lane: &Lane) -> Self {
        match (lane.is_proven(), lane.is_failing()) {
            (true, _) => Self::Proven,
            (false, false) => Self::New,
            (false, true) => Self::Failing,
        }
    }

    /// In how many of the three counts of [`Slots`] a lane's slot is counted, from the first.
    pub fn counts(self) -> usize {
        match self {
            Self::Proven => 1,
            Self::New => 2,
            Self::Failing => 3,
        }
    }
}

/// A number of slots: all of them, those for lanes that are not proven, and of these those for lanes that fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slots([usize; 3]);

impl Slots {
    /// The limits, where there are so many in all.
    pub fn of_total(total: usize) -> Self {
        let half = (total / 2).max(1);
        Self([total, half, (half / 2).max(1)])
    }

    /// The three numbers.
    pub fn counts(self) -> [usize; 3] {
        self.0
    }

    /// Counts a slot of a lane.
    pub fn take(&mut self, standing: Standing) {
        for count in &mut self.0[..standing.counts()] {
            *count += 1;
        }
    }

    /// Gives back what was counted for a slot of a lane.
    pub fn give_back(&mut self, standing: Standing) {
        for count in &mut self.0[..standing.counts()] {
            *count = count.saturating_sub(1);
        }
    }

    /// What is left of these, where so many are taken.
    pub fn without(self, taken: Self) -> Self {
        Self(std::array::from_fn(|count| self.0[count].saturating_sub(taken.0[count])))
    }

    /// Slots that a new lane can have of these, of `room` that its own limits allow.
    pub fn for_new(self, room: usize) -> usize {
        room.min(self.0[1])
    }

    /// Slots that a lane can have of these, of `room` that its own limits allow. A proven lane's are limited by the total alone, which
    /// the claim observes.
    pub fn for_lane(self, standing: Standing, room: usize) -> usize {
        match standing {
            Standing::Proven => room,
            Standing::New => self.for_new(room),
            Standing::Failing => self.for_new(room).min(self.0[2]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_that_are_not_proven_have_half_and_failing_ones_a_quarter() {
        let limits = Slots::of_total(8);
        assert_eq!(limits.counts(), [8, 4, 2]);
        for (standing, expected) in [(Standing::Proven, 8), (Standing::New, 4), (Standing::Failing, 2)] {
            assert_eq!(limits.for_lane(standing, 8), expected, "{standing:?}");
        }
        assert_eq!(Slots::of_total(1).counts(), [1, 1, 1], "each kind has one at least");
    }

    #[test]
    fn a_failing_lane_takes_of_each_count_and_gives_it_back() {
        let (limits, mut taken) = (Slots::of_total(8), Slots::default());
        taken.take(Standing::Failing);
        taken.take(Standing::New);
        taken.take(Standing::Proven);
        assert_eq!(limits.without(taken).counts(), [5, 2, 1]);
        taken.give_back(Standing::Failing);
        assert_eq!(limits.without(taken).counts(), [6, 3, 2]);
        taken.give_back(Standing::New);
        taken.give_back(Standing::Proven);
        assert_eq!(taken, Slots::default());
    }
}
