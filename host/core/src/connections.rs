//! Admission control for connections: which are accepted, and which is closed to make room. No I/O; the server closes the
//! connections.
//!
//! When the table is full, the connection that costs its client least is closed: first those that have not sent a request
//! head, oldest first, then those that are idle between requests. A connection with a request in progress is never closed. If
//! all have one, a few more are admitted to the lobby, where only the probes are answered.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Unit by which connections are counted per client: an IPv4 address, or the /64 of an IPv6 address, since one machine
/// usually has a whole /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer(IpAddr);

impl Peer {
    /// The peer of a client address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Maximum concurrent connections of a server. Each holds a few tens of KiB, so this many cost tens of MiB.
pub const CONNECTIONS_MAX: usize = 1024;

/// Connection limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum connections in total, without the lobby.
    pub total: usize,
    /// Maximum connections per peer, without the lobby.
    pub per_peer: usize,
    /// Maximum connections in the lobby.
    pub lobby: usize,
}

/// Identifies a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(u64);

/// Which routes a connection may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Every route.
    House,
    /// The probes only, for one request.
    Lobby,
}

/// State of a connection, ordered by which is closed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// No request has been received.
    Fresh,
    /// All requests are answered.
    Idle,
    /// A request is in progress.
    Busy,
}

#[derive(Debug)]
struct Held<T> {
    peer: Peer,
    room: Room,
    phase: Phase,
    /// Value of `Table::changes` when the phase began.
    since: u64,
    handle: T,
}

/// A connection that is closed to make room.
#[derive(Debug, PartialEq, Eq)]
pub struct Shed<T> {
    /// Its phase when it was removed.
    pub phase: Phase,
    /// Handle to close it with.
    pub handle: T,
}

/// Result of [`Table::admit`].
#[derive(Debug, PartialEq, Eq)]
pub enum Admission<T> {
    /// Admitted; the third field is the connection to close for it, if any.
    Held(Id, Room, Option<Shed<T>>),
    /// Refused: the lobby is full too.
    Refused(T),
}

/// The open connections.
#[derive(Debug)]
pub struct Table<T> {
    limits: Limits,
    held: BTreeMap<Id, Held<T>>,
    changes: u64,
}

impl<T> Table<T> {
    /// Creates an empty table.
    pub fn new(limits: Limits) -> Self {
        Self { limits, held: BTreeMap::new(), changes: 0 }
    }

    /// Admits a connection, closing another one if needed.
    pub fn admit(&mut self, peer: Peer, handle: T) -> Admission<T> {
        let in_house = || self.held.values().filter(|held| held.room == Room::House);
        let peer_is_full = in_house().filter(|held| held.peer == peer).count() >= self.limits.per_peer;
        if !peer_is_full && in_house().count() < self.limits.total {
            return self.hold(peer, Room::House, handle, None);
        }
        // A peer at its limit replaces one of its own connections, never another peer's.
        let house = |held: &Held<T>| held.room == Room::House && (!peer_is_full || held.peer == peer);
        if let Some(shed) = self.shed_where(house) {
            return self.hold(peer, Room::House, handle, Some(shed));
        }
        let lobby = |held: &Held<T>| held.room == Room::Lobby;
        if self.held.values().filter(|held| lobby(held)).count() < self.limits.lobby {
            return self.hold(peer, Room::Lobby, handle, None);
        }
        match self.shed_where(lobby) {
            Some(shed) => self.hold(peer, Room::Lobby, handle, Some(shed)),
            None => Admission::Refused(handle),
        }
    }

    fn hold(&mut self, peer: Peer, room: Room, handle: T, shed: Option<Shed<T>>) -> Admission<T> {
        self.changes += 1;
        let id = Id(self.changes);
        self.held.insert(id, Held { peer, room, phase: Phase::Fresh, since: self.changes, handle });
        Admission::Held(id, room, shed)
    }

    /// Removes the connection to close first, of any peer; `None` if all have a request in progress.
    pub fn shed(&mut self) -> Option<Shed<T>> {
        self.shed_where(|_| true)
    }

    fn shed_where(&mut self, which: impl Fn(&Held<T>) -> bool) -> Option<Shed<T>> {
        let candidates = self.held.iter().filter(|(_, held)| held.phase != Phase::Busy && which(held));
        let (id, _) = candidates.min_by_key(|(_, held)| (held.phase, held.since))?;
        let id = *id;
        self.held.remove(&id).map(|Held { phase, handle, .. }| Shed { phase, handle })
    }

    /// Marks the start of a request. `false`: the connection was already closed, so the request must not be processed.
    pub fn begin(&mut self, id: Id) -> bool {
        self.turn(id, Phase::Busy)
    }

    /// Marks the end of a response.
    pub fn end(&mut self, id: Id) {
        self.turn(id, Phase::Idle);
    }

    fn turn(&mut self, id: Id, phase: Phase) -> bool {
        self.changes += 1;
        let Some(held) = self.held.get_mut(&id) else { return false };
        (held.phase, held.since) = (phase, self.changes);
        true
    }

    /// Removes a closed connection.
    pub fn remove(&mut self, id: Id) {
        self.held.remove(&id);
    }

    /// Number of connections, including the lobby.
    pub fn count(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { total: 4, per_peer: 3, lobby: 2 };

    fn peer(last: u8) -> Peer {
        Peer::of(IpAddr::from([192, 0, 2, last]))
    }

    /// Returns id, room and the shed connection of an admitted connection.
    fn held(admission: Admission<&'static str>) -> (Id, Room, Option<(Phase, &'static str)>) {
        match admission {
            Admission::Held(id, room, shed) => (id, room, shed.map(|shed| (shed.phase, shed.handle))),
            Admission::Refused(handle) => panic!("{handle} is refused"),
        }
    }

    #[test]
    fn peers_are_addresses_and_prefixes_of_64_bits() {
        let of = |text: &str| Peer::of(text.parse().unwrap());
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }

    #[test]
    fn a_peer_with_all_it_may_have_gives_up_its_own_oldest_silent_one() {
        let mut table = Table::new(LIMITS);
        let (first, ..) = held(table.admit(peer(1), "a1"));
        held(table.admit(peer(2), "b1"));
        held(table.admit(peer(1), "a2"));
        held(table.admit(peer(1), "a3"));
        assert!(table.begin(first));
        let (_, room, shed) = held(table.admit(peer(1), "a4"));
        assert_eq!((room, shed), (Room::House, Some((Phase::Fresh, "a2"))));
        assert!(table.begin(first), "the one with a request is still there");
    }

    #[test]
    fn where_all_are_held_the_oldest_without_a_head_goes_whosever_it_is() {
        let mut table = Table::new(LIMITS);
        let (answered, ..) = held(table.admit(peer(1), "answered"));
        held(table.admit(peer(2), "old"));
        held(table.admit(peer(3), "new"));
        let (busy, ..) = held(table.admit(peer(3), "busy"));
        assert!(table.begin(answered) && table.begin(busy));
        table.end(answered);
        let shed: Vec<_> = (4..7).map(|n| held(table.admit(peer(n), "next")).2.unwrap()).collect();
        assert_eq!(shed, [(Phase::Fresh, "old"), (Phase::Fresh, "new"), (Phase::Fresh, "next")]);
        assert!(table.begin(answered) && table.begin(busy));
    }

    #[test]
    fn one_that_was_answered_goes_after_those_that_never_asked() {
        let mut table = Table::new(Limits { total: 2, per_peer: 2, lobby: 0 });
        let (answered, ..) = held(table.admit(peer(1), "answered"));
        let (busy, ..) = held(table.admit(peer(1), "busy"));
        assert!(table.begin(answered) && table.begin(busy));
        table.end(answered);
        assert_eq!(held(table.admit(peer(2), "next")).2, Some((Phase::Idle, "answered")));
        assert!(!table.begin(answered), "what was given up begins nothing");
    }

    #[test]
    fn where_every_one_is_busy_the_lobby_is_left_and_is_never_held_by_the_silent() {
        let mut table = Table::new(LIMITS);
        for name in ["a1", "a2", "a3"] {
            let (id, ..) = held(table.admit(peer(1), name));
            table.begin(id);
        }
        assert_eq!(held(table.admit(peer(1), "l1")).1, Room::Lobby);
        let (last, room, _) = held(table.admit(peer(2), "b1"));
        assert_eq!(room, Room::House, "another peer has room");
        table.begin(last);
        let (probe, room, shed) = held(table.admit(peer(3), "l2"));
        assert_eq!((room, shed), (Room::Lobby, None));
        table.begin(probe);
        let (other, _, shed) = held(table.admit(peer(3), "l3"));
        assert_eq!(shed, Some((Phase::Fresh, "l1")));
        table.begin(other);
        assert_eq!(table.admit(peer(3), "l4"), Admission::Refused("l4"));
    }

    #[test]
    fn descriptors_are_won_back_from_the_least_of_all() {
        let mut table = Table::new(LIMITS);
        let (busy, ..) = held(table.admit(peer(1), "busy"));
        held(table.admit(peer(2), "fresh"));
        table.begin(busy);
        assert_eq!(table.shed().map(|shed| shed.handle), Some("fresh"));
        assert_eq!(table.shed(), None);
        assert_eq!(table.count(), 1);
    }

    proptest! {
        /// For any sequence of operations: no limit is exceeded, no connection with a request is closed, and a peer below its limit
        /// is admitted as long as any connection is idle.
        #[test]
        fn limits_hold_and_requests_are_kept(moves in prop::collection::vec((0_u8..4, 0_u8..4), 0..200)) {
            let mut table = Table::new(LIMITS);
            let mut known: Vec<(Id, bool)> = Vec::new();
            for (what, who) in moves {
                match what {
                    0 | 1 => {
                        let silent = table.held.values().any(|held| held.phase != Phase::Busy && held.room == Room::House);
                        let of_peer = |held: &&Held<usize>| held.peer == peer(who) && held.room == Room::House;
                        let has_share = table.held.values().filter(of_peer).count() < LIMITS.per_peer;
                        match table.admit(peer(who), 0) {
                            Admission::Held(id, room, shed) => {
                                known.push((id, false));
                                prop_assert!(shed.is_none_or(|shed| shed.phase != Phase::Busy));
                                prop_assert!(room == Room::House || !(has_share && silent));
                            }
                            Admission::Refused(_) => prop_assert!(!(has_share && silent)),
                        }
                    }
                    2 => if let Some(one) = known.get_mut(usize::from(who)) {
                        one.1 = table.begin(one.0);
                    },
                    _ => if let Some(one) = known.get_mut(usize::from(who)) {
                        table.end(one.0);
                        one.1 = false;
                    },
                }
                let busy = known.iter().filter(|(_, busy)| *busy).count();
                prop_assert_eq!(table.held.values().filter(|held| held.phase == Phase::Busy).count(), busy);
                let house: Vec<_> = table.held.values().filter(|held| held.room == Room::House).collect();
                prop_assert!(house.len() <= LIMITS.total && table.count() - house.len() <= LIMITS.lobby);
                for one in 0..4 {
                    prop_assert!(house.iter().filter(|held| held.peer == peer(one)).count() <= LIMITS.per_peer);
                }
            }
        }
    }
}
