"""A home that real Codex fills: one thread for each thing that a thread can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interop.threads import FOREIGN, PIXEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from interop.lab import Lab, Server

Json = dict[str, Any]
PATCH = "*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch"
CHANGE = "*** Begin Patch\n*** Update File: new.txt\n@@\n-hello\n+goodbye\n*** End Patch"


def fill(lab: Lab, version: str) -> dict[str, str]:
    """Threads made by a version, by what they hold; the ids."""
    made: dict[str, str] = {}
    with lab.codex(version) as codex:
        for name, act in ACTS.items():
            made[name] = act(lab, codex)
        if version == "0.100.0":
            made["rolled back"] = rolled_back(lab, codex)
        made["fork"] = forked(codex, made["three turns"])
        codex.driver.request("thread/archive", {"threadId": made["archived"]})
        codex.driver.request("thread/name/set", {"threadId": made["three turns"], "name": "the long one"})
    return made


def talk(*texts: str) -> Callable[[Lab, Server], str]:
    """A thread of plain questions and answers."""

    def act(lab: Lab, codex: Server) -> str:
        return codex.start(lab.project, *texts)

    return act


def scripted(question: str, *turns: list[Json]) -> Callable[[Lab, Server], str]:
    """A thread of one question, which the model answers as the script says."""

    def act(lab: Lab, codex: Server) -> str:
        lab.model.script(list(turns))
        return codex.start(lab.project, question)

    return act


def ended(told: Json) -> bool:
    """Whether a notification tells the end of a turn."""
    return bool(told["method"] == "turn/completed")


def runs(told: Json) -> bool:
    """Whether a notification tells that a command has begun."""
    return bool(told["method"] == "item/started" and told["params"]["item"]["type"] == "commandExecution")


def with_image(lab: Lab, codex: Server) -> str:
    """Text and an image, and an image alone."""
    thread_id: str = codex.driver.request("thread/start", {"cwd": str(lab.project)})["thread"]["id"]
    for parts in ([{"type": "text", "text": "what is this?"}, {"type": "image", "url": PIXEL}], [{"type": "image", "url": PIXEL}]):
        queue = codex.driver.subscribe()
        codex.driver.request("turn/start", {"threadId": thread_id, "input": parts})
        codex.driver.wait(queue, ended, 30)
    return thread_id


def compacted(lab: Lab, codex: Server) -> str:
    """The context is replaced by a summary, and the talk goes on."""
    return compact(lab, codex, codex.start(lab.project, "before"))


def interrupted(lab: Lab, codex: Server) -> str:
    """A turn that somebody stops while a command runs, and one more."""
    thread_id: str = codex.driver.request("thread/start", {"cwd": str(lab.project)})["thread"]["id"]
    return interrupt(lab, codex, thread_id)


def failed(lab: Lab, codex: Server) -> str:
    """A turn in which the model refuses to answer."""
    thread_id: str = codex.driver.request("thread/start", {"cwd": str(lab.project)})["thread"]["id"]
    return fail(lab, codex, thread_id)


def rolled_back(lab: Lab, codex: Server) -> str:
    """Two of three turns are dropped, and one is added."""
    return roll_back(lab, codex, codex.start(lab.project, "keep", "drop", "drop too"))


def reverted(lab: Lab, codex: Server) -> str:
    """The last of two turns is dropped, and one is added in a file of its own."""
    return revert(lab, codex, codex.start(lab.project, "keep", "drop"))


def forked(codex: Server, source: str) -> str:
    """A fork with a turn of its own."""
    thread_id: str = codex.driver.request("thread/fork", {"threadId": source})["thread"]["id"]
    codex.turn(thread_id, "in the fork")
    return thread_id


# -- what is done to a loaded thread; the id of the thread in which it shows ------------------------------------------


def compact(_: Lab, server: Server, thread_id: str) -> str:
    """Replace the context by a summary, and go on."""
    queue = server.driver.subscribe()
    server.driver.request("thread/compact/start", {"threadId": thread_id})
    server.driver.wait(queue, ended, 30)
    server.turn(thread_id, "behind")
    return thread_id


def roll_back(_: Lab, server: Server, thread_id: str) -> str:
    """Drop two turns, and add one."""
    server.driver.request("thread/rollback", {"threadId": thread_id, "numTurns": 2})
    server.turn(thread_id, "instead")
    return thread_id


def revert(_: Lab, server: Server, thread_id: str) -> str:
    """Drop all turns but the first, and add one."""
    turns = server.driver.request("thread/turns/list", {"threadId": thread_id, "sortDirection": "asc"})["data"]
    server.driver.request("thread/revert", {"threadId": thread_id, "beforeTurnId": turns[1]["id"]})
    server.turn(thread_id, "instead")
    return thread_id


def fork(_: Lab, server: Server, thread_id: str) -> str:
    """Go on in a fork."""
    return forked(server, thread_id)


def interrupt(lab: Lab, server: Server, thread_id: str) -> str:
    """Stop a turn while a command runs, and go on."""
    lab.model.script([[{"shell": "sleep 20"}]])
    queue = server.driver.subscribe()
    started = server.driver.request("turn/start", {"threadId": thread_id, "input": [{"type": "text", "text": "wait"}]})
    server.driver.wait(queue, runs, 30)
    server.driver.request("turn/interrupt", {"threadId": thread_id, "turnId": started["turn"]["id"]})
    server.driver.wait(queue, ended, 30)
    server.turn(thread_id, "go on")
    return thread_id


def fail(lab: Lab, server: Server, thread_id: str) -> str:
    """Ask a model that refuses to answer."""
    lab.model.script([[{"http": 400, "body": {"error": {"message": "no such thing"}}}]])
    server.turn(thread_id, "fail")
    return thread_id


CHANGES: list[Callable[[Lab, Server, str], str]] = [compact, roll_back, revert, fork, interrupt, fail]
ACTS: dict[str, Callable[[Lab, Server], str]] = {
    "one turn": talk("hello"),
    "three turns": talk("first", "second", "third"),
    "in other scripts": talk(FOREIGN),
    "with tools": scripted("look", [{"think": "Look first"}, {"shell": "echo one; echo two >&2"}], [{"shell": "exit 3"}], [{"say": "Looked."}]),
    "with patches": scripted("write", [{"patch": PATCH}], [{"patch": CHANGE}], [{"say": "Written."}]),
    "with a plan": scripted("plan", [{"plan": [["look", "completed"], ["write", "in_progress"]], "explanation": "so"}], [{"say": "Planned."}]),
    "with a search": scripted("search", [{"web_search": "what is new"}, {"say": "Found."}]),
    "with an image": with_image,
    "compacted": compacted,
    "interrupted": interrupted,
    "failed": failed,
    "archived": talk("away with it"),
}
