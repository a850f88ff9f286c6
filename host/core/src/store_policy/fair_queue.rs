//! Whose task is begun next: start-time fair queueing ([`Flow`]).
//!
//! A task gets its rank when it is accepted, and tasks are claimed in the order of their ranks. A flow's tasks lie 1/weight
//! apart, from the virtual time on: the highest rank of a task that has begun. So a flow that is new starts level with those that
//! are served, one that was idle has saved nothing up, and one that submits its next task whenever the last has begun
//! takes no more than its share. Ranks grow by at most 1 a task, so an `f64` tells the shares of the heaviest flow apart for
//! longer than any store lives.
//!
//! A flow whose waiting tasks were all cancelled goes on from the last that has begun; while some still wait, what was
//! cancelled among them has cost its turns.

use crate::ports::Flow;

/// What a store keeps of a flow. A flow without it is new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlowTurns {
    /// Its tasks that wait. May be less than 0 for a flow with tasks of before there were flows.
    pub waiting: i64,
    /// Rank of its next task, unless the virtual time is higher by then.
    pub next: f64,
    /// Rank that follows the last of its tasks that has begun.
    pub finish: f64,
    /// How far its ranks are apart: 1/weight.
    pub apart: f64,
}

/// Rank of a flow's new task, and what is kept of the flow from then on.
pub fn enter(turns: Option<FlowTurns>, virtual_time: f64, flow: &Flow) -> (f64, FlowTurns) {
    let apart = 1.0 / f64::from(flow.weight.clamp(1, Flow::WEIGHT_MAX));
    let (waiting, next, finish) =
        turns.map_or((0, virtual_time, 0.0), |turns| (turns.waiting, turns.next, turns.finish));
    let rank = virtual_time.max(next);
    (rank, FlowTurns { waiting: waiting + 1, next: rank + apart, finish, apart })
}

/// What is kept of a flow once a task of it waits no more, and the virtual time from then on. None: nothing is kept, because the
/// flow is as a new one. `begun`: rank of the task, if it has begun; none if it was cancelled before.
pub fn leave(turns: Option<FlowTurns>, virtual_time: f64, begun: Option<f64>) -> (Option<FlowTurns>, f64) {
    let virtual_time = begun.map_or(virtual_time, |rank| virtual_time.max(rank));
    let Some(mut turns) = turns else { return (None, virtual_time) };
    turns.waiting -= 1;
    if let Some(rank) = begun {
        turns.finish = turns.finish.max(rank + turns.apart);
    }
    if turns.waiting > 0 {
        return (Some(turns), virtual_time);
    }
    turns.next = turns.finish;
    // Others are kept: one row a caller.
    ((turns.finish > virtual_time).then_some(turns), virtual_time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(weight: u32) -> Flow {
        Flow { id: "a".into(), weight }
    }

    #[test]
    fn the_tasks_of_a_flow_lie_a_share_apart_from_the_virtual_time_on() {
        let (first, turns) = enter(None, 7.0, &flow(2));
        let (second, turns) = enter(Some(turns), 7.0, &flow(2));
        let (third, turns) = enter(Some(turns), 7.0, &flow(4));
        assert_eq!([first, second, third], [7.0, 7.5, 8.0]);
        assert_eq!(turns, FlowTurns { waiting: 3, next: 8.25, finish: 0.0, apart: 0.25 });
        // One that was idle has saved nothing up.
        assert_eq!(enter(Some(turns), 20.0, &flow(1)).0, 20.0);
    }

    #[test]
    fn a_weight_is_held_to_its_range() {
        let apart = |weight| enter(None, 0.0, &flow(weight)).1.apart;
        assert_eq!([apart(0), apart(1), apart(1000), apart(2000)], [1.0, 1.0, 0.001, 0.001]);
    }

    #[test]
    fn a_begun_task_takes_its_turn_and_a_cancelled_one_gives_it_back() {
        let turns = FlowTurns { waiting: 2, next: 9.0, finish: 0.0, apart: 1.0 };
        let (kept, virtual_time) = leave(Some(turns), 5.0, Some(7.0));
        assert_eq!((kept, virtual_time), (Some(FlowTurns { waiting: 1, finish: 8.0, ..turns }), 7.0));
        // A virtual time never falls.
        assert_eq!(leave(Some(turns), 7.5, Some(7.0)).1, 7.5);
        let (last, virtual_time) = leave(kept, 7.0, None);
        assert_eq!(last, Some(FlowTurns { waiting: 0, next: 8.0, finish: 8.0, apart: 1.0 }), "its turn comes next");
        assert_eq!(virtual_time, 7.0);
    }

    #[test]
    fn nothing_is_kept_of_an_idle_flow_that_is_not_ahead() {
        let turns = FlowTurns { waiting: 1, next: 4.0, finish: 3.0, apart: 1.0 };
        assert_eq!(leave(Some(turns), 3.0, None).0, None);
        assert!(leave(Some(turns), 2.9, None).0.is_some());
        let waits = FlowTurns { waiting: 2, ..turns };
        assert!(leave(Some(waits), 9.0, None).0.is_some());
        assert_eq!(leave(None, 3.0, Some(4.0)), (None, 4.0), "a task of before there were flows");
    }
}
