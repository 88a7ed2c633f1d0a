"""One case a run: the first argument is JSON with the case's name, the server, the login and the local directory."""

import asyncio
import json
import os
import random
import sys

import asyncssh

# Tells a case that this version of the library cannot play from one that failed.
CANNOT_BE_PLAYED = 77


async def refused(call, kind=asyncssh.SFTPError):
    """Waits for what the server must not do."""
    try:
        await call
    except kind:
        return
    raise AssertionError("it was not refused")


async def transfers(sftp):
    await sftp.put("big", "big", block_size=16384, max_requests=128)
    await sftp.get("big", "back", block_size=100_000, max_requests=32)
    names = sorted(os.listdir("many"))
    await sftp.mkdir("many")
    await asyncio.gather(*(sftp.put(f"many/{name}", f"many/{name}") for name in names))
    os.mkdir("many back")
    await asyncio.gather(*(sftp.get(f"many/{name}", f"many back/{name}") for name in names))


async def trees(sftp):
    await sftp.put("tree", recurse=True, preserve=True)
    await sftp.get("tree", "back", recurse=True, preserve=True)


async def blocks(sftp):
    """Many reads and writes under way at once on one handle, none of them overlapping."""
    with open("big", "rb") as local:
        contents = local.read()
    offsets = list(range(0, len(contents), 20_011))
    random.Random(1).shuffle(offsets)
    async with sftp.open("big", "wb+") as file:
        await asyncio.gather(*(file.write(contents[offset : offset + 20_011], offset) for offset in offsets))
        parts = await asyncio.gather(*(file.read(20_011, offset) for offset in offsets))
        assert all(part == contents[offset : offset + 20_011] for part, offset in zip(parts, offsets))
        await file.fsync()


async def extensions(sftp, server_version):
    async with sftp.open("a", "wb") as file:
        await file.write(b"contents")
        await file.fsync()
        by_handle = await file.statvfs()
    by_path = await sftp.statvfs(".")
    assert (by_handle.bsize, by_handle.blocks) == (by_path.bsize, by_path.blocks)
    print(by_path.frsize * by_path.blocks)
    await sftp.link("a", "b")
    assert (await sftp.stat("b")).size == 8
    await refused(sftp.link("missing", "c"))
    await refused(sftp.link("a", "b"))
    # The library gives OpenSSH its order of the two paths and any other server the draft's.
    paths = ("a", "link") if "OpenSSH" in server_version else ("link", "a")
    await sftp.symlink(*paths)
    assert await sftp.readlink("link") == "a"
    async with sftp.open("other", "wb") as file:
        await file.write(b"replaced")
    await refused(sftp.rename("other", "link"))
    await sftp.posix_rename("other", "link")
    assert await sftp.isfile("link")
    await sftp.truncate("link", 3)


async def remote_copy(sftp):
    if not hasattr(sftp, "remote_copy"):
        print(f"asyncssh {asyncssh.__version__} has no remote_copy")
        sys.exit(CANNOT_BE_PLAYED)
    await sftp.remote_copy("big", "copy")
    await sftp.remote_copy("big", "part", src_offset=1000, src_length=300_000, dst_offset=0)


async def listing(sftp):
    names = sorted(f"{number:04}.bin" for number in range(1500))
    assert sorted(name for name in await sftp.listdir("many") if name not in (".", "..")) == names
    sizes = [entry.attrs.size async for entry in sftp.scandir("many") if entry.filename not in (".", "..")]
    assert sizes == [10] * 1500, len(sizes)
    assert sorted(await sftp.glob("many/001?.bin")) == [f"many/001{number}.bin" for number in range(10)]
    await refused(sftp.listdir("missing"), asyncssh.SFTPNoSuchFile)


async def byte_names(sftp):
    names = [b"caf\xe9 \xff\x80.bin", b"\xfe\xc0\xaf", b"e6 97", bytes([0xE6, 0x97]), b"n" * 254 + b"\xff"]
    for name in names:
        async with sftp.open(name, "wb") as file:
            await file.write(name)
    assert sorted(set(await sftp.listdir(b".")) - {b".", b".."}) == sorted(names)
    for name in names:
        await sftp.rename(name, b"other")
        assert (await sftp.stat(b"other")).size == len(name)
        await sftp.rename(b"other", name)
    await sftp.remove(names[0])


async def removal(sftp):
    await sftp.rmtree("tree")


CASES = [transfers, trees, blocks, extensions, remote_copy, listing, byte_names, removal]


async def main():
    settings = json.loads(sys.argv[1])
    case = next(case for case in CASES if case.__name__ == settings["case"])
    os.chdir(settings["local"])
    async with asyncssh.connect(
        settings["host"],
        settings["port"],
        username=settings["username"],
        client_keys=[settings["key"]],
        known_hosts=None,
        config=None,
        agent_path=None,
    ) as connection:
        # No encoding: names are bytes where a case gives bytes.
        encoding = None if case is byte_names else "utf-8"
        async with connection.start_sftp_client(path_encoding=encoding) as sftp:
            version = connection.get_extra_info("server_version")
            await (case(sftp, version) if case is extensions else case(sftp))


asyncio.run(main())
