import pytest

from tollway_simulator.refusal import Refusal
from tollway_simulator.script import PLAIN, Script, model_name, read_script


def test_a_model_id_without_settings_has_the_plain_script() -> None:
    assert read_script("gpt-4o") is PLAIN
    assert not PLAIN.bends_delivery
    assert not PLAIN.refuses


def test_settings_follow_the_models_name() -> None:
    script = read_script("sim-echo;status=429;retry-after=7")
    assert script == Script(status=429, retry_after="7")
    assert model_name("sim-echo;status=429;retry-after=7") == "sim-echo"


def test_a_later_text_overrides_setting_by_setting() -> None:
    assert read_script("m;tokens=5;delay=10", "tokens=6", "") == Script(tokens=6, delay=10)


def test_a_stall_may_name_its_place() -> None:
    assert read_script("m;stall=2.5@7") == Script(stall=2.5, stall_at=7)
    assert read_script("m;stall=1") == Script(stall=1, stall_at=1)
    assert read_script("m;stall=1@0") == Script(stall=1, stall_at=0)


def test_flags_and_dashes_and_blanks_are_understood() -> None:
    assert read_script("m; expose ;written-1h=3;html;") == Script(
        expose=True, written_1h=3, html=502
    )


@pytest.mark.parametrize("position", ["cut=0", "end=0", "fail=0", "garbage=0"])
def test_a_fault_before_everything_bends_delivery(position: str) -> None:
    assert read_script(f"m;{position}").bends_delivery


@pytest.mark.parametrize(
    "setting",
    [
        "sttatus=500",
        "status=99",
        "status=abc",
        "status",
        "hang=-1",
        "hang=nan",
        "cut=-1",
        "usage=some",
        "batch=0",
        "expose=maybe",
        "error=",
        "stall=x@1",
        "tokens=50000001",
        "retry-after=7\r\nx: y",
        "retry-after=é",
        "=",
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(setting: str) -> None:
    with pytest.raises(Refusal, match="no setting") as caught:
        read_script(f"m;{setting}")
    assert caught.value.status == 400
    assert setting in caught.value.message
