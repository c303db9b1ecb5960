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
    path("people/<str:public_id>/", views.person, name="person"),
    path("people/<str:public_id>/role/", views.person_role, name="person_role"),
    path("people/<str:public_id>/close/", views.person_close, name="person_close"),
    path("people/<str:public_id>/reopen/", views.person_reopen, name="person_reopen"),
]
