"""Addresses of the drives app."""

from django.urls import path

from largesse.drives import api

app_name = "drives"
urlpatterns = [
    path("api/v1/drives", api.drives, name="api_list"),
    path("api/v1/drives/<slug:slug>", api.drive, name="api_drive"),
]
