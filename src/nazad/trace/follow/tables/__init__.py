"""What stands in for functions that do not ask their arguments; importing a room enters its stand-ins."""

from nazad.trace.follow.tables import builtin, complexes, constructors, functional, mathematics

__all__ = ["builtin", "complexes", "constructors", "functional", "mathematics"]
