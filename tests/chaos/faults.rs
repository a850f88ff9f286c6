//! The faults that chaos injects.

use fastrand::Rng;
use morag_tests::fleet::ProcessClock;
use morag_tests::proxy::{Proxy, Wire};
use morag_tests::saga::{Saga, Store};

/// Jump of the clock, seconds.
const JUMP: i64 = 3600;

/// A fault with a beginning and an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL of a process, which is restarted.
    Kill(usize),
    /// SIGKILL of all processes.
    KillAll,
    /// SIGSTOP of a process, then SIGCONT.
    Stop(usize),
    /// SIGTERM of a process, which must exit successfully and is restarted.
    Terminate(usize),
    /// SIGKILL of a Redis server, by its number in the Cluster, which is restarted.
    KillStore(usize),
    /// SIGSTOP of a Redis server, then SIGCONT.
    StopStore(usize),
    /// A fault of the network to Redis.
    Cut(Wire),
    /// The clock of a process is an hour fast or slow.
    Clock(i64),
}

/// The faults that are possible with a store; frequent ones are listed several times.
pub struct Faults(Vec<Sort>);

#[derive(Clone, Copy)]
enum Sort {
    Kill,
    KillAll,
    Stop,
    Terminate,
    KillStore,
    StopStore,
    Cut,
    Clock,
}

impl Faults {
    /// The faults that are possible with a store.
    pub fn of(store: &Store) -> Self {
        use Sort::{Clock, Cut, Kill, KillAll, KillStore, Stop, StopStore, Terminate};
        Self(match store {
            Store::Sqlite => vec![Kill, Kill, Kill, Stop, Terminate],
            Store::Redis(_) => {
                vec![Kill, Kill, Kill, KillAll, Stop, Stop, Terminate, KillStore, StopStore, Cut, Cut, Clock]
            }
            Store::Cluster(_) => {
                vec![Kill, Kill, Kill, KillAll, Stop, Stop, Terminate, KillStore, KillStore, StopStore, Clock]
            }
        })
    }

    /// A random fault, of one of `processes` processes.
    pub fn choose(&self, rng: &mut Rng, processes: usize) -> Fault {
        /// Masters of a Cluster; a single server ignores the number.
        const NODES: usize = 3;
        match self.0[rng.usize(..self.0.len())] {
            Sort::Kill => Fault::Kill(rng.usize(..processes)),
            Sort::KillAll => Fault::KillAll,
            Sort::Stop => Fault::Stop(rng.usize(..processes)),
            Sort::Terminate => Fault::Terminate(rng.usize(..processes)),
            Sort::KillStore => Fault::KillStore(rng.usize(..NODES)),
            Sort::StopStore => Fault::StopStore(rng.usize(..NODES)),
            Sort::Cut => Fault::Cut(if rng.bool() { Wire::Frozen } else { Wire::Reset }),
            Sort::Clock => Fault::Clock(if rng.bool() { JUMP } else { -JUMP }),
        }
    }
}

impl Fault {
    /// Name of the kind in the counts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Kill(_) => "process killed",
            Self::KillAll => "all processes killed",
            Self::Stop(_) => "process stopped",
            Self::Terminate(_) => "process asked to stop",
            Self::KillStore(_) => "Redis killed",
            Self::StopStore(_) => "Redis stopped",
            Self::Cut(Wire::Reset) => "network reset",
            Self::Cut(_) => "network frozen",
            Self::Clock(_) => "clock of a process off by an hour",
        }
    }

    /// Description with the affected process or server.
    pub fn describe(&self, saga: &Saga) -> String {
        let kind = self.kind();
        match self {
            Self::Kill(number) | Self::Stop(number) | Self::Terminate(number) => {
                format!("{kind}: {}", saga.fleet.processes()[*number].name())
            }
            Self::KillStore(node) | Self::StopStore(node) => format!("{kind}: {node}"),
            Self::KillAll | Self::Cut(_) | Self::Clock(_) => kind.to_owned(),
        }
    }

    /// Whether it affects the store or the network to it.
    pub fn is_of_store(&self) -> bool {
        matches!(self, Self::KillStore(_) | Self::StopStore(_) | Self::Cut(_))
    }

    /// Whether it cannot run at the same time as another: both affect the store, or both affect processes.
    pub fn excludes(&self, other: &Self) -> bool {
        self.is_of_store() == other.is_of_store()
    }

    /// Starts the fault.
    pub async fn begin(&self, saga: &mut Saga, proxy: Option<&Proxy>, clock: Option<&ProcessClock>) {
        match self {
            Self::Kill(number) => saga.fleet.process(*number).kill(),
            Self::KillAll => (0..saga.fleet.processes().len()).for_each(|number| saga.fleet.process(number).kill()),
            Self::Stop(number) => saga.fleet.process(*number).stop_the_world(),
            Self::Terminate(number) => saga.fleet.process(*number).ask_to_stop(),
            Self::KillStore(node) => match &mut saga.store {
                Store::Cluster(cluster) => cluster.kill(*node),
                store => store.redis().kill(),
            },
            Self::StopStore(node) => match &mut saga.store {
                Store::Cluster(cluster) => cluster.nodes_mut()[*node].stop_the_world(),
                store => store.redis().stop_the_world(),
            },
            Self::Cut(wire) => proxy.into_iter().for_each(|proxy| proxy.cut(*wire)),
            Self::Clock(seconds) => clock.into_iter().for_each(|clock| clock.jump(*seconds)),
        }
    }

    /// Ends the fault, and waits for the recovery.
    pub async fn end(&self, saga: &mut Saga, proxy: Option<&Proxy>, clock: Option<&ProcessClock>) {
        match self {
            Self::Kill(_) | Self::KillAll | Self::Stop(_) => saga.fleet.heal().await,
            Self::Terminate(number) => saga.fleet.process(*number).end_well_and_start().await,
            Self::KillStore(node) => match &mut saga.store {
                Store::Cluster(cluster) => cluster.restart(*node),
                store => store.redis().restart(),
            },
            Self::StopStore(node) => match &mut saga.store {
                Store::Cluster(cluster) => {
                    cluster.nodes_mut()[*node].go_on();
                    cluster.wait_until_ok();
                }
                store => store.redis().go_on(),
            },
            Self::Cut(_) => proxy.into_iter().for_each(Proxy::heal),
            Self::Clock(_) => clock.into_iter().for_each(|clock| clock.jump(0)),
        }
    }
}
