"""A name server on loopback with its own zone, over UDP and TCP."""

import socket
import struct
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset

from tests.rig.process import LOOPBACK

#: Records by name and type as in a zone file; `SERVFAIL` and `SILENT` are failures.
Zone = Mapping[str, Mapping[str, Sequence[str]] | str]
SERVFAIL, SILENT = "SERVFAIL", "SILENT"
_SMALLEST = 512  #: Octets of an answer over UDP without EDNS (RFC 1035, 2.3.4).


class NameServer:
    """Answers from its zone for the duration of the block."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.asked: list[tuple[str, str, str]] = []  #: Transport, name and type.
        self._tcp = socket.create_server((LOOPBACK, 0))
        self.port = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((LOOPBACK, self.port))
        self._threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._serve_udp, self._serve_tcp)
        ]

    def resolver(self) -> dns.resolver.Resolver:
        """Return a resolver that queries only this server."""
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port = [LOOPBACK], self.port
        return made

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for opened in (self._udp, self._tcp):
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()
        for thread in self._threads:
            thread.join(5)

    def _serve_udp(self) -> None:
        while True:
            try:
                octets, client = self._udp.recvfrom(65535)
            except OSError:
                return
            answer = self._answer(octets, "udp")
            if answer is None:
                continue
            wire = answer.to_wire()
            if len(wire) > _SMALLEST:
                answer.answer.clear()
                answer.flags |= dns.flags.TC
                wire = answer.to_wire()
            self._udp.sendto(wire, client)

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                (length,) = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))
                answer = self._answer(connection.recv(length, socket.MSG_WAITALL), "tcp")
                if answer is not None:
                    wire = answer.to_wire()
                    connection.sendall(struct.pack("!H", len(wire)) + wire)

    def _answer(self, octets: bytes, transport: str) -> dns.message.Message | None:
        try:
            query = dns.message.from_wire(octets)
        except dns.exception.DNSException:
            return None
        (question,) = query.question
        kind = dns.rdatatype.to_text(question.rdtype)
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append((transport, name, kind))
        answer = dns.message.make_response(query)
        while True:
            held = self.zone.get(name)
            if held == SILENT:
                return None
            if held == SERVFAIL:
                answer.set_rcode(dns.rcode.SERVFAIL)
                return answer
            if held is None or isinstance(held, str):
                answer.set_rcode(dns.rcode.NXDOMAIN)
                return answer
            wanted = "CNAME" if "CNAME" in held else kind
            if wanted in held:
                answer.answer.append(
                    dns.rrset.from_text(f"{name}.", 60, "IN", wanted, *held[wanted])
                )
            if wanted == kind or "CNAME" not in held:
                return answer
            name = held["CNAME"][0].rstrip(".")
