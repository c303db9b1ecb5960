"""What a visitor's tools ask a site for: robots.txt, security.txt, the sitemap, and how to search it from the address bar."""

from datetime import timedelta
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from largesse.kit.clock import utc_now
from largesse.torrents.queries import shown_listings, site_address

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
SITEMAP_PAGES = 20_000
"""Addresses in one file; the protocol allows 50,000 (sitemaps.org)."""
OPENSEARCH = "http://a9.com/-/spec/opensearch/1.1/"
DISALLOWED = ("/account/", "/publish/", "/language/", "/gifts/")
XML_HEAD = b'<?xml version="1.0" encoding="utf-8"?>\n'


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Tell crawlers what is of no use to them, and where the sitemap is."""
    del request
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in DISALLOWED), f"Sitemap: {site_address()}/sitemap.xml"]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """Say where to report a weakness (RFC 9116); the file is made anew, so it is valid for a year from now."""
    del request
    expires = (utc_now() + timedelta(days=365)).strftime("%Y-%m-%dT00:00:00Z")
    lines = (
        f"Contact: mailto:{quote(settings.CONFIG.mail.sender, safe='@')}",
        f"Expires: {expires}",
        "Preferred-Languages: en, fr",
        f"Canonical: {site_address()}/.well-known/security.txt",
    )
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
def opensearch(request: HttpRequest) -> HttpResponse:
    """Describe the search to browsers (OpenSearch 1.1)."""
    del request
    name = settings.CONFIG.site.name
    root = Element("OpenSearchDescription", xmlns=OPENSEARCH)
    SubElement(root, "ShortName").text = name[:16]
    SubElement(root, "Description").text = name
    SubElement(root, "InputEncoding").text = "UTF-8"
    SubElement(root, "Url", type="text/html", template=f"{site_address()}/browse/?q={{searchTerms}}")
    SubElement(root, "Url", type="application/atom+xml", template=f"{site_address()}/feed/?q={{searchTerms}}")
    return HttpResponse(XML_HEAD + tostring(root), content_type="application/opensearchdescription+xml; charset=utf-8")


@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    """List the pages of what is listed, an index of files where they are many (sitemaps.org)."""
    address = site_address()
    pages = Paginator(shown_listings().order_by("pk").values_list("public_id", "listed_at"), SITEMAP_PAGES)
    asked = request.GET.get("page")
    if asked is None and pages.num_pages > 1:
        root = Element("sitemapindex", xmlns=SITEMAP)
        for number in pages.page_range:
            SubElement(SubElement(root, "sitemap"), "loc").text = f"{address}/sitemap.xml?page={number}"
        return _xml(root)
    number = int(asked) if asked and asked.isdecimal() and len(asked) < 6 else 1
    if number not in pages.page_range:
        raise Http404
    root = Element("urlset", xmlns=SITEMAP)
    if number == 1:
        for path in ("/", "/browse/", "/news/", "/about/"):
            SubElement(SubElement(root, "url"), "loc").text = address + path
    for public_id, listed_at in pages.page(number):
        entry = SubElement(root, "url")
        SubElement(entry, "loc").text = f"{address}/t/{public_id}/"
        SubElement(entry, "lastmod").text = listed_at.date().isoformat()
    return _xml(root)


def _xml(root: Element) -> HttpResponse:
    return HttpResponse(XML_HEAD + tostring(root), content_type="application/xml; charset=utf-8")
