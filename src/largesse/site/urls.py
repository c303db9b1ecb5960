"""Every address of the site; each app brings its own."""

from django.urls import URLPattern, URLResolver, include, path

from largesse.site import machines, views
from largesse.site.feeds import NewsFeed

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("news/", views.news, name="news"),
    path("news/write/", views.news_write, name="news_write"),
    path("news/feed/", NewsFeed(), name="news_feed"),
    path("news/<str:public_id>/", views.news_item, name="news_item"),
    path("about/", views.plain, {"page": "about"}, name="about"),
    path("accessibility/", views.plain, {"page": "accessibility"}, name="accessibility"),
    path("how-to/", views.plain, {"page": "how_to"}, name="how_to"),
    path("journal/", views.journal, name="journal"),
    path("api/v1/journal", views.journal_api, name="journal_api"),
    path("health", views.health, name="health"),
    path("theme/", views.theme, name="theme"),
    path("language/<str:code>/", views.language, name="language"),
    path("robots.txt", machines.robots),
    path("sitemap.xml", machines.sitemap),
    path("opensearch.xml", machines.opensearch, name="opensearch"),
    path(".well-known/security.txt", machines.security),
    path("account/", include("largesse.accounts.urls")),
    path("account/", include("allauth.urls")),
    path("", include("largesse.torrents.urls")),
    path("", include("largesse.drives.urls")),
]

handler404 = "largesse.site.views.not_found"
handler500 = "largesse.site.views.failed"
