"""What can go wrong with the tracker."""

from largesse.kit.errors import BadInput, LargesseError, Unavailable, gettext_noop


class PortInUse(Unavailable):
    """Another program listens on the port."""

    code = "port_in_use"
    template = gettext_noop(
        "Port {port} is in use: another program listens on {address}. Stop it, or choose another port with the setting {key}."
    )


class AddressUnusable(Unavailable):
    """An address cannot be listened on."""

    code = "address_unusable"
    template = gettext_noop("The setting {key} says {address}, which cannot be listened on: {reason}.")


class CertificateUnusable(LargesseError):
    """The tracker's certificate cannot be used."""

    code = "certificate_unusable"
    exit_code = 78
    template = gettext_noop(
        "The certificate {certificate} with the key {key} cannot be used: {reason}."
        " Both are PEM files (tracker.tls_certificate, tracker.tls_key)."
    )


class BadClientRule(BadInput):
    """A peer-id prefix is not one."""

    code = "bad_client_rule"
    template = gettext_noop(
        "“{prefix}” is not the beginning of a peer id: give 1 to 20 printable ASCII characters, such as -TR4."
    )


class CountsLost(LargesseError):
    """A spooled batch of what members gave cannot be read."""

    code = "counts_lost"
    template = gettext_noop(
        "The file {path} cannot be read as a batch of the members' accounts: {reason}. It was kept."
    )


class CountsRefused(CountsLost):
    """The database refuses what a spooled batch of what members gave says."""

    code = "counts_refused"
    template = gettext_noop(
        "The file {path}, a batch of the members' accounts, cannot be booked: {reason}. It was kept under the ending .damaged."
    )


class CompletedLost(CountsLost):
    """A file of downloads that were completed while the database was away cannot be read."""

    code = "completed_lost"
    template = gettext_noop(
        "The file {path}, of downloads completed while the database was away, cannot be read: {reason}."
        " It was kept under the ending .damaged."
    )
