"""Addresses of the drives app."""

from django.urls import path, register_converter

from largesse.drives import api
from largesse.drives.views import desk, desk_lines, desk_money, donor, giving, pages, showing, webhooks


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
DESK = "treasury/drives/<slug:slug>/"
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
    path(f"{GIFT}stop/", donor.stop, name="gift_stop"),
    path(f"{GIFT}forget/", donor.forget_me, name="gift_forget"),
    path(f"{GIFT}statement/<int:year>/", donor.mail_statement, name="mail_statement"),
    path(f"{GIFT}receipt/<str:settlement>/<document_form:form>/", donor.receipt, name="receipt"),
    path("treasury/", desk.overview, name="desk"),
    path("treasury/new/", desk.draft, name="desk_new"),
    path("treasury/expenses/", desk_money.expenses, name="desk_expenses"),
    path("treasury/expenses/<str:public_id>/", desk_money.expense, name="desk_expense"),
    path("treasury/refunds/", desk_money.refunds, name="desk_refunds"),
    path("treasury/refunds/<str:public_id>/", desk_money.refund_sent, name="desk_refund"),
    path("treasury/statement/", desk_money.statement, name="desk_statement"),
    path("treasury/statement/import/", desk_money.statement_import, name="desk_import"),
    path("treasury/lines/", desk_lines.lines, name="desk_lines"),
    path("treasury/lines/<str:key>/", desk_lines.line, name="desk_line"),
    path("treasury/alarms/<str:public_id>/", desk_money.alarm_settled, name="desk_alarm"),
    path(DESK, desk.drive_desk, name="desk_drive"),
    path(f"{DESK}edit/", desk.draft, name="desk_edit"),
    path(f"{DESK}open/", desk.open_confirm, name="desk_open"),
    path(f"{DESK}terms/", desk.terms, name="desk_terms"),
    path(f"{DESK}pin/", desk.pin, name="desk_pin"),
    path(f"{DESK}update/", desk.update, name="desk_update"),
    path(f"{DESK}matching/", desk.matching, name="desk_matching"),
    path(f"{DESK}stretch/", desk.stretch, name="desk_stretch"),
    path(f"{DESK}cash/", desk_money.cash, name="desk_cash"),
    path(f"{DESK}expense/", desk_money.expense_new, name="desk_expense_new"),
    path(f"{DESK}close/", desk.close, name="desk_close"),
    path("webhooks/<str:name>/", webhooks.webhook, name="webhook"),
    path("webhooks/<str:name>", webhooks.webhook),
    path("api/v1/drives", api.drives, name="api_list"),
    path("api/v1/drives/<slug:slug>", api.drive, name="api_drive"),
]
