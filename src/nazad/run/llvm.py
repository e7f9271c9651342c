"""From the text of LLVM IR to machine code in this process, through llvmlite.

The IR that the library writes has explicit vectors and needs no optimiser to find them, so the pipeline is
short: inline what asks for it, put stack slots into registers, tidy up instructions and blocks. The result
is emitted as an object file first and linked from there, so that the same bytes serve a cache on disk
(:func:`link`).

LLVM is entered under one lock. What comes out may be called from any thread. Run on Linux x86-64 only;
nothing here is particular to it, but AArch64 and macOS have not been run.
"""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from nazad.errors import CompileError
from nazad.extras import require

_LOCK = threading.RLock()
_WITHOUT_FMA = ("x86", "i386", "i486", "i586", "i686", "amd64", "arm-", "armv")
"""Families whose members may lack fused multiply-add; they say so in their features."""


@dataclass(frozen=True)
class Target:
    """A processor to generate code for.

    Parameters
    ----------
    triple : str
        LLVM's name of the platform, as in ``"x86_64-unknown-linux-gnu"``.
    cpu : str
        LLVM's name of the processor.
    features : str
        Features switched on and off, as in ``"+avx2,-fma"``; empty for what the processor has.

    Examples
    --------
    >>> old = Target("x86_64-unknown-linux-gnu", "x86-64-v2", "+sse4.2")
    >>> old.fma, old.vector_bits
    (False, 128)
    >>> Target("arm64-apple-darwin", "apple-m1", "").fma
    True
    """

    triple: str
    cpu: str
    features: str = ""

    @classmethod
    def host(cls) -> Target:
        """The processor this runs on, with all its features."""
        return _host()

    @property
    def fma(self) -> bool:
        """Whether a product and a sum round once, in one instruction."""
        return not self.triple.startswith(_WITHOUT_FMA) or self._has("fma", "avx512f", "vfp4")

    @property
    def vector_bits(self) -> int:
        """The widest vector registers, in bits."""
        return 512 if self._has("avx512f") else 256 if self._has("avx") else 128

    @property
    def attributes(self) -> str:
        """Attributes to give to each function, after its arguments.

        LLVM tunes some processors that have 512 bits to vectors of 256; we ask for what there is.
        """
        return f'nounwind "prefer-vector-width"="{self.vector_bits}"'

    def _has(self, *features: str) -> bool:
        return any(f"+{feature}" in self.features.split(",") for feature in features)


class Machine:
    """Machine code in this process; it lives as long as this object does.

    Attributes
    ----------
    object : bytes
        The object file, from which :func:`link` makes the same machine without compiling.
    target : Target
        The processor it was made for.
    """

    def __init__(self, code: bytes, target: Target, bitcode: bytes = b"") -> None:
        self.object, self.target, self._bitcode = code, target, bitcode
        with _LOCK:
            self._engine = _load(code, target)

    def address(self, name: str) -> int:
        """The address of a function, to be called through ctypes or baked into a method table."""
        with _LOCK:
            found = int(self._engine.get_function_address(name))
        if not found:
            raise CompileError(f"the machine code has no function @{name}")
        return found

    @property
    def ir(self) -> str:
        """The IR after optimisation."""
        with _LOCK:
            return str(self._module())

    @property
    def assembly(self) -> str:
        """The machine code, readable."""
        with _LOCK:
            return str(_target_machine(self.target).emit_assembly(self._module()))

    def _module(self) -> Any:
        if not self._bitcode:
            raise CompileError("only the object file is known", "Compile from IR to read it.")
        return _binding().parse_bitcode(self._bitcode)


def compile_ir(text: str, name: str = "", target: Target | None = None) -> Machine:
    """Compile a module of textual IR.

    Parameters
    ----------
    text : str
        The module. Functions that it declares must be symbols of this process.
    name : str, optional
        What error messages call it.
    target : Target, optional
        The processor; the host's if not given.

    Returns
    -------
    Machine
        Keep it for as long as its functions are called.

    Raises
    ------
    CompileError
        If LLVM cannot parse or verify the IR, or a declared function does not exist.
    MissingExtra
        If llvmlite is not installed.

    Examples
    --------
    >>> import ctypes
    >>> machine = compile_ir("define double @twice(double %x) { %y = fadd double %x, %x ret double %y }")
    >>> ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(machine.address("twice"))(21.0)
    42.0
    >>> compile_ir("define double @twice(double %x) { ret float %x }", "twice")
    Traceback (most recent call last):
    nazad.errors.CompileError: twice: LLVM cannot read the IR: ...
    """
    target = target or Target.host()
    with _LOCK:
        module = _parsed(text, name)
        machine = _target_machine(target)
        module.triple, module.data_layout = target.triple, str(machine.target_data)
        _optimise(module, machine)
        bitcode = module.as_bitcode()
        return Machine(machine.emit_object(module), target, bitcode)


def link(code: bytes, target: Target | None = None) -> Machine:
    """Load an object file made before, for this very processor, by :func:`compile_ir`.

    Examples
    --------
    >>> machine = compile_ir("define double @same(double %x) { ret double %x }")
    >>> link(machine.object).address("same") > 0
    True
    """
    return Machine(code, target or Target.host())


def _parsed(text: str, name: str) -> Any:
    binding = _binding()
    try:
        module = binding.parse_assembly(text)
        module.verify()
    except RuntimeError as error:
        raise CompileError(f"LLVM cannot read the IR: {error}".strip(), where=name or None) from None
    for function in module.functions:
        if function.is_declaration and not _exists(function.name):
            raise CompileError(f"this process has no function @{function.name}", where=name or None)
    return module


def _exists(name: str) -> bool:
    """An unknown symbol must be found here: in the linker it would end the process."""
    return name.startswith("llvm.") or bool(_binding().address_of_symbol(name))


def _optimise(module: Any, machine: Any) -> None:
    """Run the short pipeline, in a manager of its own: one that ran twice would end the process."""
    binding = _binding()
    passes = binding.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, binding.create_pass_builder(machine, binding.create_pipeline_tuning_options()))


def _load(code: bytes, target: Target) -> Any:
    binding = _binding()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), _target_machine(target))
    engine.add_object_file(binding.object_file.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def _target_machine(target: Target) -> Any:
    kind = _binding().Target.from_triple(target.triple)
    return kind.create_target_machine(
        cpu=target.cpu, features=target.features, opt=3, codemodel="jitdefault", jit=True
    )


@functools.cache
def _host() -> Target:
    binding = _binding()
    features = binding.get_host_cpu_features().flatten()
    return Target(binding.get_process_triple(), binding.get_host_cpu_name(), features)


@functools.cache
def _binding() -> ModuleType:
    """llvmlite, loaded and set up for the host on first use."""
    binding = require("llvmlite.binding", "native")
    with _LOCK:
        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        machine = binding.Target.from_triple(binding.get_process_triple()).create_target_machine(jit=True)
        binding.create_mcjit_compiler(binding.parse_assembly(""), machine)  # makes LLVM see this process
    return binding
