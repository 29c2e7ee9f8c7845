"""Which file systems a ledger may live on: a network file system cannot promise one lock holder, so it is refused."""

from __future__ import annotations

from pathlib import Path

from logkit.errors import AuditUnavailable

_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "glusterfs", "ocfs2", "gfs2"}
)
_NETWORK_FUSE = frozenset({"fuse.glusterfs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.cephfs"})
_MOUNTS = Path("/proc/self/mountinfo")


def filesystem_of(path: Path, mounts: str) -> str:
    """The type of the file system that holds `path`; `mounts` is the text of /proc/self/mountinfo (proc(5))."""
    best, kind = -1, "unknown"
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = Path(fields[4].replace("\\040", " ").replace("\\134", "\\"))
        if (path == point or point in path.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind


def refuse_network(directory: Path, mounts: str | None = None) -> None:
    """Raise `AuditUnavailable` when `directory` is on a network file system; unknown systems pass."""
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
    kind = filesystem_of(directory.resolve(), mounts)
    if kind in _NETWORK | _NETWORK_FUSE:
        raise AuditUnavailable(
            f"{directory} is on {kind}, a network file system, where two machines could both hold the write lock:"
            " set AUDIT_DIR to a directory on a local disk"
        )
