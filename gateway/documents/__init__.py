"""What commands, API and webhooks show as JSON: each document described once, and made beside it.

A document is a `TypedDict`: mypy holds what makes it against its fields, `json` and `orjson` write
it as it is, and `gateway.api.schemas` has pydantic describe it. Scripts rely on fields and forms.
"""
