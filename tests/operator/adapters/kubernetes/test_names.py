"""Names and labels derive from ids and fit into what Kubernetes takes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opweave_operator.adapters.kubernetes import index_ranges, names
from support import builders

DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")


@given(job=st.text(max_size=300), index=st.integers(0, 99_999), attempt=st.integers(1, 999))
def test_names_of_objects_are_host_names(job: str, index: int, attempt: int) -> None:
    run = replace(builders.run_state().run, job=job)
    assert DNS_LABEL.fullmatch(names.run_object_name(run))
    assert len(names.run_object_name(run)) <= names.MAX_RUN_OBJECT_NAME
    assert DNS_LABEL.fullmatch(names.pod_name(run, index, attempt))


def test_the_name_of_a_run_s_job_begins_as_people_call_it() -> None:
    run = replace(builders.run_state().run, job="daily_report")
    assert names.run_object_name(run) == f"daily-report-{run.id}"


@given(text=st.text(max_size=200))
def test_label_values_are_valid(text: str) -> None:
    assert LABEL_VALUE.fullmatch(names.label_value(text))


def test_label_values_stay_different_when_they_are_cut() -> None:
    assert names.label_value("graph.op[a]") != names.label_value("graph.op[b]")
    assert names.label_value("graph.op") == "graph.op"


@pytest.mark.parametrize(
    ("indexes", "text"),
    [((), ""), ((3,), "3"), ((0, 1, 2, 5), "0-2,5"), ((7, 1, 1), "1,7"), ((1, 2), "1-2")],
)
def test_indexes_are_written_as_kubernetes_does(indexes: tuple[int, ...], text: str) -> None:
    assert index_ranges.render(indexes) == text
