"""Addresses of the drives app."""

from django.urls import path

from largesse.drives import api, views

app_name = "drives"
urlpatterns = [
    path("drives/", views.drives, name="list"),
    path("drives/<slug:slug>/", views.drive, name="drive"),
    path("drives/<slug:slug>/contract/<int:version>/", views.contract, name="contract"),
    path("drives/<slug:slug>/dismiss/", views.dismiss, name="dismiss"),
    path("drives/<slug:slug>/ledger/<str:form>/", views.export, name="drive_export"),
    path("ledger/<str:form>/", views.export, name="export"),
    path("api/v1/drives", api.drives, name="api_list"),
    path("api/v1/drives/<slug:slug>", api.drive, name="api_drive"),
]
