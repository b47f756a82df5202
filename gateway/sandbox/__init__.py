"""A stand-in for Mailchimp that keeps state: for trying the gateway and for its tests."""

from gateway.sandbox.account import Options
from gateway.sandbox.call import SandboxProblem
from gateway.sandbox.faults import SandboxFault
from gateway.sandbox.sandbox import Sandbox

__all__ = ["Options", "Sandbox", "SandboxFault", "SandboxProblem"]
