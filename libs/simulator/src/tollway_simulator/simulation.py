"""What all wires share while the simulator runs."""

import time
from dataclasses import dataclass

from tollway_simulator.cache import PromptCache
from tollway_simulator.ids import Ids
from tollway_simulator.keys import Gate
from tollway_simulator.ledger import Ledger
from tollway_simulator.schedule import Schedule
from tollway_simulator.seen import Seen
from tollway_simulator.settings import SimulatorSettings


@dataclass(frozen=True, slots=True)
class Simulation:
    """The state of one simulator."""

    ids: Ids
    gate: Gate
    cache: PromptCache
    ledger: Ledger
    seen: Seen
    schedule: Schedule

    def reset(self) -> None:
        """Forget everything but the accepted keys."""
        for part in (self.cache, self.ledger, self.seen, self.schedule):
            part.clear()


def create_simulation(settings: SimulatorSettings) -> Simulation:
    """A fresh state."""
    return Simulation(
        ids=Ids(),
        gate=Gate(settings.accepted_keys()),
        cache=PromptCache(time.monotonic),
        ledger=Ledger(settings.simulator_ledger_entries),
        seen=Seen(settings.simulator_seen_requests),
        schedule=Schedule(),
    )
