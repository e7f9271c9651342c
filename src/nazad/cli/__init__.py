"""The command ``nazad``."""

from nazad.cli.main import main

__all__ = ["main"]
