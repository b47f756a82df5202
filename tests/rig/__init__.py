"""The test rig: real servers, raw clients and faults to try the gateway with, from outside."""
