"""The Merkle tree of RFC 6962, section 2.1: root, inclusion path, and the check of a path.

Leaves are hashes already (SHA-256(0x00 || line)); nodes are SHA-256(0x01 || left || right).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

_NODE = sha256(b"\1")  # begun once and copied for each node


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over `leaves`; over none it is SHA-256 of nothing.

    Level by level, with a lonely last node carried up: the same tree as the RFC's recursive definition, because its
    left subtree is always the largest power of two.
    """
    if not leaves:
        return sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def _parents(level: list[bytes]) -> list[bytes]:
    nodes, begun, paired = iter(level), _NODE.copy, []
    for left, right in zip(nodes, nodes, strict=False):
        node = begun()
        node.update(left + right)
        paired.append(node.digest())
    return paired + level[-1:] if len(level) % 2 else paired


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The siblings that lead from leaf `index` to the root, from below."""
    path: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index //= 2
        level = _parents(level)
    return path


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that `path` leads to; raises `ValueError` when the path cannot belong to such a tree."""
    rest = iter(path)
    node, last = leaf, size - 1
    if not 0 <= index <= last:
        raise ValueError("the leaf is outside of the tree")
    try:
        while last:
            if index % 2:
                node = sha256(b"\1" + next(rest) + node).digest()
            elif index < last:
                node = sha256(b"\1" + node + next(rest)).digest()
            index, last = index // 2, last // 2
    except StopIteration:
        raise ValueError("the inclusion path is too short") from None
    if next(rest, None) is not None:
        raise ValueError("the inclusion path is too long")
    return node
