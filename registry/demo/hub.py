"""A hub on loopback that answers like Civitai and Hugging Face, over real HTTP.

Both answer at one address, 127.0.0.1; the bytes come from a storage under another host name,
localhost, behind a signed address that ends, as in the world outside. It behaves well. A few
hooks make it forget a file, ask for a token, or damage what it sends once.
"""

import threading
from types import TracebackType
from typing import Self

from registry.demo.hub_contents import HostedFile
from registry.demo.hub_server import Handler
from registry.demo.hub_state import HubState, Request
from registry.demo.hub_storage import HubServer

__all__ = ["EmbeddedHub", "HostedFile", "Request"]


class EmbeddedHub(HubState):
    """The server; a context manager that listens while it is entered.

    Example:
        >>> content = HostedFile(b"abc", "a.safetensors", huggingface=("demo/a", "a.safetensors"))
        >>> with EmbeddedHub([content]) as hub:
        ...     hub.address.startswith("http://127.0.0.1:")
        True
    """

    _server: HubServer | None = None

    def __enter__(self) -> Self:
        self._server = HubServer(self, Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.break_off()
        self._server.server_close()
        self._server = None
        self.port = None
