"""Publish a piece of news."""

from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_administer, require
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now
from largesse.site.models import News


@transaction.atomic
def publish_news(*, author: User, title: str, text: str, clock: Clock = utc_now) -> News:
    """
    Publish news on the home page, the news page and its feed.

    Raises:
        NotPermitted: only administrators write news.
    """
    require(may_administer(author))
    news = News.objects.create(title=title, text=text, author=author, published_at=clock())
    append(kind="site.news_published", subject=f"news:{news.public_id}", actor=author.actor, payload={"title": title})
    return news
