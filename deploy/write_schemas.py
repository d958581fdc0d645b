"""Writes the JSON Schema of every topic's payload to `libs/contracts/schemas` (`make schemas`)."""

import json
from pathlib import Path

from tollway_contracts.topics import TOPICS

SCHEMAS = Path(__file__).parents[1] / "libs" / "contracts" / "schemas"


def main() -> None:
    """Write one file a topic."""
    SCHEMAS.mkdir(exist_ok=True)
    for topic in TOPICS:
        if topic.payload is not None:
            schema = json.dumps(topic.payload.model_json_schema(), indent=2, sort_keys=True)
            (SCHEMAS / f"{topic.name}.json").write_text(schema + "\n")


if __name__ == "__main__":
    main()
