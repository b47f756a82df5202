"""The mail libraries that are run, each by a small program that does as its users do."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "programs"
#: So long one program may run in all.
PROGRAM_LIMIT = 90.0


class ClientFailed(Exception):
    """A program could not be run, or said something else than its results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientMail:
    """One mail a program is to build."""

    to: Sequence[str]
    subject: str
    text: str = "Dag, er is een vacature."


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientJob:
    """What a program is to do; it reads this as JSON."""

    port: int
    mails: Sequence[ClientMail]
    steps: Sequence[int] = (0,)  #: Indexes into `mails`; one named again is the same object.
    host: str = "127.0.0.1"
    sender: str = "recruiter@crm.example"
    login: tuple[str, str] | None = None
    mechanism: str = ""
    ca: str = ""  #: A file: STARTTLS is used and must be good.
    timeout: int | None = None  #: Seconds; None: as the library ships.
    partial: bool = False  #: The library's setting to send to the others is on.
    stop: bool = False  #: End with the first mail that went well.
    about: bool = False  #: Print version and time limit instead.


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """What a program saw of one call that sends."""

    ok: bool  #: No exception, no false, exit code 0.
    said: str  #: What a program shows that logs the exception or looks at the return value.
    more: str  #: What can be had besides, by who knows where it is kept.
    seconds: float
    error: str = ""  #: The exception's class, or the exit code.


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLibrary:
    """A library and how its program is started."""

    name: str
    title: str  #: As the table has it.
    command: Sequence[str]  #: `{cache}` and `{programs}` are filled in.
    debian: Sequence[str] = ()  #: Packages; the first is the one whose version is shown.
    npm: str = ""  #: `name@version`
    pip: str = ""  #: `name==version`
    java: str = ""  #: The package's name: `javax.mail` or `jakarta.mail`.
    mechanisms: Sequence[str] = ("PLAIN", "LOGIN")
    partial: str = ""  #: The name of its setting to send to the others.
    has_tls: bool = True
    keeps_connection: bool = True

    async def run(self, cache: Path, job: ClientJob) -> list[SendResult]:
        """Run the program and return what it saw, step by step."""
        lines = await self._output(cache, job)
        try:
            return [SendResult(**{"error": "", **line}) for line in lines]
        except TypeError as error:
            raise ClientFailed(f"{self.name}: {lines}: {error}") from error

    async def about(self, cache: Path) -> dict[str, Any]:
        """Return `{"version": "6.6.3", "time_limit": 300}`; None is none at all."""
        (line,) = await self._output(cache, ClientJob(port=0, mails=(), steps=(), about=True))
        return line

    async def _output(self, cache: Path, job: ClientJob) -> list[dict[str, Any]]:
        command = [part.format(cache=cache, programs=PROGRAMS) for part in self.command]
        stdin = json.dumps(asdict(job)).encode()
        if self.java:
            command += java_arguments(job)
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(cache / "node_modules"), "LC_ALL": "C.UTF-8"},
        )
        try:
            async with asyncio.timeout(PROGRAM_LIMIT):
                out, err = await process.communicate(stdin)
        except TimeoutError:
            process.kill()
            await process.communicate()
            raise ClientFailed(f"{self.name}: did not end within {PROGRAM_LIMIT:g} s") from None
        lines = out.decode(errors="replace").splitlines()
        try:
            return [json.loads(line) for line in lines if line.startswith("{")]
        except ValueError:
            raise ClientFailed(f"{self.name}: {lines} {err.decode(errors='replace')}") from None
        finally:
            if process.returncode:
                text = err.decode(errors="replace").strip()[-500:]
                raise ClientFailed(f"{self.name}: exit {process.returncode}: {text}")


def java_arguments(job: ClientJob) -> list[str]:
    """Write a job as arguments: Java's own library reads no JSON."""
    if job.about:
        return ["about"]
    login, password = job.login or ("", "")
    timeout = str(job.timeout or "")
    flags = (str(job.partial).lower(), ",".join(map(str, job.steps)), str(job.stop).lower())
    mails = [part for mail in job.mails for part in (",".join(mail.to), mail.subject, mail.text)]
    fixed = (job.host, str(job.port), job.sender, job.ca, login, password, job.mechanism, timeout)
    return [*fixed, *flags, *mails]


def _php(file: str) -> tuple[str, ...]:
    return "php", "{programs}/" + file


_JAVA = ClientLibrary(
    name="javamail",
    title="JavaMail (Java)",
    command=("java", "-cp", "{cache}/javax:/usr/share/java/javax.mail.jar", "JavaMail"),
    debian=("libmail-java", "default-jdk-headless"),
    java="javax.mail",
    partial="mail.smtp.sendpartial",
)
LIBRARIES = (
    ClientLibrary(
        name="phpmailer",
        title="PHPMailer (PHP)",
        command=_php("phpmailer.php"),
        debian=("libphp-phpmailer", "php-cli"),
    ),
    ClientLibrary(
        name="symfony",
        title="Symfony Mailer (PHP)",
        command=_php("symfony.php"),
        debian=("php-symfony-mailer", "php-cli"),
    ),
    ClientLibrary(
        name="swift",
        title="Swift Mailer (PHP)",
        command=_php("swift.php"),
        debian=("php-swiftmailer", "php-cli"),
    ),
    ClientLibrary(
        name="smtplib",
        title="smtplib (Python)",
        command=("python3", "{programs}/smtplib_client.py"),
    ),
    ClientLibrary(
        name="django",
        title="Django (Python)",
        command=("{cache}/venv/bin/python", "{programs}/django_client.py"),
        pip="Django==5.2.19",
        mechanisms=("PLAIN",),  # whichever smtplib takes first: nothing sets it
    ),
    ClientLibrary(
        name="nodemailer",
        title="nodemailer (Node)",
        command=("node", "{programs}/nodemailer.cjs"),
        debian=(),
        npm="nodemailer@10.6.1",
    ),
    ClientLibrary(
        name="net-smtp-perl",
        title="Net::SMTP (Perl)",
        command=("perl", "{programs}/net_smtp.pl"),
        debian=("perl", "libauthen-sasl-perl", "libio-socket-ssl-perl"),
        partial="SkipBad",
    ),
    ClientLibrary(
        name="email-sender",
        title="Email::Sender (Perl)",
        command=("perl", "{programs}/email_sender.pl"),
        debian=("libemail-sender-perl", "libauthen-sasl-perl", "libio-socket-ssl-perl"),
        mechanisms=("PLAIN",),  # whichever Net::SMTP takes first: nothing sets it
        partial="allow_partial_success",
    ),
    ClientLibrary(
        name="net-smtp-ruby",
        title="Net::SMTP (Ruby)",
        command=("ruby", "{programs}/net_smtp.rb"),
        debian=("ruby",),
    ),
    ClientLibrary(
        name="mail-gem",
        title="mail, ActionMailer (Ruby)",
        command=("ruby", "{programs}/mail_gem.rb"),
        debian=("ruby-mail", "ruby"),
        keeps_connection=False,
    ),
    _JAVA,
    replace(
        _JAVA,
        name="jakarta-mail",
        title="Jakarta Mail (Java)",
        command=(
            *_JAVA.command[:2],
            "{cache}/jakarta:/usr/share/java/jakarta-mail.jar:/usr/share/java/jakarta-activation.jar",
            "JavaMail",
        ),
        debian=("libjakarta-mail-java", "default-jdk-headless"),
        java="jakarta.mail",
    ),
    ClientLibrary(
        name="net-smtp-go",
        title="net/smtp (Go)",
        command=("{cache}/net_smtp_go",),
        debian=("golang-go",),
    ),
    ClientLibrary(
        name="curl",
        title="curl",
        command=("python3", "{programs}/curl_client.py"),
        debian=("curl",),
        partial="--mail-rcpt-allowfails",
        keeps_connection=False,
    ),
)
