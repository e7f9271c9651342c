"""From IR to machine code: what is compiled runs, what is wrong says so, and threads do not meet."""

from __future__ import annotations

import ctypes
import gc
import math
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from nazad.errors import CompileError
from nazad.extras import require
from nazad.run.llvm import Machine, Target, compile_ir, link
from nazad.run.vectormath import FUNCTIONS, call, emit

UNARY = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)


def scaling(k: int) -> str:
    return f"define double @scaled(double %x) {{ %y = fmul double %x, {float(k)} ret double %y }}"


def scaled(machine: Machine) -> float:
    return UNARY(machine.address("scaled"))(2.0)


def test_what_is_compiled_runs():
    assert scaled(compile_ir(scaling(21))) == 42.0


def test_the_object_file_makes_the_same_machine():
    made = compile_ir(scaling(21))
    loaded = link(made.object)
    del made
    gc.collect()
    assert scaled(loaded) == 42.0
    with pytest.raises(CompileError, match="only the object file is known"):
        loaded.ir


def test_functions_of_the_process_can_be_called():
    machine = compile_ir("""
    declare double @cos(double)
    define double @scaled(double %x) { %y = call double @cos(double %x) ret double %y }""")
    assert scaled(machine) == pytest.approx(math.cos(2.0))


def test_ir_and_assembly_can_be_read():
    machine = compile_ir(scaling(3))
    assert "@scaled(double %x)" in machine.ir
    assert "scaled:" in machine.assembly


def test_what_asks_for_it_is_inlined_and_the_rest_is_gone():
    user = f"define double @f(double %x) {{ %y = {call('exp', 'float64', 1, '%x')} ret double %y }}"
    ir = compile_ir(f"{emit('exp', 'float64')}\n{user}", "f").ir
    assert "nz.exp" not in ir
    assert ir.count("define ") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "define double @f(double %x) { ret float %x }",
            "story: LLVM cannot read.*\n.*expected 'float'",
        ),
        ("define double @f(", "story: LLVM cannot read the IR"),
        ("define i32 @f() { %a = add i32 %b, 1\n%b = add i32 1, 1\nret i32 %a }", "does not dominate"),
        ("declare void @nothing_like_it()", "story: this process has no function @nothing_like_it"),
    ],
)
def test_errors_name_the_function(text, message):
    with pytest.raises(CompileError, match=message):
        compile_ir(text, "story")


def test_a_name_that_is_not_there():
    with pytest.raises(CompileError, match="no function @other"):
        compile_ir(scaling(1)).address("other")


def test_threads_compile_at_once():
    def job(k: int) -> float:
        return scaled(compile_ir(scaling(k)))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(job, range(64))) == [2.0 * k for k in range(64)]


def test_the_widest_registers_are_used():
    target = Target.host()
    if target.vector_bits != 512:
        pytest.skip("a processor with AVX-512")
    text = f"""
    define void @f(ptr %p) {target.attributes} {{
      %x = load <8 x double>, ptr %p
      %y = fmul <8 x double> %x, %x
      store <8 x double> %y, ptr %p
      ret void
    }}"""
    assert "zmm" in compile_ir(text, "f").assembly


def test_a_processor_without_fma_gets_products_and_sums():
    host = Target.host()
    if not host.triple.startswith("x86_64"):
        pytest.skip("a processor of the x86 family")
    old = Target(host.triple, "x86-64-v2")
    assert not old.fma
    user = f"""
    define <2 x double> @f(<2 x double> %x) {{
      %y = {call("power", "float64", 2, "%x", "%x")}
      ret <2 x double> %y
    }}"""
    assembly = compile_ir(emit("power", "float64", 2, old.fma) + user, "f", old).assembly
    assert "mulpd" in assembly
    assert "fma" not in assembly.lower()


@pytest.mark.parametrize("triple", ["aarch64-unknown-linux-gnu", "arm64-apple-darwin"])
@pytest.mark.parametrize("name", ["sin", "power", "erf"])
def test_other_platforms_need_no_library(triple, name):
    """The code is made, though not run, and calls nothing but itself."""
    binding = require("llvmlite.binding", "native")
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    arguments = ["%x", "%y"][: FUNCTIONS[name].arity]
    user = f"""
    define <2 x double> @f(<2 x double> %x, <2 x double> %y) {{
      %z = {call(name, "float64", 2, *arguments)}
      ret <2 x double> %z
    }}"""
    module = binding.parse_assembly(emit(name, "float64", 2, Target(triple, "").fma) + user)
    assembly = binding.Target.from_triple(triple).create_target_machine(jit=True).emit_assembly(module)
    assert "fmla" in assembly  # a fused multiply-add of vectors
    called = re.findall(r"^\s+bl\s+(\S+)", assembly, re.MULTILINE)
    assert all(symbol.strip('_"').startswith("nz.") for symbol in called)
