"""Every address of the site; each app brings its own."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("account/", include("allauth.urls")),
    path("", include("largesse.torrents.urls")),
    path("", include("largesse.drives.urls")),
]
