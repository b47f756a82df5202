"""What CRMs call languages: by name in nl, de, fr, en and the language itself, or by ISO 639-2."""

from collections.abc import Mapping
from functools import cache, lru_cache

from gateway.core.written import unaccented

#: By the two letters of ISO 639-1; without accents, ä as a or ae.
_WORDS: Mapping[str, str] = {
    "nl": "nederlands niederlandisch niederlaendisch neerlandais dutch nld dut vlaams flamisch "
    "flaemisch flamand flemish hollandisch hollaendisch",
    "de": "duits deutsch allemand german deu ger",
    "fr": "frans franzosisch franzoesisch francais french fra fre",
    "en": "engels englisch anglais english eng",
    "ar": "arabisch arabe arabic ara العربية",
    "bg": "bulgaars bulgarisch bulgare bulgarian bul български",
    "cs": "tsjechisch tschechisch tcheque czech ces cze cestina",
    "da": "deens danisch daenisch danois danish dan dansk",
    "el": "grieks griechisch grec greek ell gre ελληνικα",
    "es": "spaans spanisch espagnol spanish spa espanol",
    "et": "ests estnisch estonien estonian est eesti",
    "fi": "fins finnisch finnois finnish fin suomi",
    "hr": "kroatisch croate croatian hrv hrvatski",
    "hu": "hongaars ungarisch hongrois hungarian hun magyar",
    "it": "italiaans italienisch italien italian ita italiano",
    "lt": "litouws litauisch lituanien lithuanian lit lietuviu",
    "lv": "lets lettisch letton latvian lav latviesu",
    "no": "noors norwegisch norvegien norwegian nor norsk",
    "pl": "pools polnisch polonais polish pol polski",
    "pt": "portugees portugiesisch portugais portuguese por português",
    "ro": "roemeens rumanisch rumaenisch roumain romanian ron rum romana",
    "ru": "russisch russe russian rus русскии",
    "sk": "slowaaks slowakisch slovaque slovak slk slo slovencina",
    "sl": "sloveens slowenisch slovene slovenian slv slovenscina",
    "sr": "servisch serbisch serbe serbian srp srpski",
    "sv": "zweeds schwedisch suedois swedish swe svenska",
    "tr": "turks turkisch tuerkisch turc turkish tur turkce",
    "uk": "oekraiens ukrainisch ukrainien ukrainian ukr українська",
    "zh": "chinees chinesisch chinois chinese zho chi 中文",
}


@lru_cache(maxsize=256)  # Called for each row, with few distinct texts.
def language_named(text: str) -> str | None:
    """Return the two-letter code of a language from its name: `de` for `Deutsch (Österreich)`."""
    name, *country = unaccented(text).partition("(")
    if any(country) and not text.rstrip().endswith(")"):
        return None
    return _by_word().get(name.strip())


@cache
def _by_word() -> Mapping[str, str]:
    return {unaccented(word): code for code, words in _WORDS.items() for word in words.split()}
