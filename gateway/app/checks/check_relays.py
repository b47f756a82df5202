"""For `gateway check`: a relay is called, without mail."""

from collections.abc import AsyncIterator

from gateway.app.checks.findings import Finding, error, good, warning
from gateway.app.relays import relay_settings
from gateway.config.smtp import RelayConfig
from gateway.core.errors import GatewayError
from gateway.delivery.connection import RelayConnection, RelayLost, RelayRefuses

_ANSWER_SECONDS = 10.0


async def call_relay(relay: RelayConfig) -> AsyncIterator[Finding]:
    """Does a relay answer, and does it take mail that comes from `<>`?"""
    what = f"relay {relay.name}"
    where = f"{relay.host}:{relay.port}"
    try:
        connection = await RelayConnection.open(relay_settings(relay))
        sender = await connection.command(b"MAIL FROM:<>\r\n", _ANSWER_SECONDS)
    except RelayRefuses as problem:
        yield error(
            what, f"{where} refuses the gateway at {problem}: compare with its own settings"
        )
        return
    except RelayLost as problem:
        reason = str(problem).removeprefix(f"{relay.name}: ")
        yield error(what, f"{where}: {reason}: is it running, and are host, port and tls right?")
        return
    except GatewayError as problem:
        yield error(what, str(problem))
        return
    connection.quit()
    if relay.null_sender and not sender.positive:
        yield warning(what, f"{where} refuses <> ({sender.text}): set null_sender = false")
        return
    yield good(what, f"{where} answers and offers {' '.join(sorted(connection.extensions))}")
