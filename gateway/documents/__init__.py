"""The JSON documents of commands, API and webhooks, each described once beside its maker.

A document is a `TypedDict`: mypy checks its maker against the fields, `json` and `orjson` write it
as it is, and `gateway.api.schemas` has pydantic describe it. Scripts rely on fields and formats.
"""
