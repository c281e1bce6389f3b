"""codec.archive.stores: batches from and into stores of others, whole or not at all; a real S3 server on loopback."""

import json
import os
import pickle

import pytest
from landscape import landscape
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import InputError, UsageError
from rawinlay.codec.api import decode, verify
from rawinlay.codec.archive import batch as batching
from rawinlay.codec.archive import stores
from rawinlay.codec.cli.main import main
from rawinlay.codec.simulator import simulate
from raws import slow

pytest.importorskip("upath", reason="the extra remote reaches stores")
QUIET = {"odd_size": False, "distortion": 0.0, "orientation": 1, "iso": 100, "median": 0.2}


class Here:
    """Tasks one after another in this process: what stores do is looked at, not processes."""

    def __init__(self, jobs, threads, memory, work):
        self.work = work

    def run(self, tasks):
        for task in tasks:
            yield self.work(task)


@pytest.fixture(scope="module")
def files():
    shot = simulate(landscape(96, 128), 3, quality=95, **QUIET)
    return {"a.dng": write_dng(shot.raw), "a.jpg": shot.jpeg, "b/c.dng": write_dng(shot.raw), "a.dng.xmp": b"<x/>"}


@pytest.fixture(scope="module")
def s3():
    """The address of a server of moto's, with two buckets."""
    server = pytest.importorskip("moto.server", reason="moto is the S3 server of the test")
    pytest.importorskip("s3fs", reason="s3fs reaches s3://")
    import logging

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    serving = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    serving.start()
    host, port = serving.get_host_and_port()
    yield f"http://{host}:{port}"
    serving.stop()


@pytest.fixture(scope="module")
def ssh(tmp_path_factory):
    """The folder of a user of a real server, its port, the key of the host and of the user."""
    asyncssh = pytest.importorskip("asyncssh", reason="asyncssh is the SFTP server of the test")
    pytest.importorskip("paramiko", reason="paramiko reaches sftp://")
    import asyncio
    import threading

    from rawinlay.codec.archive.sftp import Sftp

    folder, loop, ready = tmp_path_factory.mktemp("ssh"), asyncio.new_event_loop(), threading.Event()
    host, user = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    user.write_private_key(folder / "id")
    user.write_public_key(folder / "id.pub")
    (folder / "root").mkdir()
    serving = []

    async def serve():
        serving.append(await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[host], authorized_client_keys=str(folder / "id.pub"),
            sftp_factory=lambda chan: asyncssh.SFTPServer(chan, chroot=str(folder / "root"))))  # fmt: skip
        ready.set()

    def run():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(20)
    yield folder, serving[0].get_port(), host.export_public_key().decode()
    for system in Sftp._cache.values():
        system.client.close()
    Sftp.clear_instance_cache()
    loop.call_soon_threadsafe(serving[0].close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)


@pytest.fixture
def home(ssh, monkeypatch, tmp_path):
    """A user's home in which the server is known as "nas"; whose `~/.ssh` it gives."""
    folder, port, key = ssh
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv("http_proxy", raising=False)
    dot = tmp_path / ".ssh"
    dot.mkdir()
    (dot / "config").write_text(
        f"Host nas\n  HostName 127.0.0.1\n  Port {port}\n  User me\n  IdentityFile {folder / 'id'}\n")  # fmt: skip
    (dot / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}")
    return dot


@pytest.fixture(params=["memory", "sftp", pytest.param("s3", marks=slow)])
def store(request, monkeypatch, files, tmp_path):
    """A store with the files in it, by the URL of a folder, and its own view of what is there."""
    from upath import UPath

    monkeypatch.setattr(batching, "Workers", Here)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if request.param == "s3":
        url = request.getfixturevalue("s3")
        for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "us-east-1",
                            "AWS_ENDPOINT_URL": url}.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        root = UPath(f"s3://bucket-{os.getpid()}-{abs(hash(str(tmp_path))) % 10**9}")
        root.fs.mkdir(root.path.rstrip("/"))
    elif request.param == "sftp":
        request.getfixturevalue("home")
        root = stores.place(f"sftp://nas/{tmp_path.name}")
    else:
        root = UPath(f"memory://{tmp_path.name}")
    for name, data in files.items():
        if request.param == "sftp":
            stores.make_folder((root / "photos" / name).parent)
        root.fs.pipe_file((root / "photos" / name).path, data)
    return root


def test_a_batch_from_store_to_store(store, capsys, files):
    words = ["batch", str(store / "photos"), "-o", str(store / "out"), "--quality", "30", "--effort", "1", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["failed"]) == (2, 0)
    names = sorted(name.rpartition("/out/")[2] for name in store.fs.find((store / "out").path))
    assert names == ["a.dng.xmp", "a.jpg", "b/c.jpg"]
    out = (store / "out" / "a.jpg").read_bytes()
    assert verify(out).ok and decode(out).width == 128
    assert main([*words, "--resume"]) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == 2
    store.fs.pipe_file((store / "out" / "b" / "c.jpg").path, out[:-200])
    assert main([*words, "--resume"]) == 0  # what was changed there since is made again
    assert json.loads(capsys.readouterr().out)["done"] == 1
    assert main(["verify", str(store / "out"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["files"]) == 2
    assert main(["verify", str(store / "out" / "a.jpg"), "--against", str(store / "photos"), "--json"]) in (0, 5)
    checks = json.loads(capsys.readouterr().out)["files"][0]["checks"]
    assert checks[-1]["name"] == "raw" and checks[-1]["state"] != "skipped"


def test_mistakes(store, capsys):
    for words, code in (
        (["verify", str(store / "nothing.jpg")], 3), (["verify", "strange://a/b.jpg"], 2),
        (["batch", str(store / "nothing"), "-o", str(store / "out")], 3),
        (["batch", str(store / "photos"), "-o", "out", "--delete-raw"], 2),
    ):  # fmt: skip
        assert main(words) == code
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and "Traceback" not in said


def test_what_is_written_is_whole(monkeypatch):
    """A store that shows files as they grow gets them under another name first; one that loses bytes is noticed."""
    from upath import UPath

    path = UPath("memory://whole/a.jpg")
    monkeypatch.setattr(stores, "WHOLE_AT_ONCE", frozenset())
    stores.write_whole(path, b"first")
    seen = []
    pipe = type(path.fs).pipe_file

    def failing(self, name, data, *args, **more):
        seen.append(name)
        pipe(self, name, data[:3], *args, **more)
        raise OSError("the line is cut")

    monkeypatch.setattr(type(path.fs), "pipe_file", failing)
    with pytest.raises(InputError, match="the line is cut"):
        stores.write_whole(path, b"second")
    assert path.read_bytes() == b"first" and seen[0].endswith(".part") and len(path.fs.find("/whole")) == 1
    def losing(self, name, data, *args, **more):
        pipe(self, name, data[:3], *args, **more)

    monkeypatch.setattr(type(path.fs), "pipe_file", losing)
    with pytest.raises(InputError, match="3 bytes are there, not 6"):
        stores.write_whole(path, b"second")


def test_a_host_must_be_the_one_that_is_known(ssh, home, capsys):
    """Nobody in between is believed: a host of an unknown key, or of another one than it had, is not asked anything."""
    import asyncssh
    from rawinlay.codec.archive.sftp import Sftp

    known = (home / "known_hosts").read_text()
    wrong = f"{known.split(' ')[0]} {asyncssh.generate_private_key('ssh-ed25519').export_public_key().decode()}"
    for n, (lines, said) in enumerate((("", "is not known"), (wrong, "is not the one in ~/.ssh/known_hosts"))):
        (home / "known_hosts").write_text(lines)
        Sftp.clear_instance_cache()
        assert main(["verify", f"sftp://nas/none-{n}.jpg"]) == 3
        error = capsys.readouterr().err
        assert said in error and "Traceback" not in error and error.count("\n") == 1


def test_paths_of_a_host_say_so(home):
    """So a journal tells hosts apart, and is read again by another process."""
    pytest.importorskip("paramiko", reason="paramiko reaches sftp://")
    path = stores.place("sftp://nas/photos") / "a.jpg"
    assert str(path) == str(pickle.loads(pickle.dumps(path))) == "sftp://nas/photos/a.jpg"
    assert type(pickle.loads(pickle.dumps(path))) is type(path)
    with pytest.raises(UsageError, match="password"):
        stores.place("sftp://me:secret@nas/photos")
    with pytest.raises(UsageError, match="one host"):
        batching._common([stores.place("memory://a/b"), stores.place("memory://c/b")])


def test_places():
    assert str(stores.place("file:///a/b")) == "/a/b" and stores.is_local(stores.place("a:b.jpg"))
    with pytest.raises(UsageError):
        stores.place("strange://a")
