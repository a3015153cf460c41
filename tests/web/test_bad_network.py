"""A hundred reports of a day without a network, over a line that breaks, to a server that is killed meanwhile."""

import signal
from contextlib import closing

from tests.builders.cutting_proxy import cutting_proxy
from tests.builders.phone import ENQUEUE, Phone, queued_reports
from tests.builders.process import Process

MEMORY_MIB = 60


def all_hazards(server):
    with closing(server.client("officer")) as officer:
        return officer.get("/hazards", params={"limit": 500}).json()["items"]


def test_a_hundred_reports_arrive_once_over_a_line_that_is_cut_every_five_seconds(chromium, tmp_path):
    server = Process(tmp_path / "data").start()
    items, pictures = queued_reports(100, 3)
    with cutting_proxy(server.port, every=5, rate=400_000) as network, chromium.context() as context:
        phone = Phone(context, network.address).open()
        phone.page.evaluate(ENQUEUE, {"items": items, "pictures": pictures})
        phone.page.reload()
        phone.sign_in("inspector").go("outbox")
        phone.wait_for(lambda: sum(each["accepted"] for each in phone.queue()) > 30, lambda: "nothing is sent")
        server.stop(signal.SIGKILL)
        server.start()
        memory = phone.page.evaluate("performance.memory.usedJSHeapSize") / 2**20
        phone.wait_until_sent(100)
        assert phone.page.evaluate("document.querySelectorAll('.row').length") == 100
        assert not phone.errors
    kept = all_hazards(server)
    server.stop()
    assert sorted(each["id"] for each in kept) == sorted(each["id"] for each in items)
    assert all(len(each["photos"]) == 3 and not each["missing_photos"] for each in kept)
    assert memory < MEMORY_MIB
    assert network.cuts >= 2


def test_two_tabs_send_one_queue_once(chromium, server):
    items, pictures = queued_reports(20, 1)
    posted = []
    with chromium.context() as context:
        context.on("request", lambda each: posted.append(each.post_data) if each.url.endswith("/hazards") else None)
        first, second = (Phone(context, server.address).open() for _ in range(2))
        first.page.evaluate(ENQUEUE, {"items": items, "pictures": pictures})
        for each in (first, second):
            each.sign_in("inspector")
        second.go("outbox")
        first.wait_until_sent(20)
        second.page.wait_for_function("document.querySelectorAll('.row .good').length === 20")
    reports = [each for each in posted if each]
    assert len(reports) == 20
    assert {each["id"] for each in all_hazards(server)} == {each["id"] for each in items}


def test_a_picture_that_was_cut_off_goes_on_in_pieces(chromium, tmp_path):
    """Two megabytes at 200 kB a second never arrive whole between two cuts."""
    server = Process(tmp_path / "data").start()
    (item,), _ = queued_reports(1, 1)
    with cutting_proxy(server.port, every=4, rate=200_000) as network, chromium.context() as context:
        phone = Phone(context, network.address).open()
        digest = phone.page.evaluate(LARGE, {"item": item})
        phone.page.reload()
        phone.sign_in("inspector").wait_until_sent(1)
        assert not phone.errors
    (kept,) = all_hazards(server)
    server.stop()
    assert [each["sha256"] for each in kept["photos"]] == [digest]
    assert kept["missing_photos"] == []
    assert network.cuts >= 2


LARGE = """async ({ item }) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1100;
  const context = canvas.getContext("2d");
  const noise = context.createImageData(1100, 1100);
  for (let at = 0; at < noise.data.length; at += 65536) crypto.getRandomValues(noise.data.subarray(at, at + 65536));
  for (let at = 3; at < noise.data.length; at += 4) noise.data[at] = 255;
  context.putImageData(noise, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  const sha256 = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  Object.assign(item.photos[0], { sha256, bytes: blob.size });
  item.body.photos[0].sha256 = sha256;
  const database = await new Promise((resolve) => {
    const opening = indexedDB.open("anxun");
    opening.onsuccess = () => resolve(opening.result);
  });
  const change = database.transaction(["items", "blobs"], "readwrite");
  change.objectStore("items").put(item);
  change.objectStore("blobs").put({ key: item.photos[0].key, blob });
  await new Promise((resolve) => { change.oncomplete = resolve; });
  database.close();
  return sha256;
}"""
"""Queues a report with a picture of noise, which no JPEG makes small."""
