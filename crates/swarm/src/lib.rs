//! Peers, expiry, selection, counts; the clock is passed in; knows no socket.
