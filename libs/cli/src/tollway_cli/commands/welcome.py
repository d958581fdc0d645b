"""What `tollway up` says at its end: where everything is and what to type next."""

import os
import shutil
import sys
from pathlib import Path

from tollway_cli.stack import Stack, Started

_TEXT = """\
{headline}

{addresses}

API key   {key}   (workspace demo; also in {env})

Ask a model
  curl {router}/v1/chat/completions \\
    -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
    -d '{{"model": "demo-chat", "messages": [{{"role": "user", "content": "Hello"}}]}}'

The same in Python, with the openai package
  from openai import OpenAI
  client = OpenAI(base_url="{router}/v1", api_key="{key}")
  messages = [{{"role": "user", "content": "Hello"}}]
  answer = client.chat.completions.create(model="demo-chat", messages=messages)
  print(answer.choices[0].message.content)

In this shell, for every SDK and for {command}
  source {env}

Add a provider's real key (the variable's name is yours; the key is encrypted at once)
  export MY_OPENAI_KEY=sk-...
  {command} credentials create openai --from-env MY_OPENAI_KEY
  {command} providers create openai --spec openai-chat-completions \\
    --base-url https://api.openai.com/v1 --credential openai
  {command} models create gpt-5-mini --kind completion
  {command} deployments create gpt-5-mini --model gpt-5-mini \\
    --provider openai --upstream-model gpt-5-mini
  {command} prices create gpt-5-mini --model gpt-5-mini \\
    --valid-from 2026-01-01T00:00:00Z --input 0.25 --output 2.00

Look closer   {command} status | logs | doctor        Stop   {command} down"""

_WITHOUT_KEY = """\
{headline}

{addresses}

The demo workspace is not seeded; `{command} up` does it."""

_ROLES = {
    "router": "what your SDKs talk to",
    "registry": "providers, models, prices, API keys",
    "secrets": "provider credentials",
    "metering": "usage, charges, cost reports",
    "simulator": "a provider that costs nothing",
}


def welcome(stack: Stack, started: Started) -> str:
    """Return the text for a stack that is up."""
    text = _TEXT if started.api_key else _WITHOUT_KEY
    return text.format(
        headline=_headline(started),
        addresses=_addresses(stack),
        key=started.api_key,
        router=stack.addresses.router,
        env=_short(stack.home.env),
        command=_command(),
    )


def _headline(started: Started) -> str:
    if not started.started:
        return "Tollway was already up."
    if started.found_running:
        return f"Tollway is up again; {', '.join(started.started)} had stopped."
    return f"Tollway is up, after {started.seconds:.1f} s."


def _addresses(stack: Stack) -> str:
    addresses = stack.addresses
    return "\n".join(
        f"  {name:<10}{getattr(addresses, name):<24}{role}" for name, role in _ROLES.items()
    )


def _command() -> str:
    """Return what to type for this program: its name where the shell would find just that."""
    found = shutil.which("tollway")
    program = Path(sys.argv[0]).absolute()
    if found is not None and Path(found).absolute() == program:
        return "tollway"
    return _short(program) if program.name == "tollway" else "python -m tollway_cli"


def _short(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
