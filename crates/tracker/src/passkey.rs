//! Passkeys: which accounts they name, and where they stand in an announce URL, which is the same place for all protocols: HTTP,
//! WebSocket, and UDP's URL data (BEP 41).

use std::collections::HashMap;
use std::sync::PoisonError;

use crate::engine::Engine;

/// A passkey: 16 bytes, written as 32 hex digits.
pub type Passkey = [u8; 16];

/// The passkey of each account.
#[derive(Debug, Default)]
pub(crate) struct Passkeys {
    accounts: HashMap<Passkey, u64>,
    /// The same the other way round: an account has one passkey.
    passkeys: HashMap<u64, Passkey>,
}

impl Passkeys {
    pub(crate) fn account(&self, passkey: &Passkey) -> Option<u64> {
        self.accounts.get(passkey).copied()
    }

    /// Gives an account its passkey; returns whether another one stops working, its own or that of who had this one before.
    fn admit(&mut self, passkey: Passkey, account: u64) -> bool {
        let former = self.passkeys.insert(account, passkey).filter(|former| *former != passkey);
        if let Some(former) = former {
            self.accounts.remove(&former);
        }
        let other = self.accounts.insert(passkey, account).filter(|other| *other != account);
        if let Some(other) = other {
            self.passkeys.remove(&other);
        }
        former.is_some() || other.is_some()
    }

    /// Gives many accounts their passkeys at once, in place of all former ones; returns whether one of those stops working.
    fn replace(&mut self, accounts: HashMap<Passkey, u64>) -> bool {
        self.passkeys = accounts.iter().map(|(passkey, account)| (*account, *passkey)).collect();
        let former = std::mem::replace(&mut self.accounts, accounts);
        former.iter().any(|(passkey, account)| self.accounts.get(passkey) != Some(account))
    }
}

impl Engine {
    /// Gives a member its passkey.
    pub fn admit_member(&self, passkey: Passkey, account: u64) {
        if self.passkeys.write().unwrap_or_else(PoisonError::into_inner).admit(passkey, account) {
            self.admissions.send_replace(());
        }
    }

    /// Gives all members their passkeys, in place of all former ones.
    pub fn replace_members(&self, accounts: HashMap<Passkey, u64>) {
        if self.passkeys.write().unwrap_or_else(PoisonError::into_inner).replace(accounts) {
            self.admissions.send_replace(());
        }
    }
}

/// The passkey of a path such as `/0123…/announce`: the first part between slashes that is 32 hex digits; where there is none, what
/// the query has after `passkey=`.
pub(crate) fn passkey_of(target: &[u8]) -> Option<Passkey> {
    let end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let (path, query) = target.split_at(end);
    let of_query = || {
        let mut pairs = query.get(1..).unwrap_or_default().split(|byte| *byte == b'&');
        pairs.find_map(|pair| read(pair.strip_prefix(b"passkey=")?))
    };
    path.split(|byte| *byte == b'/').find_map(read).or_else(of_query)
}

/// Reads 32 hex digits.
fn read(text: &[u8]) -> Option<Passkey> {
    let mut passkey = [0; 16];
    if text.len() != 2 * passkey.len() {
        return None;
    }
    let digit = |digit: u8| (digit as char).to_digit(16);
    for (byte, digits) in passkey.iter_mut().zip(text.as_chunks::<2>().0) {
        *byte = (digit(digits[0])? << 4 | digit(digits[1])?) as u8;
    }
    Some(passkey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_passkey_replaces_the_former_one() {
        let mut passkeys = Passkeys::default();
        assert!(!passkeys.admit([1; 16], 7) && !passkeys.admit([1; 16], 7), "nothing stops working");
        assert!(passkeys.admit([2; 16], 7));
        assert!(
            !passkeys.replace([([2; 16], 7), ([3; 16], 8)].into()) && passkeys.replace([([2; 16], 7)].into())
        );
        assert_eq!((passkeys.account(&[1; 16]), passkeys.account(&[2; 16])), (None, Some(7)));
        assert!(passkeys.admit([4; 16], 7) && passkeys.admit([4; 16], 9), "a passkey names one account");
        assert_eq!((passkeys.account(&[2; 16]), passkeys.account(&[4; 16])), (None, Some(9)));
        assert!(!passkeys.admit([5; 16], 7), "it had none any more");
    }

    const OWN: &str = "000102030405060708090a0b0c0d0e0f";

    #[test]
    fn a_passkey_stands_between_slashes_or_else_in_the_query() {
        let own = Some(std::array::from_fn(|byte| byte as u8));
        for target in [
            "/OWN/announce",
            "/OWN",
            "/a-folder-of-thirty-two-character/OWN/announce",
            "/OWN/announce?passkey=ffffffffffffffffffffffffffffffff",
            "/announce?a=b&passkey=OWN&c",
            "/announce?passkey=short&passkey=OWN",
            "/00/announce?passkey=OWN",
        ] {
            assert_eq!(passkey_of(target.replace("OWN", OWN).as_bytes()), own, "{target}");
        }
        for target in [
            "/announce",
            "/zz0102030405060708090a0b0c0d0e0f/announce",
            "/00/announce",
            "/announce?OWN",
            "/announce?key=OWN",
            "/announce?other=/OWN/",
            "/passkey=OWN/announce",
            "?",
            "",
        ] {
            assert_eq!(passkey_of(target.replace("OWN", OWN).as_bytes()), None, "{target}");
        }
    }
}
