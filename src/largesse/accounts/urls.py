"""Addresses of the account pages that are our own; allauth has the rest."""

from django.urls import path

from largesse.accounts import views

app_name = "accounts"
urlpatterns = [
    path("me/", views.me, name="me"),
    path("first/<str:token>/", views.first_administrator, name="first_administrator"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke/", views.revoke, name="revoke_token"),
    path("passkey/", views.passkey, name="tracker_passkey"),
    path("people/", views.people, name="people"),
]
