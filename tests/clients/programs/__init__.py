"""Programs in plain NumPy and SciPy, as people write them who know nothing of derivatives."""

from . import algorithms, finance, learning, likelihoods, numerics, physics, series
from .table import CLIENTS

__all__ = ["CLIENTS", "algorithms", "finance", "learning", "likelihoods", "numerics", "physics", "series"]
