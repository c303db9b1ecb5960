//! Sockets, connection ids, policy set, limits, workers, snapshot, metrics.
