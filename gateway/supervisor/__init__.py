"""Runs the gateway's roles as processes of their own and starts again what dies."""

from gateway.supervisor.fork_server import ForkServer
from gateway.supervisor.listening import CantListen
from gateway.supervisor.supervisor import Role, Supervisor, Timing

__all__ = ["CantListen", "ForkServer", "Role", "Supervisor", "Timing"]
