"""One case a run: the first argument is JSON with the case's name, the server, the login and the local directory."""

import hashlib
import json
import os
import random
import stat
import sys

import paramiko

MIB = 1024 * 1024
ACCESSED, MODIFIED = 1_000_000_000, 1_400_000_000


def refused(call, *arguments):
    """What the server says when it does not do it."""
    try:
        call(*arguments)
    except OSError as error:
        return error
    raise AssertionError(f"{call.__name__}{arguments} was not refused")


def open_modes(sftp):
    assert isinstance(refused(sftp.open, "missing", "r"), FileNotFoundError)
    assert isinstance(refused(sftp.open, "missing", "r+"), FileNotFoundError)
    with sftp.open("a", "w") as file:
        file.write(b"one\ntwo\n")
    with sftp.open("a", "a") as file:
        file.write(b"three\n")
    with sftp.open("a", "r") as file:
        assert list(file) == ["one\n", "two\n", "three\n"]
        file.seek(4)
        assert file.read(3) == b"two"
        file.seek(-6, file.SEEK_END)
        assert file.read() == b"three\n"
        assert file.read() == b""
        refused(file.write, b"refused")
    with sftp.open("a", "r+") as file:
        file.write(b"ONE")
        file.seek(8)
        file.write(b"THREE")
    with sftp.open("a", "a+") as file:
        file.write(b"four\n")
        file.seek(0)
        assert file.read() == b"ONE\ntwo\nTHREE\nfour\n"
    with sftp.open("b", "wx") as file:
        file.write(b"new")
    refused(sftp.open, "b", "wx")
    with sftp.open("b", "w+") as file:
        assert file.read() == b""
        file.write(b"newer")
        file.seek(0)
        assert file.read() == b"newer"
    with sftp.open("a", "r+") as file:
        file.truncate(8)
    assert sftp.stat("a").st_size == 8


def prefetch(sftp):
    sftp.get("big", "back")
    with sftp.open("big", "r") as file:
        file.prefetch()
        whole = file.read()
    with sftp.open("big", "r", bufsize=0) as file:
        chunks = [(offset, 100_000) for offset in range(0, len(whole) - 100_000, 777_777)]
        for (offset, length), data in zip(chunks, file.readv(chunks)):
            assert data == whole[offset : offset + length], offset
    with open("back", "rb") as local:
        assert local.read() == whole


def random_order_writes(sftp):
    with open("big", "rb") as local:
        contents = local.read()
    offsets = list(range(0, len(contents), 30_001))
    random.Random(1).shuffle(offsets)
    with sftp.open("big", "w") as file:
        file.set_pipelined(True)
        for offset in offsets:
            file.seek(offset)
            file.write(contents[offset : offset + 30_001])
    sftp.put("big", "put")


def attributes(sftp):
    with sftp.open("a", "w") as file:
        file.write(b"contents")
        file.chmod(0o600)
        file.utime((ACCESSED, MODIFIED))
        assert file.stat().st_mtime == MODIFIED
    found = sftp.stat("a")
    assert (found.st_size, found.st_mtime, found.st_atime) == (8, MODIFIED, ACCESSED)
    assert stat.filemode(found.st_mode) == "-rw-------"
    sftp.chmod("a", 0o751)
    assert stat.S_IMODE(sftp.stat("a").st_mode) == 0o751
    sftp.truncate("a", 4)
    sftp.utime("a", (ACCESSED, MODIFIED))
    sftp.symlink("a", "link")
    assert sftp.readlink("link") == "a"
    assert stat.S_ISLNK(sftp.lstat("link").st_mode)
    assert sftp.stat("link").st_size == 4
    with sftp.open("b", "w") as file:
        file.write(b"other")
    refused(sftp.rename, "b", "a")
    assert sftp.stat("a").st_size == 4
    sftp.posix_rename("b", "a")
    assert sftp.stat("a").st_size == 5
    refused(sftp.stat, "b")
    sftp.chmod("a", 0o640)
    sftp.utime("a", (ACCESSED, MODIFIED))
    sftp.mkdir("d", 0o700)
    sftp.chdir("d")
    sftp.mkdir("e")
    assert sftp.normalize("e/../e").endswith("/d/e")
    sftp.chdir("..")
    refused(sftp.rmdir, "d")
    refused(sftp.remove, "d")
    sftp.rmdir("d/e")
    sftp.rmdir("d")


def listing(sftp):
    names = sorted(f"{number:04}.bin" for number in range(1500))
    assert sorted(sftp.listdir("many")) == names
    listed = list(sftp.listdir_iter("many", read_aheads=20))
    assert sorted(entry.filename for entry in listed) == names
    assert {entry.st_size for entry in listed} == {10}
    assert all(str(entry).startswith("-rw") for entry in listed)
    assert isinstance(refused(sftp.listdir, "missing"), FileNotFoundError)


def byte_names(sftp):
    """The library takes names as bytes; in listings it insists on UTF-8, so that the disk is looked at instead."""
    name, other = b"caf\xe9 \xff\x80.bin", b"\xfe\xc0\xaf"
    with sftp.open(name, "w") as file:
        file.write(b"contents")
    assert sftp.stat(name).st_size == 8
    sftp.rename(name, other)
    refused(sftp.stat, name)
    sftp.mkdir(name)
    sftp.posix_rename(other, name + b"/" + other)
    with sftp.open(name + b"/" + other, "r") as file:
        assert file.read() == b"contents"


def check_file(sftp):
    with open("big", "rb") as local:
        contents = local.read()
    with sftp.open("big", "r") as file:
        for algorithm in ("md5", "sha1", "sha256", "sha384", "sha512"):
            assert file.check(algorithm) == hashlib.new(algorithm, contents).digest(), algorithm
        part = contents[1000 : 1000 + 500_000]
        assert file.check("sha256", 1000, 500_000) == hashlib.sha256(part).digest()
        blocks = [part[start : start + 4096] for start in range(0, len(part), 4096)]
        expected = b"".join(hashlib.sha256(block).digest() for block in blocks)
        assert file.check("sha256", 1000, 500_000, 4096) == expected


CASES = [open_modes, prefetch, random_order_writes, attributes, listing, byte_names, check_file]


def main():
    settings = json.loads(sys.argv[1])
    case = next(case for case in CASES if case.__name__ == settings["case"])
    os.chdir(settings["local"])
    transport = paramiko.Transport((settings["host"], settings["port"]))
    try:
        key = paramiko.Ed25519Key.from_private_key_file(settings["key"])
        transport.connect(username=settings["username"], pkey=key)
        case(paramiko.SFTPClient.from_transport(transport))
    finally:
        transport.close()


main()
