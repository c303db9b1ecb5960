//! Who has the places that there are for connections, and who gives one up when all are taken.
//!
//! The count of all connections is bounded, so a hundred addresses with as many as each may have could take every place. When all are
//! taken, a newcomer comes in if its address has clearly fewer than the heaviest one, and that one's oldest connection is ended for it.
//! An address with a single connection loses it to nobody. Nothing is searched: addresses stand in buckets by how many connections
//! they have, and an address knows its own by their age.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::rc::Rc;

use tokio::sync::Notify;

use crate::http_limits::{Limits, sender};

/// Tells a connection's task to end; the word stays until the task hears it.
pub(crate) type Ending = Rc<Notify>;

/// The place of one connection; it must be given back by [`Open::leave`] even where it was taken away meanwhile.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// None for a trusted proxy, whose connections are many clients' and are never ended for another.
    sender: Option<IpAddr>,
    number: u64,
}

/// The connections of one sender: by their age, and where it stands in its bucket.
#[derive(Debug, Default)]
struct Own {
    by_age: BTreeMap<u64, Ending>,
    at: usize,
}

/// How many connections are open, in all and of each sender; a sender without any is not remembered.
#[derive(Debug, Default)]
pub(crate) struct Open {
    total: usize,
    /// The number of the next connection: a higher one is younger.
    next: u64,
    senders: HashMap<IpAddr, Own>,
    /// Senders by how many connections they have; none has 0.
    buckets: Vec<Vec<IpAddr>>,
    /// The most that a sender has.
    most: usize,
}

impl Open {
    /// Gives a connection its place; None where there are too many. A connection that gives up its place is told by its ending.
    pub(crate) fn enter(
        &mut self,
        ip: IpAddr,
        limits: &Limits,
        is_proxy: bool,
        ending: &Ending,
    ) -> Option<Place> {
        let sender = (!is_proxy).then(|| sender(ip));
        let own = sender.and_then(|ip| self.senders.get(&ip)).map_or(0, |own| own.by_age.len());
        if !is_proxy && own >= limits.connections_of_one_address {
            return None;
        }
        if self.total >= limits.connections {
            // With one more than the newcomer's own, the two would only change places.
            if self.most <= own + 1 {
                return None;
            }
            self.end_oldest_of_heaviest();
        }
        let place = Place { sender, number: self.next };
        self.next += 1;
        self.total += 1;
        if let Some(ip) = sender {
            let count = own + 1;
            self.unbucket(ip, own);
            self.senders.entry(ip).or_default().by_age.insert(place.number, Rc::clone(ending));
            self.bucket(ip, count);
            self.most = self.most.max(count);
        }
        Some(place)
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Takes a connection out of the count, unless its place was given to another before.
    pub(crate) fn leave(&mut self, place: &Place) {
        match place.sender {
            None => self.total -= 1,
            Some(ip) => {
                self.take(ip, |own| own.remove(&place.number));
            }
        }
    }

    fn end_oldest_of_heaviest(&mut self) {
        let heaviest = self.buckets.get(self.most).and_then(|bucket| bucket.last()).copied();
        let ended = heaviest.and_then(|ip| self.take(ip, |own| own.pop_first().map(|(_, ending)| ending)));
        if let Some(ending) = ended {
            ending.notify_one();
        }
    }

    /// Takes one connection of a sender out of the count; None where it is not there.
    fn take(
        &mut self,
        ip: IpAddr,
        choose: impl FnOnce(&mut BTreeMap<u64, Ending>) -> Option<Ending>,
    ) -> Option<Ending> {
        let ending = choose(&mut self.senders.get_mut(&ip)?.by_age)?;
        let left = self.senders[&ip].by_age.len();
        self.total -= 1;
        self.unbucket(ip, left + 1);
        if left == 0 {
            self.senders.remove(&ip);
        } else {
            self.bucket(ip, left);
        }
        // Whoever had the most has one fewer now, so the next bucket below is the heaviest one.
        if self.buckets[self.most].is_empty() {
            self.most -= 1;
        }
        Some(ending)
    }

    /// Puts a sender, which is known, into the bucket of its count.
    fn bucket(&mut self, ip: IpAddr, count: usize) {
        if self.buckets.len() <= count {
            self.buckets.resize_with(count + 1, Vec::new);
        }
        let bucket = &mut self.buckets[count];
        if let Some(own) = self.senders.get_mut(&ip) {
            own.at = bucket.len();
            bucket.push(ip);
        }
    }

    /// Takes a sender out of the bucket of its count; the last one there moves into its place.
    fn unbucket(&mut self, ip: IpAddr, count: usize) {
        let Some(at) = self.senders.get(&ip).map(|own| own.at) else { return };
        let bucket = &mut self.buckets[count];
        bucket.swap_remove(at);
        if let Some(own) = bucket.get(at).and_then(|moved| self.senders.get_mut(moved)) {
            own.at = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::future::Future;
    use std::task::{Context, Waker};

    use super::*;
    use crate::random::random_bytes;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([1, 1, 1, last])
    }

    fn is_ended(ending: &Ending) -> bool {
        std::pin::pin!(ending.notified()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    fn limits(connections: usize, connections_of_one_address: usize) -> Limits {
        Limits { connections, connections_of_one_address, ..Limits::default() }
    }

    /// Enters connections, one of each address.
    fn all(open: &mut Open, limits: &Limits, ips: &[u8]) -> Vec<(Ending, Option<Place>)> {
        let one = |last: &u8| {
            let ending = Ending::default();
            let place = open.enter(ip(*last), limits, false, &ending);
            (ending, place)
        };
        ips.iter().map(one).collect()
    }

    #[test]
    fn connections_are_counted_until_they_end() {
        let limits = limits(3, 2);
        let mut open = Open::default();
        let enter = |open: &mut Open, ip, is_proxy| open.enter(ip, &limits, is_proxy, &Ending::default());
        let own = [enter(&mut open, ip(1), false), enter(&mut open, ip(1), false)];
        assert!(own.iter().all(Option::is_some) && enter(&mut open, ip(1), false).is_none());
        let proxy = enter(&mut open, ip(1), true).expect("a proxy has no limit of its own");
        for place in own.into_iter().flatten().chain([proxy]) {
            open.leave(&place);
        }
        assert!(open.senders.is_empty() && (open.total, open.most) == (0, 0));
        let (one, two) = ("2600::1".parse().expect("an address"), "2600::2".parse().expect("an address"));
        let network = [enter(&mut open, one, false), enter(&mut open, two, false)];
        assert!(enter(&mut open, one, false).is_none(), "a network of 64 bits is one sender");
        network.iter().flatten().for_each(|place| open.leave(place));
        assert!(open.senders.is_empty());
    }

    #[test]
    fn the_heaviest_gives_its_oldest_connection_to_whoever_has_clearly_fewer() {
        let limits = limits(5, 3);
        let mut open = Open::default();
        let taken = all(&mut open, &limits, &[1, 2, 1, 2, 1]);
        let newcomers = all(&mut open, &limits, &[3]);
        assert!(newcomers[0].1.is_some());
        let ended: Vec<bool> = taken.iter().map(|(ending, _)| is_ended(ending)).collect();
        assert_eq!(ended, [true, false, false, false, false]);
        assert!(all(&mut open, &limits, &[2, 1])[..].iter().all(|(_, place)| place.is_none()), "two each");
        assert!(all(&mut open, &limits, &[3])[0].1.is_none(), "one would only change places with two");
        assert_eq!((open.total(), open.most), (5, 2));
        open.leave(taken[0].1.as_ref().expect("it was in"));
        assert_eq!(open.total(), 5, "its place was another's already");
        let singles = all(&mut open, &limits, &[4, 5, 6]);
        assert_eq!(singles.iter().filter(|(_, place)| place.is_some()).count(), 2, "then all have one");
    }

    #[test]
    fn a_proxys_connections_are_never_ended_and_come_in_where_a_sender_has_two() {
        let limits = limits(4, 3);
        let mut open = Open::default();
        let proxies: Vec<Ending> = (0..2).map(|_| Ending::default()).collect();
        assert!(proxies.iter().all(|ending| open.enter(ip(9), &limits, true, ending).is_some()));
        let two = all(&mut open, &limits, &[1, 1]);
        assert!(open.enter(ip(9), &limits, true, &Ending::default()).is_some());
        assert!(is_ended(&two[0].0) && !is_ended(&two[1].0));
        assert!(open.enter(ip(9), &limits, true, &Ending::default()).is_none());
        assert!(all(&mut open, &limits, &[2])[0].1.is_none(), "there is nobody with two");
        assert!(!proxies.iter().any(is_ended));
    }

    /// What the count must be, told by looking at every connection.
    #[derive(Default)]
    struct Model {
        /// Sender (None: a proxy), number and ending, in order of age.
        inside: Vec<(Option<IpAddr>, usize)>,
    }

    impl Model {
        fn of(&self, sender: Option<IpAddr>) -> usize {
            self.inside.iter().filter(|(other, _)| sender.is_some() && *other == sender).count()
        }

        fn most(&self) -> usize {
            self.inside.iter().map(|(sender, _)| self.of(*sender)).max().unwrap_or(0)
        }
    }

    #[test]
    fn any_history_agrees_with_a_plain_count() {
        let mut seed = u64::from_ne_bytes(random_bytes());
        println!("seed {seed}");
        let mut below = |bound: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as usize % bound
        };
        for _ in 0..60 {
            let limits = limits(1 + below(12), 1 + below(6));
            let (mut open, mut model) = (Open::default(), Model::default());
            let mut held: Vec<(Ending, Option<Place>)> = Vec::new();
            for _ in 0..400 {
                if below(3) == 0 && !held.is_empty() {
                    // Whichever it is: it may have lost its place before, and leaves only once.
                    let number = below(held.len());
                    if let Some(place) = held[number].1.take() {
                        open.leave(&place);
                        model.inside.retain(|(_, other)| *other != number);
                    }
                } else {
                    let (ip, is_proxy) = (ip(below(5) as u8), below(8) == 0);
                    let sender = (!is_proxy).then_some(ip);
                    let own = model.of(sender);
                    let is_full = model.inside.len() >= limits.connections;
                    let most = model.most();
                    let may =
                        (is_proxy || own < limits.connections_of_one_address) && (!is_full || most > own + 1);
                    let ending = Ending::default();
                    let place = open.enter(ip, &limits, is_proxy, &ending);
                    assert_eq!(place.is_some(), may);
                    let ended: Vec<usize> =
                        (0..held.len()).filter(|number| is_ended(&held[*number].0)).collect();
                    assert_eq!(ended.len(), usize::from(may && is_full));
                    for number in ended {
                        let at = model.inside.iter().position(|(_, other)| *other == number);
                        let (victim, _) = model.inside[at.expect("it was inside")];
                        assert_eq!(model.of(victim), most, "it was of a heaviest sender");
                        let oldest = model.inside.iter().position(|(other, _)| *other == victim);
                        assert_eq!(at, oldest, "and its oldest");
                        model.inside.remove(at.expect("it was inside"));
                    }
                    if may {
                        model.inside.push((sender, held.len()));
                    }
                    held.push((ending, place));
                }
                assert_eq!((open.total(), open.most), (model.inside.len(), model.most()));
                let senders: HashSet<IpAddr> =
                    model.inside.iter().filter_map(|(sender, _)| *sender).collect();
                assert_eq!(open.senders.keys().copied().collect::<HashSet<_>>(), senders);
                assert_eq!(open.buckets.iter().map(Vec::len).sum::<usize>(), senders.len());
            }
        }
    }
}
