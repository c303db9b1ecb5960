"""The WSGI application, which Granian serves: views are synchronous, as the database is."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "largesse.site.settings")
application = get_wsgi_application()
