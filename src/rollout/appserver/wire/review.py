"""The result of a review as one text (spec: state-and-protocol 6.3)."""

from __future__ import annotations

from typing import Any

NO_RESULT = "Reviewer failed to output a response."


def review_text(output: Any) -> str:  # noqa: ANN401 - JSON as it comes
    """The overall words, then each finding with its place."""
    if not isinstance(output, dict):
        return NO_RESULT
    words = output.get("overall_explanation")
    findings = [one for one in output.get("findings") or [] if isinstance(one, dict)]
    parts = [words.strip()] if isinstance(words, str) and words.strip() else []
    if findings:
        parts.append(_findings(findings))
    return "\n\n".join(parts) or NO_RESULT


def _findings(findings: list[dict[str, Any]]) -> str:
    title = "Full review comments:" if len(findings) > 1 else "Review comment:"
    return "\n\n".join([title, *(_finding(one) for one in findings)])


def _finding(finding: dict[str, Any]) -> str:
    place = finding.get("code_location") or {}
    lines = place.get("line_range") or {}
    where = f"{place.get('absolute_file_path', '')}:{lines.get('start')}-{lines.get('end')}"
    body = [f"  {line}" for line in str(finding.get("body") or "").splitlines()]
    return "\n".join([f"- {finding.get('title', '')} — {where}", *body])
