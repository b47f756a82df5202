"""Types of documents, judged by file names and told in words; file names made safe to show."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from gateway.core.mail.headers import decode_value

OTHER = "other"  #: The type of a document with an uninformative name.


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRule:
    """A type of document and the words that indicate it; `*` matches the rest of a word."""

    type: str
    words: tuple[str, ...]
    images_only: bool = False
    #: What mails and the console call it, by language; empty for a type of the config.
    names: Mapping[str, str] = field(default_factory=dict, hash=False)


def _split_words(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(","))


#: The shipped table; the first matching rule decides.
RULES = (
    DocumentRule(
        type="photo",
        names={"en": "photo", "nl": "foto", "de": "Foto", "fr": "photo"},
        words=_split_words("""
            foto, fotos, *foto, photo, photos, *photo, portrait, portret, porträt, passbild,
            bewerbungsbild, profilbild, lichtbild, headshot, picture, profile picture,
            photo d identité
        """),
        images_only=True,
    ),
    DocumentRule(
        type="cover_letter",
        names={
            "en": "cover letter",
            "nl": "motivatiebrief",
            "de": "Anschreiben",
            "fr": "lettre de motivation",
        },
        words=_split_words("""
            anschreiben, *anschreiben, bewerbungsschreiben, bewerbungsbrief, motivationsschreiben,
            motivationsbrief, begleitschreiben, begleitbrief, motivation, motivatie,
            motivatiebrief, sollicitatiebrief, motivatie brief, sollicitatie brief,
            begeleidende brief, lettre de motivation, lettre motivation, lettre de candidature,
            lettre d accompagnement, lettre de présentation, cover letter, coverletter,
            covering letter, motivation letter, letter of motivation, application letter,
            personal statement
        """),
    ),
    DocumentRule(
        type="cv",
        names={"en": "CV", "nl": "cv", "de": "Lebenslauf", "fr": "CV"},
        words=_split_words("""
            cv, c v, curriculum, curriculum vitae, vitae, europass, lebenslauf, lebensläufe,
            *lebenslauf, werdegang, levensloop, resume, résumé
        """),
    ),
    DocumentRule(
        type="reference_letter",
        names={
            "en": "reference letter",
            "nl": "referentie",
            "de": "Referenz",
            "fr": "lettre de recommandation",
        },
        words=_split_words("""
            arbeitszeugnis*, zwischenzeugnis*, dienstzeugnis*, praktikumszeugnis*, referenz,
            referenzen, referenzschreiben, empfehlung, empfehlungsschreiben, referentie,
            referenties, referentiebrief, aanbeveling, aanbevelingsbrief, werkgetuigschrift,
            lettre de recommandation, recommandation, certificat de travail, références,
            reference, references, reference letter, recommendation, recommendation letter,
            letter of recommendation
        """),
    ),
    DocumentRule(
        type="certificate",
        names={"en": "certificate", "nl": "certificaat", "de": "Zeugnis", "fr": "certificat"},
        words=_split_words("""
            zeugnis*, *zeugnis, *zeugnisse, zertifikat*, *zertifikat, *zertifikate, diplom,
            *diplom, diplome, urkunde, urkunden, *urkunde, bescheinigung*, *bescheinigung,
            nachweis, nachweise, *nachweis, *nachweise, gesellenbrief, meisterbrief,
            facharbeiterbrief, approbation, notenspiegel, diploma, diplomas, *diploma,
            certificaat, certificaten, *certificaat, getuigschrift, getuigschriften, cijferlijst,
            puntenlijst, diplôme, diplômes, certificat, certificats, attestation, attestations,
            relevé de notes, bulletin de notes, certificate, certificates, certification,
            certifications, transcript, transcripts, transcript of records
        """),
    ),
)
_NAMES: Mapping[str, Mapping[str, str]] = {
    **{rule.type: rule.names for rule in RULES},
    OTHER: {"en": "other", "nl": "overig", "de": "Sonstiges", "fr": "autre"},
}
TYPES = tuple(_NAMES)  #: All shipped types, `other` last.

_IMAGES = frozenset(
    {"bmp", "gif", "heic", "heif", "jfif", "jpeg", "jpg", "png", "tif", "tiff", "webp"}
)
_HUMPS = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])|(?<=[A-ZÀ-ÖØ-Þ])(?=[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ])")
_NUMBERS = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_EXTENSION = re.compile(r"(?<=.)\.([A-Za-z0-9]{1,8})\Z")
_NO_LETTER = re.compile(r"[^a-z0-9*]+")
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def document_type(
    filename: str, *, content_type: str = "", rules: Sequence[DocumentRule] = RULES
) -> str:
    """Return the type of a document by the words in its file name; `other` if unsure.

    Words must match as a whole: `_`, `-`, digits and aCapital divide them, accents are ignored.
    Only a rule for images considers the content type.
    """
    name = clean_filename(filename)
    match = _EXTENSION.search(name)
    image = content_type.lower().startswith("image/") or (
        match is not None and match[1].lower() in _IMAGES
    )
    stem = unicodedata.normalize("NFC", name[: match.start()] if match else name)
    stem = _NUMBERS.sub(" ", _HUMPS.sub(" ", stem.replace("*", " ")))
    words = f" {_plain(stem)} "
    for rule in rules:
        if (image or not rule.images_only) and pattern_of(rule).search(words):
            return rule.type
    return OTHER


def type_in_words(name: str, language: str) -> str:
    """Return what a type is called in a language, else in English; the type itself if unknown.

    >>> type_in_words("cv", "de")
    'Lebenslauf'
    """
    names = _NAMES.get(name, {})
    return names.get(language) or names.get("en", name)


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return _NO_LETTER.sub(" ", letters).strip()


@cache
def pattern_of(rule: DocumentRule) -> re.Pattern[str]:
    """Return a pattern for a word of a rule between spaces, with `ä` spelt as `a` or `ae`."""
    spellings = {
        _plain(spelling)
        for word in rule.words
        for spelling in (word, word.lower().translate(_SPELT_OUT))
    }
    alternatives = "|".join(re.escape(word).replace(r"\*", "[a-z]*") for word in sorted(spellings))
    return re.compile(f" (?:{alternatives}) ")


_LONGEST = 200  #: Octets of a name in UTF-8; file systems take 255.
_LONGEST_EXTENSION = 20
_UNNAMED = "unnamed"
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|\Z)", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_MARK = r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
_PILED_UP = re.compile(rf"({_MARK}{{2}}){_MARK}+")


def clean_filename(name: str) -> str:
    """Return a file name fit for display and download; never empty.

    Without path, control characters, direction marks and names reserved by Windows, at most 200
    octets including its extension. It is not a path: files are stored under other names.
    """
    name = name[:10_000]
    if "=?" in name:
        name = decode_value(name.encode("utf-8", "replace"))
    last = next((part for part in re.split(r"[/\\]", name)[::-1] if part.strip(". ")), "")
    last = re.sub(r"\A[A-Za-z]:", "", last)
    filename = ""
    for letter in unicodedata.normalize("NFC", last):
        category = unicodedata.category(letter)
        if category in ("Zs", "Zl", "Zp") or letter in "\t\r\n":
            filename += " "
        elif not category.startswith("C"):  # drops invisible characters
            filename += letter
    filename = _FORBIDDEN.sub("_", _PILED_UP.sub(r"\1", filename))
    filename = shorten_name(" ".join(filename.split()).strip(". "))
    return f"_{filename}" if _RESERVED.match(filename) else filename or _UNNAMED


def shorten_name(name: str) -> str:
    """Shorten a file name to 200 octets in UTF-8, keeping its extension."""
    if len(name.encode()) < _LONGEST:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension) > _LONGEST_EXTENSION:
        stem, dot, extension = name, "", ""
    room = _LONGEST - 1 - len((dot + extension).encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(". ") + dot + extension
