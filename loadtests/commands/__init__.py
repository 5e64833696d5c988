"""The exchange's commands for people, mounted on ``congvan`` through the entry point ``congvan.commands``.

Rule kept here: registering is cheap: what a command needs is imported when it runs, so that ``congvan --help`` does not
wait for a web server.
"""

from __future__ import annotations

import typer

from loadtests.commands.evidence_commands import evidence, verify
from loadtests.commands.load_commands import load
from loadtests.commands.message_commands import acknowledge, inbox, send
from loadtests.commands.pki_commands import pki
from loadtests.commands.registry_commands import registry
from loadtests.commands.serve_command import serve
from loadtests.commands.store_commands import backup, fsck, restore


def register(app: typer.Typer) -> None:
    """Add the commands to the root application; a second call adds nothing."""
    if any(group.typer_instance is pki for group in app.registered_groups):
        return
    for command in (serve, send, inbox, acknowledge, evidence, verify, fsck, backup, restore):
        app.command(name=command.__name__)(command)
    app.add_typer(pki, name="pki")
    app.add_typer(registry, name="registry")
    app.add_typer(load, name="load")
