"""The test rig: real servers, raw clients and faults, to test the gateway from outside."""
