"""Settings of a Django site with django-pyas2, and the site itself; run where a Python has them and nothing else.

``python -S pyas2_site.py KEY CERTIFICATE OTHER_CERTIFICATE``, in the folder where its database and files go; the
key has the password ``secret``. Writes its port when it listens, and ends with its standard input.
"""

# mypy: ignore-errors
# ruff: noqa: E402

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

# oscrypto 1.3.0 does not find the version in "OpenSSL 3.0.10" or later, because it reads one digit in each place.
find = re.search
narrow, wide = r"\b(\d\.\d\.\d[a-z]*)\b", r"\b(\d+\.\d+\.\d+[a-z]*)\b"
re.search = lambda pattern, *rest, **named: find(wide if pattern == narrow else pattern, *rest, **named)

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import include, path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "pyas2"],
    MEDIA_ROOT=str(Path.cwd()),
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests only",
)
django.setup()
call_command("migrate", verbosity=0)
model = apps.get_app_config("pyas2").get_model


def messages(_: HttpRequest) -> JsonResponse:
    """What was taken."""
    found = model("Message").objects.filter(direction="IN", status="S")
    return JsonResponse([{"id": one.message_id} for one in found], safe=False)


urlpatterns = [path("pyas2/", include("pyas2.urls")), path("messages", messages)]

key, certificate, other = (Path(name).read_bytes() for name in sys.argv[1:4])
ours = model("PrivateKey").objects.create(name="partner", key=key + certificate, key_pass="secret")
theirs = model("PublicCertificate").objects.create(name="own", certificate=other, verify_cert=False)
model("Organization").objects.create(name="partner", as2_name="partner", signature_key=ours)
model("Partner").objects.create(
    name="own", as2_name="own", target_url="http://own.invalid/", signature="sha256", signature_cert=theirs
)


class Quiet(WSGIRequestHandler):
    """Without a line for each request."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdout.write(f"{server.server_port}\n")
sys.stdout.flush()
sys.stdin.read()
os._exit(0)
