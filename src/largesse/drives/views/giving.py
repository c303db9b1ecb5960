"""Giving: the form, and the way to the payment. Nothing is asked of anybody else before the donor leaves for it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_http_methods, require_safe

from largesse.drives.actions.give import give as give_now
from largesse.drives.actions.pass_gate import pass_gate
from largesse.drives.actions.start_payment import start_payment
from largesse.drives.contract import contract_in_force
from largesse.drives.donors import Identity, donation_of_link, link_token, private_path
from largesse.drives.errors import ContractChanged, DriveNotOpen, NoSuchDonation
from largesse.drives.forms import OTHER, GiveForm
from largesse.drives.models import Donation
from largesse.drives.providers.base import PaymentStart
from largesse.drives.views.pages import drive_context, hide_strip, public_drive
from largesse.kit.errors import LargesseError
from largesse.torrents.queries import site_address

COOKIE_SECONDS = 2 * 86_400


@require_http_methods(["GET", "HEAD", "POST"])
def give(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a gift: the form, then the redirect to the provider or the page with what to write into a transfer."""
    drive = public_drive(slug)
    contract = contract_in_force(drive)
    if contract is None:
        raise DriveNotOpen(title=drive.title)
    form = GiveForm(request.POST if request.method == "POST" else None, drive=drive, contract_hash=contract.hash)
    if request.method == "POST" and form.is_valid():
        try:
            pass_gate(
                drive,
                provider=form.cleaned_data["by"],
                address=request.META["REMOTE_ADDR"],
                token=request.POST.get("challenge", ""),
                solution=request.POST.get("work", ""),
            )
            donation = _pledged(form)
            start = start_of(donation)
        except DriveNotOpen:
            raise
        except LargesseError as error:
            form.add_error(None, gettext(error.template).format_map(error.fields))
            if isinstance(error, ContractChanged):
                form.data = {**dict(form.data.items()), "contract": contract.hash}
        else:
            return _onward(request, donation, start)
    if form.errors and form.data.get("other"):  # What was written counts, so it is what stands chosen.
        form.data = {**dict(form.data.items()), "amount": OTHER}
    context = drive_context(drive) | {"form": form}
    if not context["figures"].is_open:
        raise DriveNotOpen(title=drive.title)
    return render(request, "drives/give.html", context, status=422 if form.errors else 200)


@require_safe
def back(request: HttpRequest, public_id: str) -> HttpResponse:
    """Return from the provider: to the private page where this browser began, else to a plain word of thanks."""
    token = request.COOKIES.get(cookie_of(public_id), "")
    try:
        return redirect(private_path(donation_of_link(public_id, token)))
    except NoSuchDonation:
        found = get_object_or_404(Donation.objects.select_related("drive"), public_id=public_id)
        return render(request, "drives/back.html", drive_context(found.drive))


def start_of(donation: Donation) -> PaymentStart:
    """Start the payment, or return the one that was started; the provider is never told the private link."""
    address = site_address()
    return start_payment(
        donation,
        return_url=f"{address}/gifts/{donation.public_id}/back/",
        cancel_url=f"{address}/gifts/{donation.public_id}/back/",
        language=(get_language() or "en")[:2],
    )


def leaving(request: HttpRequest, donation: Donation, url: str) -> HttpResponse:
    """
    Show the page that leads to the provider.

    A browser holds the redirect of a form to `form-action 'self'`, so this page, which is ours, goes on by itself.
    """
    return render(request, "drives/leaving.html", {"PLACE": "fund", "donation": donation, "url": url})


def cookie_of(public_id: str) -> str:
    """Return the name of the cookie that keeps a donation's token for the way back."""
    return f"gift-{public_id}"


def _pledged(form: GiveForm) -> Donation:
    said = form.cleaned_data
    return give_now(
        form.drive,
        provider=said["by"],
        amount_minor=said["amount_minor"],
        contract_hash=said["contract"],
        identity=Identity(
            name=said["name"].strip() if said["shows_name"] else "",
            email=said["email"],
            message=said["message"].strip(),
            language=(get_language() or "en")[:2],
        ),
        nonce=said["nonce"],
        is_monthly=said["is_monthly"],
        shows_name=said["shows_name"],
        shows_amount=said["shows_amount"],
        line=said["line"],
    )


def _onward(request: HttpRequest, donation: Donation, start: PaymentStart) -> HttpResponse:
    if start.redirect_url:
        response = leaving(request, donation, start.redirect_url)
    else:
        response = redirect(private_path(donation))
    hide_strip(response, donation.drive)
    response.set_cookie(
        cookie_of(donation.public_id),
        link_token(donation),
        max_age=COOKIE_SECONDS,
        path=f"/gifts/{donation.public_id}/",
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )
    return response
