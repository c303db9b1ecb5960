"""Whether what the tracker told agrees with itself."""

from collections.abc import Iterator

from django.conf import settings
from django.db.models import F, Q

from largesse.journal.checks import Break
from largesse.swarm.models import MemberTotal, SwarmCount


def check() -> Iterator[Break]:
    """Yield counts that cannot be, and batches of the members' accounts that were put aside, being damaged or refused."""
    for count in SwarmCount.objects.filter(partial_seeds__gt=F("leechers")).order_by("pk").iterator():
        yield Break(
            f"swarm {count.key}", f"It has {count.partial_seeds} partial seeds among {count.leechers} leechers."
        )
    negative = Q(uploaded_bytes__lt=0) | Q(downloaded_bytes__lt=0) | Q(seed_seconds__lt=0)
    for total in MemberTotal.objects.filter(negative).order_by("pk").iterator():
        yield Break(f"member {total.account_id} on {total.key}", "A total is below nought.")
    for path in sorted((settings.CONFIG.data / "tracker" / "spool").glob("*.damaged")):
        yield Break(str(path), "This batch of the members' accounts is damaged and was not booked.")
