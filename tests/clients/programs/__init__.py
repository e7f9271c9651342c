"""Programs in plain NumPy and SciPy, as people write them who know nothing of derivatives."""

from . import likelihoods, series
from .table import CLIENTS

__all__ = ["CLIENTS", "likelihoods", "series"]
