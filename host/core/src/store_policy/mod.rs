//! What every store decides alike. A backend reads facts, calls these functions and carries the decision out. Pure: no statement,
//! no script, no clock.
//!
//! | module | decides |
//! |---|---|
//! | [`commit`](plan_commit) | what a commit does to the task's place in its queue, its document, its cursors and its step |
//! | [`cursor`](plan_advance) | where a cursor goes, what is recorded of it, and whether it keeps its task |
//! | [`admission`](admit) | whether a flow's next task may join those that wait |
//! | [`fair_queue`](FlowTurns) | the order in which waiting tasks are begun |
//! | [`lane_turns`](LaneTurns) | which due deliveries a claim takes |
//!
//! Matches on events, states and moves name every variant, so a new one does not compile until its effect is decided here.
//!
//! The embedded store decides nothing of this by itself. In Redis the transaction is a script in the database, so what depends on facts
//! that only the script has (admission, turns, the state before a commit) is decided in Lua, and the contract suite holds both alike.
//! What depends on the commit or the move alone comes from here: the script of a cursor is sent each move's [`MoveEffect`] and the two
//! [`CursorFate`]s that may follow, and finds only which of them it is.

mod admission;
mod commit;
mod cursor;
mod fair_queue;
mod lane_turns;

pub use admission::{QueueFacts, QueueLimits, admit};
pub use commit::{
    CommitPlan, DocumentPlan, EndTime, Left, RunningStep, TaskFacts, WaitingCursors, claim_after, end_time,
    leaves_queue, may_reopen, plan_commit, reached_percent, reopens, running_step, written_bytes,
};
pub use cursor::{
    Advance, AfterMove, CursorFate, CursorPosition, CursorState, MoveEffect, RecordedMove, Step, may_expire,
    next_resend, plan_advance,
};
pub use fair_queue::{FlowTurns, enter, leave};
pub use lane_turns::{Dealt, LaneTurns};
