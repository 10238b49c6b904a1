"""A TCP proxy on loopback whose connections a test can cut."""

import socket
import threading
from contextlib import suppress

CHUNK = 65_536


class Proxy:
    """Passes everything on to a server, until it is cut."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._down = False
        self._mute: set[tuple[socket.socket, socket.socket]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Drop every connection there is; new ones are taken."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        _close(*(end for pair in pairs for end in pair))

    def go_down(self) -> None:
        """Drop every connection, and each new one at once."""
        self._down = True
        self.cut()

    def come_back(self, port: int | None = None) -> None:
        """Take connections again, for another server if `port` is one."""
        self._server = ("127.0.0.1", port or self._server[1])
        self._down = False

    def fall_silent(self) -> None:
        """Keep the connections there are, and pass nothing on through them: as when a cable is pulled."""
        with self._lock:
            self._mute = set(self._pairs)

    def lose_silent(self) -> None:
        """Drop what has fallen silent, and nothing else."""
        with self._lock:
            self._pairs -= self._mute
            pairs, self._mute = self._mute, set()
        _close(*(end for pair in pairs for end in pair))

    def close(self) -> None:
        self.go_down()
        _close(self._listener)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._take(client)

    def _take(self, client: socket.socket) -> None:
        try:
            if self._down:
                raise ConnectionRefusedError
            pair = (client, socket.create_connection(self._server))
        except OSError:
            return _close(client)
        with self._lock:
            self._pairs.add(pair)
        for source, target in (pair, pair[::-1]):
            threading.Thread(target=self._pass, args=(pair, source, target), daemon=True).start()

    def _pass(self, pair, source, target) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if pair not in self._mute:
                    target.sendall(data)
        _close(*pair)


def _close(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
