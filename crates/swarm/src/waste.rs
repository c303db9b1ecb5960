//! Memory that is of no more use, given back a little at a time: at once, the index and the peers of a swarm of millions would be a
//! pause of many milliseconds.

use crate::large::Large;
use crate::list::List;
use crate::lookup::Lookup;
use crate::pages::Pages;
use crate::peer::{Peer, PeerV4, PeerV6};

/// What waits to be given back.
#[derive(Debug, Default)]
pub(crate) struct Waste {
    lookups: Vec<Lookup>,
    v4: Vec<Pages<PeerV4>>,
    v6: Vec<Pages<PeerV6>>,
}

impl Waste {
    /// Takes all that a large swarm holds.
    pub(crate) fn take(&mut self, large: Large) {
        let Large { v4, v6, .. } = large;
        let (v4, v6) = (self.take_list(v4), self.take_list(v6));
        self.v4.extend(v4);
        self.v6.extend(v6);
    }

    /// Takes what a list is looked up in no more.
    pub(crate) fn take_lookup(&mut self, lookup: Option<Box<Lookup>>) {
        self.lookups.extend(lookup.map(|lookup| *lookup));
    }

    /// Takes what a list is looked up in; returns its peers, unless they are so few that they were given back here.
    fn take_list<P: Peer>(&mut self, list: List<P>) -> Option<Pages<P>> {
        let (peers, lookup) = list.into_parts();
        self.take_lookup(lookup);
        (peers.pages() > 1).then_some(peers)
    }

    /// Gives at most so many pages back.
    pub(crate) fn give_back(&mut self, pages: usize) {
        for _ in 0..pages {
            let is_done = !give_one(&mut self.lookups, Lookup::give_page_back)
                && !give_one(&mut self.v4, Pages::give_page_back)
                && !give_one(&mut self.v6, Pages::give_page_back);
            if is_done {
                return;
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lookups.is_empty() && self.v4.is_empty() && self.v6.is_empty()
    }
}

/// Gives a page of the last one back, or what is left of it when it has none; false where there is nothing.
fn give_one<T>(all: &mut Vec<T>, page_of: impl Fn(&mut T) -> bool) -> bool {
    let Some(last) = all.last_mut() else { return false };
    if !page_of(last) {
        all.pop();
    }
    true
}

#[cfg(test)]
mod tests {
    use crate::Tick;
    use crate::hashing::Seeded;
    use crate::large::Larges;
    use crate::peer::Meta;

    #[test]
    fn a_swarm_of_many_goes_a_page_at_a_time_and_one_of_few_at_once() {
        let seed = Seeded::new([1, 2]);
        let meta = Meta::new(Tick(1), false, false);
        let mut larges = Larges::default();
        for (count, expected) in [(0, 0), (500, 0), (20_000, 20 + 32 + 1)] {
            let number = larges.take();
            for address in (0..count).map(|number| number << 16) {
                larges.get_mut(number).v4.put(address, meta, false, usize::MAX, &seed);
            }
            larges.give_back(number);
            let mut pages = 0;
            while !larges.waste.is_empty() {
                larges.waste.give_back(1);
                pages += 1;
            }
            assert!((expected..=expected + 3).contains(&pages), "{count} peers: {pages} pages");
        }
    }
}
