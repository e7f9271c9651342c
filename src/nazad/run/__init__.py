"""Graphs become numbers: vector mathematics as LLVM IR, and machine code from IR, in this process."""
