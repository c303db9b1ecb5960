"""
Settings of the test run: a data folder of its own, and the database engine that TEST_ENGINE names.

TEST_ENGINE=sqlite (default) or postgresql; the latter starts a private server of its own, which ends with the run.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

FOLDER = tempfile.mkdtemp(prefix="largesse-tests-")
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
for variable in [name for name in os.environ if name.startswith("LARGESSE_")]:
    del os.environ[variable]
os.environ["LARGESSE_DATA"] = FOLDER
Path(FOLDER, "static").mkdir()

if os.environ.get("TEST_ENGINE", "sqlite") == "postgresql":
    from engines import start_postgresql

    os.environ["LARGESSE_DATABASE_URL"] = start_postgresql().url

from largesse.site.settings import *  # noqa: F403
from largesse.site.settings import DATABASES, STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: threads and processes of race tests open connections of their own.
    DATABASES["default"]["TEST"] = {"NAME": f"{FOLDER}/test.sqlite3"}
