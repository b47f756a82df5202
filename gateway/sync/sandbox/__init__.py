"""A stand-in for Mailchimp that keeps state: for trying the gateway and for its tests."""

from gateway.sync.sandbox.account import Options
from gateway.sync.sandbox.call import Problem
from gateway.sync.sandbox.faults import Fault
from gateway.sync.sandbox.sandbox import Sandbox

__all__ = ["Fault", "Options", "Problem", "Sandbox"]
