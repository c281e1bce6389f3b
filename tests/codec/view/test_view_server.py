"""The server lets in whoever has the token and comes from its own page, and shows nothing outside the folder."""

import http.client
import io
import json
import threading
import urllib.parse
from importlib import resources
from pathlib import Path

import carriers
import numpy as np
import photographs
import pytest
from PIL import Image
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.codec.carrier import open_carrier
from rawinlay.codec.source.raw import read_raw
from rawinlay.codec.view.desk import Desk
from rawinlay.codec.view.folder import Folder, Forbidden
from rawinlay.codec.view.server import HOST, Server
from rawinlay.codec.view.tiles import Tiles


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder, and a server of it."""
    home = tmp_path_factory.mktemp("home")
    (home / "photos").mkdir()
    folder = photographs.write(home / "photos")
    (home / "secret.jpg").write_bytes(photographs.files()[photographs.PLAIN])
    (folder / "link.jpg").symlink_to(home / "secret.jpg")
    (folder / "way").symlink_to(home)
    (folder / ".hidden.jpg").write_bytes(b"x")
    (folder / "notes.txt").write_bytes(b"x")
    desk = Desk(Folder(folder))
    server = Server(desk.route)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield Site(server, folder)
    server.shutdown()
    server.server_close()
    desk.close()


class Site:
    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.own = f"http://{HOST}:{server.server_port}"

    def ask(self, path, query=None, headers=None, body=None, token=None, method=None):
        """(status, headers, bytes) of a request as the page makes it, unless said otherwise."""
        connection = http.client.HTTPConnection(HOST, self.server.server_port, timeout=60)
        address = f"/{self.server.token if token is None else token}/{path}"
        if query:
            address += "?" + urllib.parse.urlencode(query)
        sent = {"Sec-Fetch-Site": "same-origin"}
        if body is not None:
            sent |= {"Origin": self.own, "Content-Type": "application/json"}
            body = json.dumps(body)
        connection.request(method or ("GET" if body is None else "POST"), address, body, sent | (headers or {}))
        answer = connection.getresponse()
        found = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return found

    def json(self, path, query=None, **more):
        status, _, body = self.ask(path, query, **more)
        return status, json.loads(body)


def nothing(answer):
    """403 and nothing else."""
    status, headers, body = answer
    return status == 403 and body == b"" and set(headers) <= {"Server", "Date", "Content-Length", "Connection"}


def test_the_page_comes_with_a_policy(site):
    status, headers, body = site.ask("")
    assert status == 200 and b"<title>rawinlay</title>" in body
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert headers["Referrer-Policy"] == "no-referrer" and "Access-Control-Allow-Origin" not in headers
    assert site.ask("main.js")[0] == site.ask("style.css")[0] == 200


def test_nothing_of_the_page_is_fetched_from_elsewhere():
    for file in (resources.files("rawinlay.codec.view") / "page").iterdir():
        text = file.read_text()
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text, file.name


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "127.0.0.1"}, {"Origin": "http://evil.example"}, {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://127.0.0.1"},
])  # fmt: skip
def test_other_pages_get_nothing(site, headers):
    assert nothing(site.ask("api/files", headers=headers))


@pytest.mark.parametrize("token", ["", "x", "é", "../x"])
def test_a_wrong_token_gets_nothing(site, token):
    assert nothing(site.ask("api/files", token=urllib.parse.quote(token)))
    assert nothing(site.ask("", token=site.server.token[:-1]))


def test_a_deed_needs_the_pages_origin_and_json(site):
    body = {"act": "strip", "name": photographs.TRIMMABLE}
    assert nothing(site.ask("api/do", body=body, headers={"Origin": "http://evil.example"}))
    assert nothing(site.ask("api/do", body=body, headers={"Content-Type": "text/plain"}))
    assert nothing(site.ask("api/do", headers={"Content-Length": "3"}, method="POST"))
    assert not (site.folder / "IMG_1-raw.stripped.jpg").exists()


@pytest.mark.parametrize("name", [
    "../secret.jpg", "way/secret.jpg", "link.jpg", "/etc/passwd", "..", "a/../../secret.jpg", ".hidden.jpg",
    "notes.txt", "", "..\\secret.jpg", "photos\0.jpg", "./IMG_3.jpg", "//IMG_3.jpg",
])  # fmt: skip
def test_names_outside_get_nothing(site, name):
    for path, more in (("thumb", {"size": 160}), ("picture", {}), ("preset", {})):
        assert nothing(site.ask(f"api/{path}", {"name": name, **more})), path
    assert nothing(site.ask("api/do", body={"act": "strip", "name": name}))
    with pytest.raises(Forbidden):
        Folder(site.folder).read(name)


@pytest.mark.parametrize("output", ["../out.jpg", "way/out.jpg", ".out.jpg", "sub/out.jpg", "a\0.jpg"])
def test_nothing_is_written_outside(site, output):
    assert nothing(site.ask("api/do", body={"act": "strip", "name": photographs.TRIMMABLE, "output": output}))


def test_an_asset_is_of_the_page(site):
    for name in ("../server.py", "..%2fserver.py", "server.py", "%2e%2e/desk.py", "api/nothing"):
        assert site.ask(name)[0] == 404


def test_the_folder_and_its_marks(site):
    status, found = site.json("api/files")
    names = [row[0] for row in found["files"]]
    assert status == 200 and names == sorted(photographs.files(), key=str.casefold)
    marks: dict = {}
    for _ in range(500):
        told = site.json("api/marks", {"from": len(marks)})[1]
        marks |= dict(told["marks"])
        if told["all"]:
            break
    assert marks[photographs.TRIMMABLE]["raw"] == "intact" and marks[photographs.TRIMMABLE]["lossless"]
    assert marks[photographs.TURNED]["raw"] == "intact" and not marks[photographs.TURNED]["lossless"]
    assert marks[photographs.PLAIN] == {"raw": "none"} and marks[photographs.DAMAGED]["raw"] == "damaged"


def test_thumbnails_are_upright(site):
    for name, portrait in ((photographs.TURNED, True), (photographs.TRIMMABLE, False), (photographs.RAW, False)):
        status, headers, body = site.ask("api/thumb", {"name": name, "size": 160})
        width, height = Image.open(io.BytesIO(body)).size
        assert status == 200 and headers["Content-Type"] == "image/jpeg" and (height > width) == portrait


def view(site, name, side, box, step, **more):
    query = {"name": name, "side": side, **dict(zip("xywh", box, strict=True)), "step": step, **more}
    status, headers, body = site.ask("api/view", query)
    assert status == 200, body
    cols, rows = map(int, headers["X-Size"].split())
    kind = np.float16 if headers["X-Pixels"] == "half" else np.uint8
    return np.frombuffer(body, kind).reshape(rows, cols, 3), tuple(map(int, headers["X-Box"].split())), headers


@pytest.mark.parametrize("name", [photographs.TRIMMABLE, photographs.TURNED, photographs.RAW])
def test_a_part_is_the_same_part_of_the_whole(site, name):
    facts = site.json("api/picture", {"name": name})[1]
    whole, box, _ = view(site, name, "raw", (0, 0, facts["width"], facts["height"]), 1)
    part, at, _ = view(site, name, "raw", (10, 20, 30, 24), 1)
    top, left = at[1] - box[1], at[0] - box[0]
    assert at[0] <= 10 and at[1] <= 20 and at[0] + at[2] >= 40 and at[1] + at[3] >= 44
    assert np.array_equal(part, whole[top : top + at[3], left : left + at[2]])
    shown = view(site, name, "jpeg", (0, 0, facts["width"], facts["height"]), 1)[0]
    # the JPEG lies where the RAW does: both get brighter at the same places
    light, grey = np.abs(whole.astype(float)).mean(-1), shown.mean(-1)
    assert np.corrcoef(light.ravel(), grey.ravel())[0, 1] > 0.9


def test_the_original_beside(site):
    name = photographs.TRIMMABLE
    assert site.json("api/picture", {"name": name})[1]["originals"] == [photographs.RAW]
    box = dict(zip("xywh", (8, 8, 64, 48), strict=True))
    told = site.json("api/measure", {"name": name, **box})[1]
    assert told["same"] and told["psnr"] is None and told["largest"] == 0
    assert not view(site, name, "error", (0, 0, 100, 80), 2)[0].any()
    size = site.json("api/picture", {"name": name})[1]["least"] + 1500
    less, _, headers = view(site, name, "trimmed", (0, 0, 100, 80), 1, bytes=size)
    assert int(headers["X-Bytes"]) <= size and headers["X-Lossless"] == "0"
    told = site.json("api/measure", {"name": name, **box, "bytes": size})[1]
    assert not told["same"] and 25 < told["psnr"] < 80 and told["largest"] > 0
    full = view(site, name, "original", (0, 0, 100, 80), 1)[0]
    assert 0 < np.abs(less.astype(float) - full).mean() < 0.05


def test_the_value_under_the_pointer(site):
    raw = read_raw(site.folder / photographs.RAW)
    x, y, dn, colour = site.json("api/value", {"name": photographs.TRIMMABLE, "x": 31, "y": 17})[1]["value"]
    assert dn == raw.mosaic[y, x] and colour == raw.cfa[y % 2 * 2 + x % 2]
    assert site.json("api/value", {"name": photographs.TRIMMABLE, "x": 5000, "y": 17})[1]["value"] is None


def test_what_is_wrong_is_a_sentence(site):
    told = site.json("api/picture", {"name": photographs.DAMAGED})[1]
    assert told["damage"] and not told["hasRaw"] and told["hasJpeg"]
    status, told = site.json("api/picture", {"name": "gone.jpg"})
    assert status == 422 and told["said"] == "gone.jpg is no longer there"
    for query in ({"step": 3}, {"step": 0}, {"step": 1, "w": 0}, {"step": 1, "x": "a"}, {"step": 1, "side": "x"},
                  {"step": 1, "x": 1 << 40}):  # fmt: skip
        given = {"name": photographs.TURNED, "side": "raw", "x": 0, "y": 0, "w": 9, "h": 9, **query}
        status, told = site.json("api/view", given)
        assert status == 422 and told["said"], query


def test_tiles_are_decoded_where_one_looks():
    sample = carriers.sample(16, (128, 160))
    tiles = Tiles(open_carrier(Jpeg(sample.jpeg)))
    for top, left, bottom, right in ((40, 50, 80, 90), (30, 10, 100, 120)):
        tiles.need(top, left, bottom, right)
        assert 0 < tiles.done < 1
        assert np.array_equal(tiles.mosaic[top:bottom, left:right], sample.mosaic[top:bottom, left:right])
    tiles.fill()
    assert tiles.done == 1 and np.array_equal(tiles.mosaic, sample.mosaic)


def test_a_second_look_behind_the_loop_is_had_in_parts_too():
    data = (Path(__file__).parents[2] / "format" / "golden" / "post.jpg").read_bytes()
    carrier = open_carrier(Jpeg(data))
    assert carrier.stream.post
    tiles = Tiles(carrier)
    height, width = tiles.mosaic.shape
    for left in range(0, width, 24):
        tiles.need(0, left, height // 2, left + 24)
    tiles.fill()
    assert np.array_equal(tiles.mosaic, carrier.stream.decode(carrier.planes))


def test_the_page_comes_with_the_first_picture(site):
    """Its small picture is in the page itself, whatever its name; for a folder there is none."""
    status, _, body = site.ask("")
    assert status == 200 and b'id="early"' not in body
    desk = Desk(site.server.route.__self__.folder, 'a "<b>&c.jpg')
    page = desk.index().body.decode()
    desk.close()
    assert 'data-name="a &quot;&lt;b&gt;&amp;c.jpg"' in page
    assert 'src="api/thumb?name=a+%22%3Cb%3E%26c.jpg&amp;size=1600"' in page
    assert "<b>" not in page
