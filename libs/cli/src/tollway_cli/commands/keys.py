"""Shows a new API key, the only time that it can be shown."""

from rich.text import Text

from tollway_cli.api.client import Answer
from tollway_cli.errors import CommandError
from tollway_cli.output import Format, write, write_object
from tollway_cli.terminal import err


def show_created(answer: Answer, form: Format) -> None:
    """Write the key alone to standard output, so that a script can take it; the rest beside it."""
    name, key = answer.body["name"], answer.body.get("key")
    if not key:
        raise CommandError(
            f"API key {name} was created, but the answer with the key was lost on the way, and "
            f"nobody keeps it. Delete it and create another: tollway keys delete {name}"
        )
    note = f"API key {name} created. Keep it now: it is shown this once and stored nowhere."
    if form is Format.TABLE:
        write(f"{key}\n")
    else:
        write_object(answer.body, form)
    if form is Format.NAME:
        note = f"{note}\n{key}"
    err().print(Text(note))
