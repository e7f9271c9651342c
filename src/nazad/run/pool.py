"""The pool of threads as LLVM IR, for :mod:`nazad.run.threads`, where its idea is told.

All waiting follows one rule: who waits looks at a word again after it has the mutex, and who changes the word
has had the mutex before it signals. So no signal comes between a last look and the sleep.
"""

from __future__ import annotations

import signal
from string import Template

from nazad.run.llvm import Target

SPINS = 200
"""Looks at a word before going to sleep, each with a pause of 10 to 50 nanoseconds."""
STACK = 8 * 2**20
"""Bytes of a worker's stack; some systems give threads much less than BLAS needs."""


def pool_ir(target: Target) -> str:
    """The pool, for a processor and this system."""
    words = {f"SIG{name}": int(getattr(signal, f"SIG{name}")) for name in ("SEGV", "BUS", "FPE", "ILL")}
    pool = _POOL.substitute(words, SETMASK=int(signal.SIG_SETMASK), SPINS=SPINS, STACK=STACK)
    return _ROW + pool + _processor(target)


def row_ir() -> str:
    """The same functions where there are no threads: parts in a row."""
    return _ROW + _ALONE


def needs() -> list[str]:
    """The functions of the system that the pool calls."""
    lines = _POOL.template.splitlines()
    return [line.split("@")[1].split("(")[0] for line in lines if line.startswith("declare")]


def _processor(target: Target) -> str:
    """What differs between processors: a pause, and the mode of floating-point arithmetic."""
    if target.triple.startswith(("x86_64", "amd64", "i386", "i686")):
        return _X86
    return _ARM if target.triple.startswith(("aarch64", "arm64")) else _OTHER


_ROW = """
define internal void @row(ptr %function, ptr %data, i64 %parts) nounwind {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%i1, %part]
  %inside = icmp slt i64 %i, %parts
  br i1 %inside, label %part, label %end
part:
  call void %function(ptr %data, i64 %i)
  %i1 = add i64 %i, 1
  br label %loop
end:
  ret void
}
"""

_ALONE = """
define void @nz_parallel(ptr %function, ptr %data, i64 %parts) nounwind {
  call void @row(ptr %function, ptr %data, i64 %parts)
  ret void
}
define void @nz_set_threads(i32 %n) nounwind {
  ret void
}
define void @nz_forget() nounwind {
  ret void
}
"""

_POOL = Template("""
declare i32 @getpid()
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(ptr)
declare i32 @pthread_attr_init(ptr)
declare i32 @pthread_attr_setstacksize(ptr, i64)
declare i32 @pthread_attr_destroy(ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare i32 @sigdelset(ptr, i32)

; the process that this state belongs to: 0 at first, -1 while it is being made
@process = internal global i32 0, align 128
; threads that are wanted, the caller included; workers that exist; those in bed or on their way there
@wanted = internal global i32 1, align 4
@workers = internal global i32 0, align 4
@asleep = internal global i32 0, align 4
; what locks need is for the system to know; no system needs 128 bytes
@mutex = internal global [128 x i8] zeroinitializer, align 64
@wake = internal global [128 x i8] zeroinitializer, align 64
@done = internal global [128 x i8] zeroinitializer, align 64
; the job, written while the gate is closed and nobody inside
@function = internal global ptr null, align 128
@data = internal global ptr null, align 8
@parts = internal global i64 0, align 8
@mode = internal global i64 0, align 8
; each of the words that threads contend for has lines of the cache to itself
@busy = internal global i32 0, align 128
@next = internal global i64 0, align 128
; bits 0-15: workers inside; bit 16: open; from bit 17: the number of the job
@gate = internal global [16 x i64] zeroinitializer, align 128

define void @nz_parallel(ptr %function, ptr %data, i64 %parts) nounwind {
entry:
  %wanted = load atomic i32, ptr @wanted monotonic, align 4
  %several = icmp sgt i32 %wanted, 1
  %many = icmp sgt i64 %parts, 1
  %both = and i1 %several, %many
  br i1 %both, label %ask, label %alone
ask:
  %ours = call i1 @claim()
  br i1 %ours, label %together, label %alone
alone:
  call void @row(ptr %function, ptr %data, i64 %parts)
  ret void
together:
  store ptr %function, ptr @function
  store ptr %data, ptr @data
  store i64 %parts, ptr @parts
  %mode = call i64 @get_mode()
  store i64 %mode, ptr @mode
  store atomic i64 0, ptr @next monotonic, align 8
  call void @hire()
  %before = load atomic i64, ptr @gate monotonic, align 8
  %number = lshr i64 %before, 17
  %number1 = add i64 %number, 1
  %shifted = shl i64 %number1, 17
  %open = or i64 %shifted, 65536
  store atomic i64 %open, ptr @gate seq_cst, align 8
  %asleep = load atomic i32, ptr @asleep seq_cst, align 4
  %any = icmp sgt i32 %asleep, 0
  br i1 %any, label %rouse, label %work
rouse:
  %others = sub i64 %parts, 1
  call void @rouse(i64 %others, i32 %asleep)
  br label %work
work:
  call void @work(ptr %function, ptr %data, i64 %parts)
  %last = atomicrmw and ptr @gate, i64 -65537 acq_rel
  call void @wait()
  store atomic i32 0, ptr @busy release, align 4
  ret void
}

; take parts until none is left
define internal void @work(ptr %function, ptr %data, i64 %parts) nounwind {
entry:
  br label %loop
loop:
  %i = atomicrmw add ptr @next, i64 1 monotonic
  %inside = icmp slt i64 %i, %parts
  br i1 %inside, label %part, label %end
part:
  call void %function(ptr %data, i64 %i)
  br label %loop
end:
  ret void
}

; try to get the pool; in a new process make its state first
define internal i1 @claim() nounwind {
entry:
  %process = call i32 @getpid()
  %owner = load atomic i32, ptr @process acquire, align 4
  %same = icmp eq i32 %process, %owner
  br i1 %same, label %try, label %foreign
foreign:
  %making = icmp eq i32 %owner, -1
  br i1 %making, label %no, label %begin
begin:
  %exchange = cmpxchg ptr @process, i32 %owner, i32 -1 acquire monotonic
  %first = extractvalue {i32, i1} %exchange, 1
  br i1 %first, label %make, label %no
make:
  store atomic i32 0, ptr @workers monotonic, align 4
  store atomic i32 0, ptr @asleep monotonic, align 4
  store atomic i32 0, ptr @busy monotonic, align 4
  store atomic i64 0, ptr @gate monotonic, align 8
  %m = call i32 @pthread_mutex_init(ptr @mutex, ptr null)
  %w = call i32 @pthread_cond_init(ptr @wake, ptr null)
  %d = call i32 @pthread_cond_init(ptr @done, ptr null)
  store atomic i32 %process, ptr @process release, align 4
  br label %try
try:
  %taken = atomicrmw xchg ptr @busy, i32 1 acquire
  %free = icmp eq i32 %taken, 0
  ret i1 %free
no:
  ret i1 false
}

; wake as many workers as there are parts for; once we had the mutex, whoever missed the gate is in bed
define internal void @rouse(i64 %parts, i32 %asleep) nounwind {
entry:
  %l = call i32 @pthread_mutex_lock(ptr @mutex)
  %u = call i32 @pthread_mutex_unlock(ptr @mutex)
  %sleepers = zext i32 %asleep to i64
  %all = icmp sge i64 %parts, %sleepers
  br i1 %all, label %everybody, label %loop
everybody:
  %b = call i32 @pthread_cond_broadcast(ptr @wake)
  ret void
loop:
  %left = phi i64 [%parts, %entry], [%left1, %loop]
  %s = call i32 @pthread_cond_signal(ptr @wake)
  %left1 = sub i64 %left, 1
  %more = icmp sgt i64 %left1, 0
  br i1 %more, label %loop, label %end
end:
  ret void
}

; wait until nobody is inside
define internal void @wait() nounwind {
entry:
  br label %spin
spin:
  %turn = phi i64 [0, %entry], [%turn1, %again]
  %gate = load atomic i64, ptr @gate acquire, align 8
  %inside = and i64 %gate, 65535
  %empty = icmp eq i64 %inside, 0
  br i1 %empty, label %end, label %again
again:
  call void @pause()
  %turn1 = add i64 %turn, 1
  %more = icmp ult i64 %turn1, $SPINS
  br i1 %more, label %spin, label %bed
bed:
  %l = call i32 @pthread_mutex_lock(ptr @mutex)
  br label %look
look:
  %gate2 = load atomic i64, ptr @gate acquire, align 8
  %inside2 = and i64 %gate2, 65535
  %empty2 = icmp eq i64 %inside2, 0
  br i1 %empty2, label %up, label %sleep
sleep:
  %c = call i32 @pthread_cond_wait(ptr @done, ptr @mutex)
  br label %look
up:
  %u = call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %end
end:
  ret void
}

; the life of a worker
define internal ptr @worker(ptr %nothing) nounwind {
entry:
  br label %loop
loop:
  %seen = phi i64 [0, %entry], [%seen, %enter], [%number, %leave], [%number, %tell]
  %gate = call i64 @attend(i64 %seen)
  %retired = icmp eq i64 %gate, 0
  br i1 %retired, label %end, label %enter
enter:
  %more = add i64 %gate, 1
  %exchange = cmpxchg ptr @gate, i64 %gate, i64 %more acq_rel monotonic
  %entered = extractvalue {i64, i1} %exchange, 1
  br i1 %entered, label %leave, label %loop
leave:
  %number = lshr i64 %gate, 17
  %mode = load i64, ptr @mode
  call void @set_mode(i64 %mode)
  %function = load ptr, ptr @function
  %data = load ptr, ptr @data
  %parts = load i64, ptr @parts
  call void @work(ptr %function, ptr %data, i64 %parts)
  %before = atomicrmw sub ptr @gate, i64 1 acq_rel
  %state = and i64 %before, 131071
  %last = icmp eq i64 %state, 1
  br i1 %last, label %tell, label %loop
tell:
  %l = call i32 @pthread_mutex_lock(ptr @mutex)
  %s = call i32 @pthread_cond_signal(ptr @done)
  %u = call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %loop
end:
  ret ptr null
}

; wait for an open gate with another number than the last; 0 tells the worker to retire
define internal i64 @attend(i64 %seen) nounwind {
entry:
  %surplus = call i1 @surplus()
  br i1 %surplus, label %bed, label %spin
spin:
  %turn = phi i64 [0, %entry], [%turn1, %again]
  %gate = load atomic i64, ptr @gate acquire, align 8
  %calls = call i1 @calls(i64 %gate, i64 %seen)
  br i1 %calls, label %answer, label %again
answer:
  ret i64 %gate
again:
  call void @pause()
  %turn1 = add i64 %turn, 1
  %more = icmp ult i64 %turn1, $SPINS
  br i1 %more, label %spin, label %bed
bed:
  %l = call i32 @pthread_mutex_lock(ptr @mutex)
  %a = atomicrmw add ptr @asleep, i32 1 seq_cst
  br label %look
look:
  %surplus2 = call i1 @surplus()
  br i1 %surplus2, label %retire, label %listen
listen:
  %gate2 = load atomic i64, ptr @gate seq_cst, align 8
  %calls2 = call i1 @calls(i64 %gate2, i64 %seen)
  br i1 %calls2, label %up, label %sleep
sleep:
  %c = call i32 @pthread_cond_wait(ptr @wake, ptr @mutex)
  br label %look
retire:
  %r = atomicrmw sub ptr @workers, i32 1 monotonic
  br label %up
up:
  %result = phi i64 [0, %retire], [%gate2, %listen]
  %b = atomicrmw sub ptr @asleep, i32 1 seq_cst
  %u = call i32 @pthread_mutex_unlock(ptr @mutex)
  ret i64 %result
}

define internal i1 @calls(i64 %gate, i64 %seen) alwaysinline nounwind {
  %bit = and i64 %gate, 65536
  %open = icmp ne i64 %bit, 0
  %number = lshr i64 %gate, 17
  %new = icmp ne i64 %number, %seen
  %both = and i1 %open, %new
  ret i1 %both
}

define internal i1 @surplus() alwaysinline nounwind {
  %workers = load atomic i32, ptr @workers monotonic, align 4
  %wanted = load atomic i32, ptr @wanted monotonic, align 4
  %surplus = icmp sge i32 %workers, %wanted
  ret i1 %surplus
}

; make the workers that are missing; if the system refuses, be content with those that exist
define internal void @hire() nounwind {
entry:
  br label %loop
loop:
  %wanted = load atomic i32, ptr @wanted monotonic, align 4
  %workers = load atomic i32, ptr @workers monotonic, align 4
  %with = add i32 %workers, 1
  %missing = icmp slt i32 %with, %wanted
  br i1 %missing, label %make, label %end
make:
  %a = atomicrmw add ptr @workers, i32 1 monotonic
  %fault = call i32 @make()
  %made = icmp eq i32 %fault, 0
  br i1 %made, label %loop, label %refused
refused:
  %b = atomicrmw sub ptr @workers, i32 1 monotonic
  %c = cmpxchg ptr @wanted, i32 %wanted, i32 %with monotonic monotonic
  br label %end
end:
  ret void
}

; a thread that handles no signals, but for those of faults of its own
define internal i32 @make() nounwind {
  %thread = alloca ptr
  %attributes = alloca [128 x i8], align 64
  %set = alloca [128 x i8], align 64
  %old = alloca [128 x i8], align 64
  %f = call i32 @sigfillset(ptr %set)
  %s = call i32 @sigdelset(ptr %set, i32 $SIGSEGV)
  %b = call i32 @sigdelset(ptr %set, i32 $SIGBUS)
  %e = call i32 @sigdelset(ptr %set, i32 $SIGFPE)
  %i = call i32 @sigdelset(ptr %set, i32 $SIGILL)
  %a = call i32 @pthread_attr_init(ptr %attributes)
  %z = call i32 @pthread_attr_setstacksize(ptr %attributes, i64 $STACK)
  %m = call i32 @pthread_sigmask(i32 $SETMASK, ptr %set, ptr %old)
  %fault = call i32 @pthread_create(ptr %thread, ptr %attributes, ptr @worker, ptr null)
  %n = call i32 @pthread_sigmask(i32 $SETMASK, ptr %old, ptr null)
  %d = call i32 @pthread_attr_destroy(ptr %attributes)
  %made = icmp eq i32 %fault, 0
  br i1 %made, label %detach, label %end
detach:
  %handle = load ptr, ptr %thread
  %x = call i32 @pthread_detach(ptr %handle)
  br label %end
end:
  ret i32 %fault
}

; in the child of a fork, where none of the workers is
define void @nz_forget() nounwind {
  store atomic i32 0, ptr @process release, align 4
  ret void
}

; wake everybody, so that surplus workers retire
define void @nz_set_threads(i32 %n) nounwind {
  store atomic i32 %n, ptr @wanted monotonic, align 4
  %process = call i32 @getpid()
  %owner = load atomic i32, ptr @process acquire, align 4
  %made = icmp eq i32 %process, %owner
  br i1 %made, label %tell, label %end
tell:
  %l = call i32 @pthread_mutex_lock(ptr @mutex)
  %b = call i32 @pthread_cond_broadcast(ptr @wake)
  %u = call i32 @pthread_mutex_unlock(ptr @mutex)
  br label %end
end:
  ret void
}
""")

_X86 = """
declare void @llvm.x86.sse2.pause()
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
define internal void @pause() alwaysinline nounwind {
  call void @llvm.x86.sse2.pause()
  ret void
}
; without the flags of what has happened
define internal i64 @get_mode() nounwind {
  %slot = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %slot)
  %word = load i32, ptr %slot
  %mode = and i32 %word, 65472
  %wide = zext i32 %mode to i64
  ret i64 %wide
}
define internal void @set_mode(i64 %mode) nounwind {
  %slot = alloca i32
  %word = trunc i64 %mode to i32
  store i32 %word, ptr %slot
  call void @llvm.x86.sse.ldmxcsr(ptr %slot)
  ret void
}
"""

_ARM = """
declare void @llvm.aarch64.isb(i32)
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)
define internal void @pause() alwaysinline nounwind {
  call void @llvm.aarch64.isb(i32 15)
  ret void
}
define internal i64 @get_mode() nounwind {
  %mode = call i64 @llvm.aarch64.get.fpcr()
  ret i64 %mode
}
define internal void @set_mode(i64 %mode) nounwind {
  call void @llvm.aarch64.set.fpcr(i64 %mode)
  ret void
}
"""

_OTHER = """
define internal void @pause() alwaysinline nounwind {
  ret void
}
define internal i64 @get_mode() nounwind {
  ret i64 0
}
define internal void @set_mode(i64 %mode) nounwind {
  ret void
}
"""
