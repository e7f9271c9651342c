"""Graphs become machine code, in this process; :mod:`~nazad.run.compiled` names the stages in their order.

*The graph is made ready*: ``guards``, ``expand``, ``pairs`` with ``complexes``, ``prepare``; ``captured``,
``sparsity``, ``masks`` and ``bounds`` find what is certainly zero or never used; ``inside`` finds places that
are known only while running, ``stand_ins`` are values of nodes that no trace has seen, and ``together`` makes
one loop of several over the same body.

*It becomes nests of loops*, in the language of ``loops``, which ``spec`` runs in plain NumPy: ``lower`` goes
through the nodes, ``keep`` says which are kept in memory, ``buffers`` where; ``rules``, ``sparse``, ``body``
and ``gemm`` draft nests (``drafts``), ``expressions`` and ``places`` what is worked out on the way.

*Nests go together*: ``schedule``, ``rows``, ``blocks``, ``parts``, ``rename``; ``memory`` lays out what is
local.

*They are written as LLVM IR*: ``emit`` the program, ``function`` one function, ``plan`` and ``nest`` a nest;
inside stand ``folds``, ``access`` and ``values``; ``lanes`` and ``vectormath`` are operations on vectors.

*They run*: ``llvm`` makes machine code, ``cache`` keeps it on disk, ``entry``, ``signature`` and ``cpython``
let Python call it, ``pool`` and ``threads`` share it out, ``blas`` multiplies large matrices; ``report``
shows what was done.
"""
