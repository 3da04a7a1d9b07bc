"""A peer that keeps to no rule, against a live server: refused in words, and nobody else notices."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import numpy as np
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_server import ToyServer, check_history

import restyle
from restyle import codec
from restyle.version import PROTOCOL_MAJOR
from restyle_server.control import MAX_WAITERS

SHA = hashlib.sha256(b"nobody has this").hexdigest()
Ask = Callable[..., dict[str, Any]]


class Raw:
    """A DEALER without manners."""

    def __init__(self, endpoint: str) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.connect(endpoint)

    def send(self, *frames: bytes) -> None:
        self.socket.send_multipart(frames)

    def receive(self, seconds: float = 10.0) -> dict[str, Any]:
        assert self.socket.poll(int(seconds * 1000)), "no answer"
        return codec.decode(self.socket.recv_multipart())[0]

    def ask(self, *arrays: np.ndarray, **header: Any) -> dict[str, Any]:
        """Send a well-formed request and return the reply to it, whatever came before."""
        number = random.getrandbits(40)
        self.send(*codec.encode({"id": number} | header, arrays))
        while (reply := self.receive()).get("re") != number:
            pass
        return reply

    def refused(self, *arrays: np.ndarray, **header: Any) -> tuple[str, str]:
        error = self.ask(*arrays, **header)["error"]
        return error["code"], error["message"]

    def close(self) -> None:
        self.context.destroy(linger=0)


@pytest.fixture
def control(client: restyle.Client) -> Iterator[Raw]:
    raw = Raw(client.server.endpoint)
    yield raw
    raw.close()


@pytest.fixture
def data(client: restyle.Client) -> Iterator[Raw]:
    raw = Raw(client.server.data_endpoint)
    yield raw
    raw.close()


@pytest.fixture(autouse=True)
def server_unharmed(shared_server: ToyServer) -> Iterator[None]:
    yield
    with shared_server.connect() as client:
        assert client.submit("toy").result().report["value"] == 1.75


# Headers


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"\xc1"],
        [b"GET / HTTP/1.1\r\n\r\n"],
        [msgpack.packb([1, 2])],
        [msgpack.packb({1: 2})],
        [msgpack.packb({"v": 1, "id": 1, "op": "hello"}) + b"x"],
        [msgpack.packb({"v": 1, "op": "hello"})],
        [msgpack.packb({"v": 1, "id": "one", "op": "hello"})],
        [msgpack.packb({"v": 1, "id": True, "op": "hello"})],
        [msgpack.packb({"v": 1, "id": 1, "op": {"a": 1}})],
        [msgpack.packb({"v": 1, "id": 1, "op": "hello", "when": msgpack.Timestamp(1)})],
        [msgpack.packb({"v": 1, "id": 1, "op": "hello", "x": msgpack.ExtType(3, b"y")})],
        [msgpack.packb({"v": 1, "id": 1, "op": "hello", "pad": "x" * codec.MAX_HEADER_BYTES})],
        [b"\xdd\xff\xff\xff\xff"],
        [b"\x91" * 60_000],
        [b"\xdc\xff\xff" + b"\x90" * 60_000],
        [msgpack.packb({"v": 1, "id": 1, "op": "hello"}), b"an array that nobody described"],
        [msgpack.packb({"v": 1, "id": 1, "op": "hello", "arrays": [{"dtype": "object", "shape": [1]}]}), b"12345678"],
        [msgpack.packb({"v": 1, "id": 1, "op": "hello", "arrays": [{"dtype": "uint8", "shape": [2]}]}), b"1"],
        [msgpack.packb({"v": 1, "id": 1, "op": "hello", "arrays": [{"dtype": "uint8", "shape": [-1]}]}), b"1"],
        [msgpack.packb({"v": 1, "id": 1, "op": "hello", "arrays": [{"dtype": "uint8", "shape": [2**62, 4]}]}), b""],
        [b""] * 17,
        [b""] * 5000,
    ],
    ids=range(23),
)
def test_a_malformed_message_gets_an_error(control, data, frames):
    for raw in (control, data):
        raw.send(*frames)
        reply = raw.receive()
        assert reply["error"]["code"] in ("protocol", "bad_input")
        assert reply["error"]["message"]


@pytest.mark.parametrize("version", [0, 2, "1", None, [1]])
def test_another_major_version_is_named_with_ours(control, version):
    control.send(msgpack.packb({"v": version, "id": 1, "op": "hello"}))
    error = control.receive()["error"]
    assert error["code"] == "version_mismatch"
    assert f"protocol {PROTOCOL_MAJOR}.0" in error["message"]
    assert str(version) in error["message"]


def test_the_client_refuses_a_server_of_another_major_version():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as server:
        server.linger = 0
        port = server.bind_to_random_port("tcp://127.0.0.1")

        def answer() -> None:
            identity, header = server.recv_multipart()
            server.send_multipart(
                [identity, msgpack.packb({"v": 7, "re": msgpack.unpackb(header)["id"], "server": {}})]
            )

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(restyle.VersionMismatchError, match=r"protocol 1, the server at .* speaks 7"):
            restyle.connect(f"tcp://127.0.0.1:{port}")
        thread.join()


def test_a_frame_over_the_limit_ends_the_connection_only(data, client):
    data.send(*codec.encode({"id": 1, "op": "submit"}), bytes(9 * 1024 * 1024))
    assert not data.socket.poll(300)
    assert data.ask(op="nothing")["error"]["code"] == "protocol"


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(frames=st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_random_frames_always_get_an_answer(control, frames):
    control.send(*frames)
    assert "error" in control.receive()


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
OPS = ["hello", "status", "events", "result", "cancel", "forget", "jobs", "submit", "put_blob", "fetch", "log"]
RIGHT = {
    "job": "fuzzed-job",
    "name": "toy",
    "parameters": {"steps": 1},
    "inputs": {},
    "hash": SHA,
    "size": 10,
    "offset": 0,
    "since": 1,
    "after": 0,
}


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    op=st.sampled_from(OPS),
    fields=st.fixed_dictionaries({}, optional={name: st.just(value) | PLAIN for name, value in RIGHT.items()}),
    wait=st.sampled_from([0, 0.0, -1, float("nan"), None, "long", [], True]),
)
def test_requests_with_wrong_fields_are_answered_and_never_break_the_server(
    control, data, shared_server, op, fields, wait
):
    for raw in (control, data):
        raw.send(msgpack.packb({"v": 1, "id": 1, "op": op, "wait": wait} | fields))
        assert raw.receive()["re"] in (1, None)
    assert "a request broke" not in shared_server.log()


# Blobs and submits


def mesh_claim(vertices: int, faces: int = 1, **changes: Any) -> dict[str, Any]:
    arrays = {
        "vertices": {"hash": SHA, "dtype": "float32", "shape": [vertices, 3]},
        "faces": {"hash": SHA, "dtype": "int32", "shape": [faces, 3]},
    }
    return {"kind": "mesh", "meta": {"up": "y"}, "arrays": arrays} | changes


def submit(raw: Raw, mesh: object, **parameters: object) -> tuple[str, str]:
    return raw.refused(op="submit", job="from-nobody", name="toy", parameters=parameters, inputs={"mesh": mesh})


def test_two_billion_vertices_are_refused_before_anything_is_allocated(data):
    code, message = submit(data, mesh_claim(2_000_000_000))
    assert code == "bad_input"
    assert "2000000000" in message
    assert "24,000,000,000" in message
    size = 2**40
    assert data.refused(np.zeros(1, np.uint8), op="put_blob", hash=SHA, size=size, offset=0)[0] == "bad_input"


@pytest.mark.parametrize(
    "mesh",
    [
        None,
        [],
        {"kind": "mesh"},
        mesh_claim(3, kind="image"),
        mesh_claim(3, arrays=[]),
        mesh_claim(3, arrays={"vertices": None}),
        mesh_claim(3, arrays={"vertices": {"hash": "../../etc/passwd", "dtype": "uint8", "shape": [1]}}),
        mesh_claim(3, arrays={"vertices": {"hash": SHA.upper(), "dtype": "uint8", "shape": [1]}}),
        mesh_claim(3, arrays={"vertices": {"hash": SHA, "dtype": "O", "shape": [1]}}),
        mesh_claim(3, arrays={"vertices": {"hash": SHA, "dtype": "float32", "shape": [1.5]}}),
        mesh_claim(3, arrays={"vertices": {"hash": SHA, "dtype": "float32", "shape": [1] * 9}}),
        mesh_claim(3, arrays={str(number): {"hash": SHA, "dtype": "uint8", "shape": [1]} for number in range(200)}),
    ],
)
def test_a_badly_described_input_is_refused(data, mesh):
    code, _ = submit(data, mesh)
    assert code in ("protocol", "bad_input")


def test_unknown_jobs_names_parameters_inputs_and_ids_are_refused_by_name(data):
    def refused(**changes: object) -> str:
        request = {"op": "submit", "job": "from-nobody", "name": "toy", "parameters": {}, "inputs": {}} | changes
        code, message = data.refused(**request)
        assert code in ("bad_usage", "bad_input")
        return message

    assert "no job 'dance'" in refused(name="dance")
    assert "no parameter 'depth'" in refused(parameters={"depth": 1})
    assert "outside its range" in refused(parameters={"steps": -1})
    assert "no input 'hat'" in refused(inputs={"hat": {}})
    assert "is empty" in refused(inputs={"prompt": {"kind": "text", "meta": {"text": " "}, "arrays": {}}})
    for job_id in ("", "short", "../../../etc", "a" * 65, "UPPER-CASE", "nul\0inside", "con     "):
        assert "job id" in refused(job=job_id)


def test_a_blob_that_lies_about_its_hash_is_thrown_away(data):
    content = np.frombuffer(b"this is not what it says", np.uint8)
    assert data.ask(content, op="put_blob", hash=SHA, size=content.size, offset=0)["have"] == 0
    assert data.refused(op="fetch", hash=SHA, offset=0, size=10) == (
        "blob_missing",
        f"The array {SHA[:12]} is not, or no longer, on the server. Submit the job again.",
    )


def test_an_upload_goes_on_where_it_was_left(data, client):
    content = np.random.default_rng(5).integers(0, 256, 3_000_000, np.uint8)
    digest = hashlib.sha256(content.data).hexdigest()
    put = {"op": "put_blob", "hash": digest, "size": content.size}
    assert data.ask(content[:1_000_000], **put, offset=0)["have"] == 1_000_000
    assert data.ask(content[2_000_000:], **put, offset=2_000_000)["have"] == 1_000_000  # a gap is not taken
    other = Raw(client.server.data_endpoint)
    shape = {"dtype": "uint8", "shape": [content.size // 3, 3]}
    claim = mesh_claim(3, arrays={"vertices": shape | {"hash": digest}})
    request = {"op": "submit", "job": "left-alone", "name": "toy", "parameters": {}, "inputs": {"mesh": claim}}
    assert other.ask(**request)["need"] == [{"hash": digest, "have": 1_000_000}]
    assert other.ask(content[500_000:1_500_000], **put, offset=500_000)["have"] == 1_500_000
    assert other.ask(content[1_500_000:], **put, offset=1_500_000)["have"] == content.size
    assert other.ask(content[:10], **put, offset=0)["have"] == content.size
    assert other.ask(**request)["accepted"] is True
    other.close()
    with pytest.raises(restyle.BadInputError, match="without its array 'faces'"):
        client.job("left-alone").result()


def test_a_blob_of_another_size_than_claimed_is_refused(data):
    content = np.arange(9, dtype=np.float32)
    digest = hashlib.sha256(content.data).hexdigest()
    chunk = content.view(np.uint8)
    assert data.ask(chunk, op="put_blob", hash=digest, size=chunk.size, offset=0)["have"] == chunk.size
    claim = mesh_claim(3, arrays={"vertices": {"hash": digest, "dtype": "float32", "shape": [4, 3]}})
    code, message = submit(data, claim)
    assert code == "bad_input"
    assert "36 bytes" in message
    assert "48" in message


def test_a_long_description_is_refused_before_a_worker_chokes_on_it(data):
    prompt = {"kind": "text", "meta": {"text": "bark", "more": "x" * 40_000}, "arrays": {}}
    request = {"op": "submit", "job": "from-nobody", "name": "toy", "parameters": {}, "inputs": {"prompt": prompt}}
    code, message = data.refused(**request)
    assert code == "protocol"
    assert "32,768" in message


def test_pieces_outside_a_blob(data):
    content = np.arange(9, dtype=np.uint8)
    digest = hashlib.sha256(content.data).hexdigest()
    for offset, size in ((-1, 9), (5, 9), (0, 8), (2**60, 9)):
        assert data.refused(content, op="put_blob", hash=digest, size=size, offset=offset)[0] == "protocol"
    assert data.ask(content, op="put_blob", hash=digest, size=9, offset=0)["have"] == 9
    for offset, size in ((-1, 9), (0, 0), (0, 2**30)):
        assert data.refused(op="fetch", hash=digest, offset=offset, size=size)[0] == "protocol"
    assert "error" not in data.ask(op="fetch", hash=digest, offset=2**40, size=9)


def test_unknown_job_is_its_own_answer(control, data):
    for op in ("status", "events", "result", "cancel", "forget"):
        assert control.refused(op=op, job="never-heard-of-it")[0] == "unknown_job"
    assert data.refused(op="log", job="never-heard-of-it")[0] == "unknown_job"


# Peers that behave badly as a whole


def test_clients_that_vanish_leave_nothing_behind(client, shared_server):
    job = client.submit("toy", steps=60, pause=0.02)
    for _ in range(30):
        raw = Raw(client.server.endpoint)
        raw.send(*codec.encode({"id": 1, "op": "events", "job": job.id, "since": 1000, "wait": 30}))
        raw.close()
        other = Raw(client.server.data_endpoint)
        other.send(*codec.encode({"id": 1, "op": "put_blob"}), b"")
        other.close()
    check_history(list(job.events()))


def test_those_who_wait_are_limited_and_who_comes_later_is_answered_at_once(client, control):
    job = client.submit("toy")
    job.result()
    last = MAX_WAITERS + 5
    for number in range(1, last + 1):
        control.send(*codec.encode({"id": number, "op": "events", "job": job.id, "since": 1000, "wait": 10.0}))
    answered = [control.receive()["re"] for _ in range(5)]
    while answered[-1] != last:
        answered.append(control.receive()["re"])
    assert answered == list(range(answered[0], last + 1))
    assert answered[0] > MAX_WAITERS - 100, "few, if those of other clients are still counted"


def test_a_reader_that_never_reads_holds_up_nobody(client, data):
    content = np.zeros(1024 * 1024, np.uint8)
    digest = hashlib.sha256(content.data).hexdigest()
    data.ask(content, op="put_blob", hash=digest, size=content.size, offset=0)
    for number in range(300):
        data.send(*codec.encode({"id": number, "op": "fetch", "hash": digest, "offset": 0, "size": content.size}))
    assert client.submit("toy").result().report["value"] == 1.75


def test_connections_that_are_not_zeromq(client, shared_server):
    port = int(client.server.endpoint.rpartition(":")[2])
    for content in (b"", b"GET / HTTP/1.1\r\n\r\n", bytes(1000), b"\xff" * 1000):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(content)
    assert client.jobs() is not None
