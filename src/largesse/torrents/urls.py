"""Addresses of the index."""

from django.urls import path

from largesse.torrents import api, feeds, views

app_name = "torrents"
urlpatterns = [
    path("browse/", views.browse, name="browse"),
    path("publish/", views.publish, name="publish"),
    path("publish/<str:draft_id>/", views.describe, name="describe"),
    path("file/<str:root>/", views.same_file, name="same_file"),
    path("t/<str:public_id>/", views.listing, name="listing"),
    path("publisher/<str:username>/", views.publisher, name="publisher"),
    path("t/<str:public_id>/files/", views.files, name="files"),
    path("t/<str:public_id>/edit/", views.edit, name="edit"),
    path("t/<str:public_id>/history/", views.history, name="history"),
    path("t/<str:public_id>/withdraw/", views.withdraw, name="withdraw"),
    path("t/<str:public_id>/restore/", views.restore, name="restore"),
    path("t/<str:public_id>/download/", views.download, name="download"),
    path("feed/", feeds.AtomFeed(), name="feed"),
    path("feed/rss/", feeds.RssFeed(), name="feed_rss"),
    path("api/v1/torrents", api.torrents, name="api_list"),
    path("api/v1/torrents/<str:public_id>", api.torrent, name="api_torrent"),
    path("api/v1/torrents/<str:public_id>/files", api.files, name="api_files"),
    path("api/v1/torrents/<str:public_id>/download", views.download, name="api_download"),
]
