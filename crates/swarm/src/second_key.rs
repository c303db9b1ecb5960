//! An announce by the second key of a hybrid torrent, which leads to the swarm of the first.

use std::net::{IpAddr, SocketAddr};

use crate::peer::{Peer, PeerV4, PeerV6};
use crate::shard::{Announce, Outcome, Shard};
use crate::table::Form;
use crate::{Key, Tick};

/// How many ticks apart a client's announces of both keys may be and still belong together.
const TOGETHER_TICKS: u16 = 1;

impl Shard {
    /// Handles an announce that a second key led here; `announce` has the first.
    ///
    /// Who announces the first key at the same time was told of peers then, and is told of nobody now. A client takes those whom it
    /// is told of under the second key for peers that know BEP 52, and greets them with the v2 hash only; in a swarm that both keys
    /// share, those who know v1 alone would turn it away for ever.
    pub fn announce_second(
        &mut self,
        announce: &Announce,
        now: Tick,
        v4: &mut Vec<u8>,
        v6: &mut Vec<u8>,
    ) -> Outcome {
        let before = self.announced_at(announce.key, announce.address);
        let was_told = before.is_some_and(|tick| now.since(tick) <= TOGETHER_TICKS);
        let wanted = if was_told { 0 } else { announce.wanted };
        self.announce(&Announce { wanted, ..*announce }, now, v4, v6)
    }

    /// When a peer announced itself last, where it is in the swarm.
    fn announced_at(&self, key: Key, address: SocketAddr) -> Option<Tick> {
        let slot = self.table.get(self.place(key)?);
        let (ip, port) = (address.ip().to_canonical(), address.port());
        let meta = match (slot.form(), ip) {
            (Form::Inline(head), IpAddr::V4(ip)) => {
                let peers = slot.inline();
                PeerV4(peers[head.find(peers, PeerV4::address_of(ip, port))?]).meta()
            }
            (Form::Block(block, head), IpAddr::V4(ip)) => {
                let peers = self.blocks.peers(block);
                PeerV4(peers[head.find(peers, PeerV4::address_of(ip, port))?]).meta()
            }
            (Form::Large(number), IpAddr::V4(ip)) => {
                self.larges.get(number).v4.meta(PeerV4::address_of(ip, port), &self.seed)?
            }
            (Form::Large(number), IpAddr::V6(ip)) => {
                self.larges.get(number).v6.meta(PeerV6::address_of(ip, port), &self.seed)?
            }
            _ => return None,
        };
        Some(meta.tick())
    }
}
