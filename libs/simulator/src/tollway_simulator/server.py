"""Running the application: as a process of its own, or in a thread of a test."""

import logging
import socket
import threading
import time
from types import TracebackType

import uvicorn

from tollway_simulator.app import create_app
from tollway_simulator.settings import SimulatorSettings

_KEEP_ALIVE = 75
_START_TIMEOUT = 10.0


def server_of(settings: SimulatorSettings) -> uvicorn.Server:
    """A server that writes no access log and leaves hanging answers behind when it stops."""
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=1,
        lifespan="off",
    )
    # A cut answer is what the simulator is asked for; uvicorn takes each one for a mistake.
    logging.getLogger("uvicorn.error").addFilter(_is_not_a_cut)
    return uvicorn.Server(config)


class SimulatorThread:
    """A simulator on a free port, for the length of a `with` block; `url` is its address."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._server = server_of(settings)
        self._socket = socket.create_server((settings.host, settings.port))
        host, port = self._socket.getsockname()[:2]
        self.url = f"http://{host}:{port}"
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)

    def __enter__(self) -> "SimulatorThread":
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise TimeoutError("the simulator did not start")
            time.sleep(0.005)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _is_not_a_cut(record: logging.LogRecord) -> bool:
    return "without completing response" not in record.getMessage()
