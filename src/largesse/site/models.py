"""News: what the people who run the site have to tell."""

from django.conf import settings
from django.db import models

from largesse.kit.ids import new_public_id


class News(models.Model):
    """One piece of news; once published it is withdrawn rather than removed."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    title = models.CharField(max_length=200)
    text = models.TextField()
    """Markdown."""
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField()

    class Meta:
        ordering = ("-published_at",)
        indexes = (models.Index(fields=("-published_at",)),)

    def __str__(self) -> str:
        return self.title
