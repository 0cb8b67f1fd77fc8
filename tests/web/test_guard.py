"""Only the browser that got the link may look, and only pages of the server itself may change anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rollout.testing import builders as b
from rollout.web.guard import POLICY
from web.site import HOST, OWN, Site, address, put

if TYPE_CHECKING:
    from pathlib import Path

ADDRESSES = ["/", "/search?q=x", "/static/app.js", "/thread/x", "/thread/x/live", "/thread/x/image/0/0", "/nowhere"]


@pytest.mark.parametrize("asked", ADDRESSES)
def test_without_a_session_nothing_is_told(tmp_path: Path, asked: str) -> None:
    """Whoever has not shown the token gets the same refusal everywhere."""
    answer = Site(tmp_path).browser.get(asked)

    assert answer.status_code == 401
    assert "rollout serve printed" in answer.text


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_have(tmp_path: Path) -> None:
    """The exchange takes the token out of the address and sets an HttpOnly, SameSite=Strict cookie."""
    site = Site(tmp_path)
    answer = site.browser.get("/search", params={"q": "a b", "token": site.keys.token})
    cookie = answer.headers["set-cookie"].lower()

    assert (answer.status_code, answer.headers["location"]) == (303, "/search?q=a+b")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert site.browser.get("/").status_code == 200


def test_a_link_works_once_and_the_next_one_is_told(tmp_path: Path) -> None:
    """Whoever finds the link later cannot use it; the person gets a new one."""
    site = Site(tmp_path)
    first = site.keys.token
    site.enter()
    late = site.new_browser().get("/", params={"token": first})
    other = site.new_browser().get("/", params={"token": site.links[-1]})

    assert (late.status_code, other.status_code) == (401, 303)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:9", "", "127.0.0.1:8000.evil.example"])
def test_another_name_is_refused(tmp_path: Path, host: str) -> None:
    """A name that was made to point here (DNS rebinding) gets nothing, not even with a session."""
    site = Site(tmp_path).enter()

    assert site.browser.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", [HOST, "localhost:8000"])
def test_our_own_names_are_fine(tmp_path: Path, host: str) -> None:
    """Both loopback names of the port are ours."""
    assert Site(tmp_path).enter().browser.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9", "http://localhost"])
def test_another_origin_is_refused(tmp_path: Path, origin: str) -> None:
    """Neither reading nor changing is answered when another site asks."""
    site = Site(tmp_path, allow_changes=True).enter()
    sent = {"headers": {"origin": origin}}

    assert site.browser.get("/", **sent).status_code == 403
    assert site.browser.post(address(1) + "/archive", **sent).status_code == 403


def test_a_form_of_ours_may_come_without_its_origin(tmp_path: Path) -> None:
    """Browsers hide the origin of a form where referrers are off; that they call it same-origin is enough."""
    site = Site(tmp_path, allow_changes=True).enter()
    sent = {"origin": "null", "sec-fetch-site": "same-origin"}
    foreign = {"origin": "null", "sec-fetch-site": "cross-site"}

    assert "another session" in site.browser.post(address(1) + "/archive", headers=sent).text
    assert "Another site" in site.browser.post(address(1) + "/archive", headers=foreign).text


def test_a_request_that_another_site_started_is_refused(tmp_path: Path) -> None:
    """Browsers tell where a request comes from; another site may bring the token and nothing else."""
    site = Site(tmp_path)
    foreign = {"sec-fetch-site": "cross-site"}
    entry = site.browser.get("/", params={"token": site.keys.token}, headers=foreign)

    assert entry.status_code == 303
    assert site.browser.get("/", headers=foreign).status_code == 403


def test_every_answer_forbids_what_a_thread_could_want(tmp_path: Path) -> None:
    """Policy, nosniff, no referrer, no frames, and nothing kept, on pages and on refusals."""
    site = Site(tmp_path)
    refused = site.browser.get("/")
    answers = [refused, site.enter().browser.get("/"), site.browser.get("/nowhere"), site.browser.get("/static/app.js")]
    found = {(a.headers["content-security-policy"], a.headers["x-content-type-options"], a.headers["referrer-policy"]) for a in answers}

    assert {(POLICY, "nosniff", "no-referrer")} == found
    assert "unsafe" not in POLICY
    assert "no-store" in answers[1].headers["cache-control"]


def test_changes_need_the_origin_the_stamp_and_the_permission(tmp_path: Path) -> None:
    """Without --allow-changes, without our origin or with another session's stamp, nothing is changed."""
    path = put(tmp_path, 1, *b.turn("a", "b"))
    closed = Site(tmp_path).enter()
    site = Site(tmp_path, allow_changes=True).enter()

    assert closed.post(address(1) + "/archive", stamp="x").status_code == 403
    assert site.browser.post(address(1) + "/archive", data={"stamp": "x"}).status_code == 403
    assert site.post(address(1) + "/archive", stamp="x").status_code == 403
    assert site.browser.get(address(1) + "/archive").status_code == 405
    assert path.exists()


def test_many_sessions_push_out_the_oldest(tmp_path: Path) -> None:
    """Sessions are bounded; a browser that was pushed out enters again with a new link."""
    site = Site(tmp_path).enter()
    for _ in range(64):
        site.keys.exchange(site.keys.token)

    assert site.browser.get("/").status_code == 401
    assert OWN.startswith("http://127.0.0.1")
