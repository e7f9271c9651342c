"""Optional libraries, imported on first use; an error names the extra that brings them."""

from __future__ import annotations

import importlib
from types import ModuleType

from nazad.errors import MissingExtra


def require(module: str, extra: str) -> ModuleType:
    """Import an optional library, or say which extra installs it.

    Parameters
    ----------
    module : str
        The module's dotted name, for instance ``"matplotlib.pyplot"``.
    extra : str
        The extra of nazad's distribution that depends on it.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingExtra
        If the library is not installed.

    Examples
    --------
    >>> require("json", "data").dumps([1])
    '[1]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        library = module.split(".")[0]
        raise MissingExtra(
            f"this needs {library}, which is not installed",
            f'Install it with: pip install "nazad[{extra}]"',
        ) from None
