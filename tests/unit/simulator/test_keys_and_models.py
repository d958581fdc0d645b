from collections.abc import Iterator

import anthropic
import httpx2
import openai
import pytest
from pydantic import SecretStr

from tollway_simulator.server import SimulatorThread
from tollway_simulator.settings import SimulatorSettings

GOOD, BAD = "sk-good-0123456789", "sk-proj-abcdefghijklmnop"
MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    keys = (SecretStr(GOOD), SecretStr("sk-second"))
    with SimulatorThread(SimulatorSettings(port=0, simulator_keys=keys)) as running:
        yield running.url


async def test_a_listed_key_is_accepted_on_both_wires(guarded: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{guarded}/v1", api_key=GOOD) as chat:
        assert await chat.chat.completions.create(model="m", messages=MESSAGES)  # type: ignore[arg-type]
        assert await chat.models.list()
    async with anthropic.AsyncAnthropic(base_url=guarded, api_key="sk-second") as claude:
        assert await claude.messages.create(model="m", max_tokens=9, messages=MESSAGES)  # type: ignore[arg-type]


async def test_openais_401_masks_the_key(guarded: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{guarded}/v1", api_key=BAD, max_retries=0) as chat:
        with pytest.raises(openai.AuthenticationError) as caught:
            await chat.chat.completions.create(model="m", messages=MESSAGES)  # type: ignore[arg-type]
    assert caught.value.code == "invalid_api_key"
    assert "sk-proj-************mnop" in str(caught.value)
    assert BAD not in str(caught.value)


async def test_anthropics_401_is_its_own(guarded: str) -> None:
    async with anthropic.AsyncAnthropic(base_url=guarded, api_key=BAD, max_retries=0) as claude:
        with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
            await claude.messages.create(model="m", max_tokens=9, messages=MESSAGES)  # type: ignore[arg-type]
        with pytest.raises(anthropic.AuthenticationError):
            await claude.models.list()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/v1/chat/completions", "You didn't provide an API key"),
        ("/v1/messages", "x-api-key header is required"),
        ("/v1/messages/count_tokens", "x-api-key header is required"),
    ],
)
async def test_a_request_without_a_key_is_told_so(guarded: str, path: str, text: str) -> None:
    async with httpx2.AsyncClient(base_url=guarded) as http:
        answer = await http.post(path, content=b"{}")
    assert answer.status_code == 401
    assert text in answer.json()["error"]["message"]


async def test_models_are_listed_in_the_clients_own_shape(
    chat: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic
) -> None:
    assert [model.id async for model in chat.models.list()] == ["sim-echo", "sim-prose"]
    assert [model.id async for model in claude.models.list()] == ["sim-echo", "sim-prose"]
    assert (await chat.models.retrieve("sim-echo")).owned_by == "tollway-simulator"
    assert (await claude.models.retrieve("sim-echo")).lifecycle == "active"


async def test_a_model_that_is_not_there_gets_each_providers_404(
    chat: openai.AsyncOpenAI, claude: anthropic.AsyncAnthropic
) -> None:
    with pytest.raises(openai.NotFoundError, match="`none/such` does not exist"):
        await chat.models.retrieve("none/such")
    with pytest.raises(anthropic.NotFoundError, match="model: none"):
        await claude.models.retrieve("none")


async def test_it_says_that_it_lives(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/livez")).json() == {"status": "ok"}
