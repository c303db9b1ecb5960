"""Django's settings, derived from Config; nothing is set here that an operator would want to change."""

import os
import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext_lazy as _

from largesse.config.settings import Config

CONFIG = Config.load()
"""The effective settings of this process; apps read `django.conf.settings.CONFIG`."""


def _kept_secret(name: str, given: str) -> str:
    """Return the given secret, else the one kept in the data folder, made on first use with mode 0600."""
    if given:
        return given
    path = CONFIG.data / "secrets" / name
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    value = secrets.token_urlsafe(48)
    temporary = path.with_name(f".{name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_text(value + "\n", encoding="ascii")
    try:
        os.link(temporary, path)
    except FileExistsError:
        value = path.read_text(encoding="ascii").strip()
    finally:
        temporary.unlink()
    return value


SECRET_KEY = _kept_secret("key", CONFIG.secrets.key)
DONOR_KEY = _kept_secret("donor_key", CONFIG.secrets.donor_key)
"""Encrypts the identities of donors; it is never in the database, so a stolen database names nobody."""
DEBUG = False
ALLOWED_HOSTS = ["*"]  # Links are made from `site.address`, never from the Host header.
ROOT_URLCONF = "largesse.site.urls"
WSGI_APPLICATION = "largesse.site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
SITE_ADDRESS = CONFIG.site.address or f"http://{CONFIG.web.listen}"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "largesse.journal",
    "largesse.jobs",
    "largesse.accounts",
    "largesse.ledger",
    "largesse.swarm",
    "largesse.torrents",
    "largesse.drives",
    "largesse.site",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "largesse.site.middleware.ClientAddress",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "largesse.site.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "largesse.site.middleware.TellErrors",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "largesse.site.context.site",
            ],
        },
    }
]


def _database() -> dict[str, object]:
    if not CONFIG.database.url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": CONFIG.data / "largesse.sqlite3",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32768;",
            },
        }
    parts = urlsplit(CONFIG.database.url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _database()}

STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": CONFIG.data / "files"},
    },
    "torrents": {
        "BACKEND": "largesse.torrents.blobs.AtomicFileSystemStorage",
        "OPTIONS": {"location": CONFIG.data / "torrents", "file_permissions_mode": 0o640},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = CONFIG.data / "static"
STATICFILES_DIRS: list[Path] = []

LANGUAGE_CODE = CONFIG.site.language
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LOCALE_PATHS = [
    Path(__file__).parent.parent / app / "locale" for app in ("kit", "site")
]  # Django adds each installed app's own `locale` folder.

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "largesse.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # Nobody gets our mail because a stranger typed their address.
ACCOUNT_FORMS = {
    "login": "largesse.accounts.entrance_forms.LoginForm",
    "signup": "largesse.accounts.entrance_forms.SignupForm",
    "add_email": "largesse.accounts.entrance_forms.AddEmailForm",
    "change_password": "largesse.accounts.entrance_forms.ChangePasswordForm",
    "set_password": "largesse.accounts.entrance_forms.SetPasswordForm",
    "reset_password": "largesse.accounts.entrance_forms.ResetPasswordForm",
    "reset_password_from_key": "largesse.accounts.entrance_forms.ResetPasswordKeyForm",
    "reauthenticate": "largesse.accounts.entrance_forms.ReauthenticateForm",
}
LOGIN_REDIRECT_URL = "/account/me/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
LOGIN_URL = "/account/login/"
MFA_ADAPTER = "largesse.accounts.adapter.SecondFactorAdapter"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # Mail is optional here, and an account's name is what it signs in with.
MFA_FORMS = {
    "authenticate": "largesse.accounts.entrance_forms.CodeForm",
    "reauthenticate": "largesse.accounts.entrance_forms.ReauthenticateCodeForm",
    "activate_totp": "largesse.accounts.entrance_forms.ActivateTOTPForm",
    "add_webauthn": "largesse.accounts.entrance_forms.AddPasskeyForm",
    "edit_webauthn": "largesse.accounts.entrance_forms.RenamePasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = SITE_ADDRESS.startswith(
    "http://"
)  # Browsers themselves allow that on loopback only.
MFA_TOTP_ISSUER = CONFIG.site.name
MFA_TOTP_TOLERANCE = 1  # A code of the step before or after counts, since clocks differ (RFC 6238, 5.2).
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]

_is_https = SITE_ADDRESS.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_NAME = "session"
CSRF_TRUSTED_ORIGINS = [SITE_ADDRESS]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = CONFIG.limits.metainfo_bytes + 1_048_576
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE
# Memory only: a larger upload is read past and dropped, so that nobody fills the disk with temporary files.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]


def _mail() -> dict[str, object]:
    if not CONFIG.mail.url:
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": CONFIG.data / "mail",
        }
    parts = urlsplit(CONFIG.mail.url)
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 20,
    }


globals().update(_mail())
DEFAULT_FROM_EMAIL = SERVER_EMAIL = CONFIG.mail.sender

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "largesse.kit.logs.OneLine", "form": "text"}},
    "filters": {"private": {"()": "largesse.drives.quiet.WithoutPrivateLinks"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["private"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"largesse": {"level": "INFO"}},
}
