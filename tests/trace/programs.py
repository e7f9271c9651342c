"""Random NumPy programs with views and writes in place, as source text, to be run by NumPy and by nazad."""

from __future__ import annotations

from typing import Any

import numpy as np

Shape = tuple[int, ...]


class Writer:
    """Writes one program, a statement at a time; it knows the shape of every name, by running along.

    Each statement is tried on plain arrays at once; one that NumPy refuses is not taken.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.lines: list[str] = []
        self.space = self._run([])

    def program(self, length: int) -> str:
        """The source of ``f(x, y)``."""
        while len(self.lines) < length:
            self._try(self._statement())
        total = " + ".join(f"np.sum({v} * np.cos({v} + {k}))" for k, v in enumerate(self._arrays()))
        body = "\n    ".join([*self.lines, f"return {total}"])
        return f"def f(x, y):\n    {body}\n"

    def _run(self, lines: list[str]) -> dict[str, Any]:
        space = {"np": np, "x": np.linspace(0.21, 1.43, 6), "y": np.linspace(-0.7, 1.13, 12).reshape(3, 4)}
        with np.errstate(all="ignore"):
            exec("\n".join(lines), space)  # noqa: S102
        return space

    def _try(self, statement: str) -> None:
        try:
            trial = self._run([*self.lines, statement])
        except (ValueError, IndexError, TypeError, RuntimeWarning):
            return
        if all(np.ndim(v) <= 3 and 0 < np.size(v) <= 60 for k, v in trial.items() if k[0] in "xyv"):
            self.space = trial
            self.lines.append(statement)

    def _arrays(self) -> list[str]:
        return [k for k in self.space if k[0] in "xyv"]

    def _written_into(self) -> list[str]:
        """Arrays proper: NumPy lets some of its functions write into scalars, to no effect."""
        return [k for k in self._arrays() if np.ndim(self.space[k]) and self.space[k].flags.writeable]

    def _pick(self, *options: Any) -> Any:
        return options[self.rng.integers(len(options))]

    def _name(self) -> str:
        return str(self._pick(*self._arrays()))

    def _new(self) -> str:
        return f"v{len(self.lines)}"

    def _statement(self) -> str:
        kind = self.rng.integers(10)
        if kind < 3:
            return f"{self._new()} = {self._view(self._name())}"
        if kind < 5:
            return f"{self._new()} = {self._computed()}"
        return self._write()

    # --- reading
    def _index(self, name: str) -> str:
        """An index that may fit the array of this name."""
        parts = []
        for n in np.shape(self.space[name]):
            if self.rng.random() < 0.2:
                break
            a, b = sorted(self.rng.integers(0, n + 1, 2).tolist())
            parts.append(
                self._pick(
                    str(self.rng.integers(-n, max(n, 1))), f"{a}:{b}", ":", "::-1", f"{a}:", f":{b}:2", "None"
                )
            )
        if self.rng.random() < 0.1:
            parts.append("...")
        return ", ".join(parts) or "..."

    def _fancy(self, name: str) -> str:
        shape = np.shape(self.space[name])
        if not shape:
            return "()"
        few = self.rng.integers(0, max(shape[0], 1), 2).tolist()
        mask = [True, *(self.rng.random(max(shape[0] - 1, 0)) < 0.5).tolist()]
        rest = self._pick("", ", 0", ", :", ", ::-1") if len(shape) > 1 else ""
        return f"{self._pick(few, mask)}{rest}"

    def _view(self, v: str) -> str:
        size = int(np.size(self.space[v]))
        shape = self._pick((size,), (-1, 2), (2, -1), (-1, 3), (1, size))
        return str(
            self._pick(
                f"{v}[{self._index(v)}]",
                f"{v}[{self._index(v)}]",
                f"{v}.T",
                f"{v}.reshape({shape})",
                f"{v}.ravel()",
                f"np.flip({v})",
                f"np.squeeze({v})",
                f"np.expand_dims({v}, 0)",
                f"np.swapaxes({v}, 0, -1)",
                f"np.moveaxis({v}, 0, -1)",
                f"np.atleast_2d({v})",
                f"np.broadcast_to({v}, (2, *np.shape({v})))",
                f"np.split({v}, 2)[1]",
                f"np.diagonal({v})",
            )
        )

    def _computed(self) -> str:
        v, w = self._name(), self._name()
        return str(
            self._pick(
                f"np.sin({v})",
                f"{v} * np.tanh({w})",
                f"{v} + 0.5 * {w}",
                f"{v}.copy()",
                f"{v}.T.copy()",
                f"{v}.flatten()",
                f"np.sum({v}, axis=0)",
                f"np.mean({v})",
                f"{v} @ {w}",
                f"{v}[{self._fancy(v)}]",
                f"np.concatenate([{v}, {w}])",
                f"np.where({w} > 0.3, {v}, {w})",
                f"np.roll({v}, 1)",
                f"np.repeat({v}, 2, axis=0)",
                f"np.zeros_like({v}) + {v}",
                f"{v}.astype(float)",
                f"np.clip({v}, -0.4, 0.6)",
            )
        )

    # --- writing
    def _value(self) -> str:
        v = self._name()
        return str(
            self._pick(
                "0.25", v, f"np.cos({v})", f"{v}[{self._index(v)}]", f"{v}[{self._fancy(v)}]", f"0.5 * {v}"
            )
        )

    def _write(self) -> str:
        v, value = str(self._pick(*self._written_into())), self._value()
        index = self._pick(self._index(v), self._index(v), self._fancy(v))
        other, another = self._index(v), self._index(v)
        return str(
            self._pick(
                f"{v}[{index}] = {value}",
                f"{v}[{index}] = {value}",
                f"{v}[{index}] += {value}",
                f"{v}[{index}] *= 0.5",
                f"{v} += {value}",
                f"{v} *= np.cos({v})",
                f"{v}[{v} > 0.4] = 0.1",
                f"{v}[{v} > 0.5] *= 0.3",
                f"np.multiply({v}, 0.7, out={v})",
                f"np.sin({self._name()}, out={v})",
                f"np.add({v}, 0.2, out={v}, where={v} > 0.1)",
                f"{v}.fill(0.3)",
                f"np.copyto({v}, {value})",
                f"np.add.at({v}, [0, 1, 0], {value})",
                f"np.multiply.at({v}, [0, 1, 0], 0.5)",
                f"{v}.flat[1] = 0.5",
                f"np.put({v}, [0, -1], [0.2, 0.3])",
                f"{v}[{another}], {v}[{other}] = {v}[{other}].copy(), {v}[{another}].copy()",
                f"{v}[[0, 1]] = {v}[[1, 0]]",
                f"for row in {v}: row *= 0.9",
            )
        )
