"""Runs a system-call filter as the kernel does, for any machine: classic BPF, the instructions that filters use."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from enum import Enum

LOAD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, AND, RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
MAX_INSTRUCTIONS = 4096


class Verdict(Enum):
    """What a filter answers, without the error number."""

    ALLOW = 0x7FFF0000
    ASK_HOST = 0x7FC00000
    REFUSE = 0x00050000


def assemble(instructions: Iterable[bytes]) -> list[tuple[int, int, int, int]]:
    """Decode a program, and check what the kernel checks before it accepts one."""
    program = list(struct.iter_unpack("HBBI", b"".join(instructions)))
    assert 0 < len(program) <= MAX_INSTRUCTIONS
    for at, (code, if_true, if_false, operand) in enumerate(program):
        assert code in {LOAD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, AND, RETURN}, f"instruction {at} is unknown"
        if code in {JUMP_IF_EQUAL, JUMP_IF_AT_LEAST}:
            assert at + 1 + max(if_true, if_false) < len(program), f"instruction {at} jumps out of the program"
        if code == LOAD:
            assert operand % 4 == 0
            assert operand < 64
    assert program[-1][0] == RETURN
    return program


def judge(
    program: Sequence[tuple[int, int, int, int]], arch: int, number: int, arguments: Sequence[int] = ()
) -> tuple[Verdict, int]:
    """The filter's verdict on a call, and the error number that goes with a refusal."""
    padded = [*(argument & 0xFFFFFFFFFFFFFFFF for argument in arguments), *[0] * (6 - len(arguments))]
    data = struct.pack("<iIQ6Q", number if number < 1 << 31 else number - (1 << 32), arch, 0, *padded)
    accumulator = at = 0
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        match code:
            case 0x20:
                accumulator = struct.unpack_from("<I", data, operand)[0]
            case 0x15:
                at += if_true if accumulator == operand else if_false
            case 0x35:
                at += if_true if accumulator >= operand else if_false
            case 0x54:
                accumulator &= operand
            case _:
                return Verdict(operand & 0xFFFF0000), operand & 0xFFFF
