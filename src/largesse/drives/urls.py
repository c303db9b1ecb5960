"""Addresses of the drives app."""

from django.urls import path, register_converter

from largesse.drives import api
from largesse.drives.views import donor, giving, pages, showing, webhooks


class Form:
    """A document as a page or as a PDF."""

    regex = "html|pdf"

    def to_python(self, value: str) -> str:
        """Return the form's name."""
        return value

    def to_url(self, value: str) -> str:
        """Return the form's name."""
        return value


register_converter(Form, "document_form")

app_name = "drives"
GIFT = "gifts/<str:public_id>/<str:token>/"
urlpatterns = [
    path("drives/", pages.drives, name="list"),
    path("drives/<slug:slug>/", pages.drive, name="drive"),
    path("drives/<slug:slug>/give/", giving.give, name="give"),
    path("drives/<slug:slug>/contract/<int:version>/", pages.contract, name="contract"),
    path("drives/<slug:slug>/account/", pages.account, name="account"),
    path("drives/<slug:slug>/dismiss/", pages.dismiss, name="dismiss"),
    path("drives/<slug:slug>/wall/", pages.wall, name="wall"),
    path("drives/<slug:slug>/feed/", showing.feed, name="feed"),
    path("drives/<slug:slug>/badge.svg", showing.badge, name="badge"),
    path("drives/<slug:slug>/widget/", showing.widget, name="widget"),
    path("drives/<slug:slug>/ledger/", pages.ledger, name="ledger"),
    path("drives/<slug:slug>/ledger/<str:form>/", pages.export, name="drive_export"),
    path("ledger/entry/", pages.find_entry, name="find_entry"),
    path("ledger/entry/<str:public_id>/", pages.entry, name="entry"),
    path("ledger/receipt/<str:public_id>/", pages.receipt_file, name="receipt_file"),
    path("ledger/<str:form>/", pages.export, name="export"),
    path("gifts/<str:public_id>/back/", giving.back, name="back"),
    path("gifts/statement/<str:index>/<int:year>/<str:token>/", donor.statement, name="statement"),
    path("gifts/statement/<str:index>/<int:year>/<str:token>/<document_form:form>/", donor.statement, name="statement"),
    path(GIFT, donor.gift, name="gift"),
    path(f"{GIFT}pay/", donor.pay, name="pay"),
    path(f"{GIFT}change/", donor.change, name="gift_change"),
    path(f"{GIFT}refund/", donor.refund, name="gift_refund"),
    path(f"{GIFT}forget/", donor.forget_me, name="gift_forget"),
    path(f"{GIFT}statement/<int:year>/", donor.mail_statement, name="mail_statement"),
    path(f"{GIFT}receipt/<str:settlement>/<document_form:form>/", donor.receipt, name="receipt"),
    path("webhooks/<str:name>/", webhooks.webhook, name="webhook"),
    path("webhooks/<str:name>", webhooks.webhook),
    path("api/v1/drives", api.drives, name="api_list"),
    path("api/v1/drives/<slug:slug>", api.drive, name="api_drive"),
]
