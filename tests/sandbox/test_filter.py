"""The system-call filter of both machines, run instruction by instruction: every number, and arguments bit by bit."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentui.sandbox.worker import seccomp
from agentui.sandbox.worker.syscalls import MACHINES, Machine
from tests.sandbox.bpf import Verdict, assemble, judge

PID = 4321
EPERM, EACCES, ENOSYS, EOPNOTSUPP = 1, 13, 38, 95
NUMBERS = range(601)
FILTERS = ("files", "no_files")
CONDITIONAL = {"sendto", "socketpair", "clone", "kill", "tgkill", "prctl", "ioctl", "fcntl", "prlimit64"}
OPENS = {"open", "openat"}
FILE_CALLS = {
    *("chdir", "fchdir", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2"),
}
PRETENDED = {"chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "utimensat", "futimesat"}
MISSING = {"clone3", "io_uring_setup", "memfd_create", "openat2", "seccomp"}
SET_UP_ONLY = {"capset", "keyctl", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}
# Numbers on x86_64 and aarch64, written down here once more: -1 where the machine has no such call.
NEVER = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "bind": (49, 200),
    "listen": (50, 201),
    "fork": (57, -1),
    "vfork": (58, -1),
    "execve": (59, 221),
    "wait4": (61, 260),
    "truncate": (76, 45),
    "creat": (85, -1),
    "link": (86, -1),
    "symlink": (88, -1),
    "chown": (92, -1),
    "ptrace": (101, 117),
    "setuid": (105, 146),
    "setpriority": (141, 140),
    "mknod": (133, -1),
    "chroot": (161, 51),
    "get_robust_list": (274, 100),
    "mount": (165, 40),
    "tkill": (200, 130),
    "sched_setaffinity": (203, 122),
    "linkat": (265, 37),
    "symlinkat": (266, 36),
    "mknodat": (259, 33),
    "inotify_init1": (294, 26),
    "unshare": (272, 97),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "perf_event_open": (298, 241),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "bpf": (321, 280),
    "execveat": (322, 281),
    "userfaultfd": (323, 282),
    "pidfd_send_signal": (424, 424),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "pidfd_open": (434, 434),
    "clone3": (435, 435),
    "openat2": (437, 437),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "memfd_secret": (447, 447),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "setrlimit": (160, 164),
    "setxattr": (188, 5),
    "vmsplice": (278, 75),
    "splice": (275, 76),
    "tee": (276, 77),
    "fanotify_init": (300, 262),
    "personality": (135, 92),
    "modify_ldt": (154, -1),
    "ioperm": (173, -1),
    "reboot": (169, 142),
    "init_module": (175, 105),
    "kexec_load": (246, 104),
    "seccomp": (317, 277),
}
# glibc and musl, when they start a thread.
THREAD_FLAGS = (0x3D0F00, 0x7D0F00)

both_machines = pytest.mark.parametrize("name", list(MACHINES))


@cache
def filter_of(name: str, kind: seccomp.SyscallFilter) -> list[tuple[int, int, int, int]]:
    return assemble(seccomp.program(MACHINES[name], kind, PID))


def verdict(name: str, kind: seccomp.SyscallFilter, call: str, *arguments: int) -> Verdict:
    machine = MACHINES[name]
    return judge(filter_of(name, kind), machine.audit_arch, machine.numbers[call], arguments)[0]


def expected(machine: Machine, kind: str, call: str | None) -> tuple[Verdict, int]:
    """What a call of no arguments gets, by its name."""
    if call in PRETENDED:
        return Verdict.REFUSE, 0
    if call is not None and call.endswith("xattr"):
        return Verdict.REFUSE, EOPNOTSUPP
    if call in MISSING:
        return Verdict.REFUSE, ENOSYS
    if kind == "no_files" and call in OPENS:
        return Verdict.REFUSE, EACCES
    if call is None or call in SET_UP_ONLY or (kind == "no_files" and call in FILE_CALLS):
        return Verdict.REFUSE, EPERM
    return Verdict.ALLOW, 0


@both_machines
@pytest.mark.parametrize("kind", FILTERS)
def test_every_number_gets_what_the_table_says(name: str, kind: seccomp.SyscallFilter) -> None:
    machine = MACHINES[name]
    names = {number: call for call, number in machine.numbers.items()}
    program = filter_of(name, kind)
    for number in NUMBERS:
        if names.get(number) not in CONDITIONAL:
            got = judge(program, machine.audit_arch, number)
            assert got == expected(machine, kind, names.get(number)), (number, names.get(number))


@both_machines
@pytest.mark.parametrize("kind", FILTERS)
def test_no_number_is_allowed_to_another_architecture(name: str, kind: seccomp.SyscallFilter) -> None:
    program = filter_of(name, kind)
    for arch in (0x40000003, 0xC000003E, 0xC00000B7, 0x40000028, 0, 0xFFFFFFFF):
        if arch != MACHINES[name].audit_arch:
            verdicts = {judge(program, arch, number)[0] for number in NUMBERS}
            assert verdicts == {Verdict.REFUSE}


@pytest.mark.parametrize("kind", FILTERS)
def test_x32_numbers_are_refused(kind: seccomp.SyscallFilter) -> None:
    machine = MACHINES["x86_64"]
    program = filter_of("x86_64", kind)
    for start in (0x40000000, 0x80000000, 0xC0000000, 0xFFFFF000):
        for number in NUMBERS:
            assert judge(program, machine.audit_arch, start + number) == (Verdict.REFUSE, EPERM)


@both_machines
@pytest.mark.parametrize("kind", FILTERS)
@given(arguments=st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, PID, 2**32]), min_size=6, max_size=6))
def test_what_must_never_be_made_is_refused_whatever_its_arguments(
    name: str, kind: seccomp.SyscallFilter, arguments: Sequence[int]
) -> None:
    machine = MACHINES[name]
    program = filter_of(name, kind)
    for call, numbers in NEVER.items():
        number = numbers[list(MACHINES).index(name)]
        assert number < 0 or judge(program, machine.audit_arch, number, arguments)[0] is Verdict.REFUSE, call


@both_machines
def test_clone_makes_threads_and_nothing_else(name: str) -> None:
    for flags in THREAD_FLAGS:
        assert verdict(name, "files", "clone", flags) is Verdict.ALLOW
    required = 0x10F00
    for flags in THREAD_FLAGS:
        for bit in range(32):
            changed = flags ^ 1 << bit
            harmless = 0x17C0000 >> bit & 1
            assert (verdict(name, "files", "clone", changed) is Verdict.ALLOW) == bool(harmless), hex(changed)
    assert verdict(name, "files", "clone", 17) is Verdict.REFUSE
    assert verdict(name, "files", "clone", required) is Verdict.ALLOW


@both_machines
@given(pid=st.integers(0, 2**32 - 1), number=st.integers(0, 64))
def test_signals_reach_the_process_itself_only(name: str, pid: int, number: int) -> None:
    for call in ("kill", "tgkill"):
        assert (verdict(name, "files", call, pid, number) is Verdict.ALLOW) == (pid == PID)


@both_machines
def test_arguments_that_reach_others_are_refused(name: str) -> None:
    def allowed(call: str, *arguments: int) -> bool:
        return verdict(name, "files", call, *arguments) is Verdict.ALLOW

    assert {command for command in range(2048) if allowed("fcntl", 0, command)} == {*range(8), 1030}
    assert {option for option in range(100) if allowed("prctl", option)} == {3, 15, 16}
    requests = {request for request in range(0x10000) if allowed("ioctl", 0, request)}
    assert requests == {0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451}
    assert {pid for pid in range(100) if allowed("prlimit64", pid)} == {0}
    pairs = {(family, kind) for family in range(46) for kind in range(16) if allowed("socketpair", family, kind)}
    assert pairs == {(1, 1)}
    assert allowed("socketpair", 1, 1 | 0o2000000 | 0o4000)
    assert allowed("sendto", 3, 0, 0, 0, 0)
    assert not allowed("sendto", 3, 0, 0, 0, 1)
    assert not allowed("sendto", 3, 0, 0, 0, 1 << 32)


@both_machines
@pytest.mark.parametrize(("call", "at"), [("open", 1), ("openat", 2)])
def test_a_file_opened_for_reading_is_not_truncated(name: str, call: str, at: int) -> None:
    if call not in MACHINES[name].numbers:
        pytest.skip("this machine has no such call")
    truncate = 0x200
    for mode, allowed in ((0, True), (1, True), (2, True), (3, False)):
        assert (verdict(name, "files", call, *[0] * at, mode) is Verdict.ALLOW) == allowed
        truncating = verdict(name, "files", call, *[0] * at, mode | truncate)
        assert (truncating is Verdict.ALLOW) == (allowed and mode > 0)


@both_machines
def test_no_program_is_made_that_runs_as_its_owner(name: str) -> None:
    for call, at in (("open", 2), ("openat", 3), ("mkdir", 1), ("mkdirat", 2)):
        for bit in range(12):
            if call in MACHINES[name].numbers:
                allowed = verdict(name, "files", call, *[0] * at, 1 << bit) is Verdict.ALLOW
                assert allowed == (bit not in {10, 11}), (call, oct(1 << bit))


@both_machines
def test_the_host_is_asked_about_every_call_that_changes_or_opens_files(name: str) -> None:
    machine = MACHINES[name]
    listener = assemble(seccomp.listener_program(machine))
    asked = {
        call
        for call, number in machine.numbers.items()
        if judge(listener, machine.audit_arch, number)[0] is Verdict.ASK_HOST
    }
    # Changing the directory is no access: where the host finds relative paths, it looks at where they lead.
    assert asked == (OPENS | {"readlink", "readlinkat"} | FILE_CALLS - {"chdir", "fchdir"}) & machine.numbers.keys()
    assert {judge(listener, machine.audit_arch ^ 1, number)[0] for number in NUMBERS} == {Verdict.REFUSE}


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("x86_64", "04f06d7f48d01f75"),
        ("aarch64", "c35079dd95b1cee8"),
    ],
)
def test_the_numbers_are_those_that_were_compared_with_the_kernels_headers(name: str, mark: str) -> None:
    text = " ".join(f"{call}={number}" for call, number in sorted(MACHINES[name].numbers.items()))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == mark
    assert len(set(MACHINES[name].numbers.values())) == len(MACHINES[name].numbers)


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("x86_64", ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"]),
        ("aarch64", ["/usr/include/asm-generic/unistd.h", "/usr/aarch64-linux-gnu/include/asm-generic/unistd.h"]),
    ],
)
def test_the_numbers_are_the_kernels(name: str, headers: Sequence[str]) -> None:
    header = next((Path(path) for path in headers if Path(path).exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed: apt-get install linux-libc-dev")
    found = re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)\s*$", header.read_text(encoding="utf-8"), re.MULTILINE)
    kernel = {call: int(number) for call, number in found}
    newest = max(kernel.values())
    ours = MACHINES[name].numbers
    # On aarch64 the 64-bit variant goes by this name.
    kernel |= {"newfstatat": kernel.get("newfstatat", kernel.get("fstatat", -1))}
    assert {call: kernel.get(call) for call, number in ours.items() if number <= newest} == {
        call: number for call, number in ours.items() if number <= newest
    }
    for call, numbers in NEVER.items():
        number = numbers[list(MACHINES).index(name)]
        assert number < 0 or number > newest or kernel.get(call) == number, call
