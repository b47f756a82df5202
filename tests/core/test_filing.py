"""The type of a document by its file's name, and that name made fit to show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.replies.document_types import (
    OTHER,
    RULES,
    DocumentRule,
    clean_filename,
    document_type,
    type_in_words,
)
from tests.rig.cost import cost_of


@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        ("Anschreiben.pdf", "cover_letter"),
        ("Bewerbungsanschreiben_Müller.docx", "cover_letter"),
        ("Motivation_Ann.pdf", "cover_letter"),
        ("Motivationsschreiben 2026.pdf", "cover_letter"),
        ("motivatiebrief-jan.pdf", "cover_letter"),
        ("Sollicitatiebrief.doc", "cover_letter"),
        ("Lettre_de_motivation_Dupont.pdf", "cover_letter"),
        ("LettreDeMotivation.pdf", "cover_letter"),
        ("Cover Letter.pdf", "cover_letter"),
        ("coverLetterJan.pdf", "cover_letter"),
        ("Anschreiben und Lebenslauf.pdf", "cover_letter"),
        ("CV.pdf", "cv"),
        ("cv", "cv"),
        ("CV-Jan.pdf", "cv"),
        ("CVJan2026.pdf", "cv"),
        ("MeinCV.pdf", "cv"),
        ("mijn cv (2).pdf", "cv"),
        ("C.V. Jan.pdf", "cv"),
        ("cv2.pdf", "cv"),
        ("Lebenslauf_Müller2.pdf", "cv"),
        ("LEBENSLAUF.PDF", "cv"),
        ("tabellarischerLebenslauf.pdf", "cv"),
        ("Lebensla\u0308ufe.pdf", "cv"),
        ("Curriculum-Vitae.pdf", "cv"),
        ("Curriculum.odt", "cv"),
        ("Résumé.pdf", "cv"),
        ("Resume\u0301 Ann.pdf", "cv"),
        ("RESUME.docx", "cv"),
        ("Dr. Müller CV", "cv"),
        ("Arbeitszeugnis_Firma.pdf", "reference_letter"),
        ("Zwischenzeugnis.pdf", "reference_letter"),
        ("referentie werkgever.pdf", "reference_letter"),
        ("Aanbevelingsbrief.pdf", "reference_letter"),
        ("lettre-de-recommandation.pdf", "reference_letter"),
        ("Letter of Recommendation.pdf", "reference_letter"),
        ("Zeugnis.pdf", "certificate"),
        ("Zeugnisse_alle.pdf", "certificate"),
        ("Abiturzeugnis.pdf", "certificate"),
        ("Fuehrungszeugnis.pdf", "certificate"),
        ("diploma's.pdf", "certificate"),
        ("Diplôme.pdf", "certificate"),
        ("Certificate TOEFL.pdf", "certificate"),
        ("relevé de notes.pdf", "certificate"),
        ("Foto.jpg", "photo"),
        ("Bewerbungsfoto.PNG", "photo"),
        ("photo_ann.heic", "photo"),
        ("=?utf-8?q?Lebenslauf_M=C3=BCller=2Epdf?=", "cv"),
        ("C:\\Zeugnisse\\Lebenslauf.pdf", "cv"),
    ],
)
def test_a_documents_name_says_what_it_is(filename: str, kind: str) -> None:
    assert kind == document_type(filename)


@pytest.mark.parametrize(
    "filename",
    [
        "",
        "cvs.pdf",
        "CVS.pdf",
        "CVs.pdf",
        "mijncv.pdf",
        "Scan0001.pdf",
        "Foto.pdf",
        "image001.png",
        "discover letters.pdf",
        "presume.pdf",
        "Diplomat.pdf",
        "Diplomarbeit.pdf",
        "zeugen.pdf",
        "rechnung.pdf",
        "写真.pdf",
    ],
)
def test_a_name_that_says_nothing_sure_is_other(filename: str) -> None:
    assert OTHER == document_type(filename)


def test_the_content_type_says_what_is_an_image() -> None:
    assert document_type("Foto", content_type="image/jpeg") == "photo"


@pytest.mark.parametrize("language", ["nl", "de", "fr", "en"])
def test_every_shipped_type_has_words_in_every_language(language: str) -> None:
    unnamed = [rule.type for rule in RULES if language not in rule.names]

    assert [] == unnamed
    assert type_in_words(OTHER, language) in {"overig", "Sonstiges", "autre", "other"}


@pytest.mark.parametrize(
    ("name", "language", "words"),
    [
        ("reference_letter", "de", "Referenz"),
        ("reference_letter", "it", "reference letter"),  # An operator's own wording.
        ("permit", "de", "permit"),  # A type of the config.
    ],
)
def test_a_type_is_called_in_the_language_or_else_in_english_or_else_as_it_is(
    name: str, language: str, words: str
) -> None:
    assert words == type_in_words(name, language)


def test_the_table_is_data_and_its_order_decides() -> None:
    rules = (
        DocumentRule(type="permit", words=("vog", "*vergunning")),
        DocumentRule(type="cv", words=("vog cv",)),
    )

    assert document_type("VOG cv.pdf", rules=rules) == "permit"
    assert document_type("werkvergunning.pdf", rules=rules) == "permit"
    assert OTHER == document_type("CV.pdf", rules=rules)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("CV Müller.pdf", "CV Müller.pdf"),
        ("Mu\u0308ller.pdf", "Müller.pdf"),
        ("/absolute/whoa", "whoa"),
        ("..\\..\\x.pdf", "x.pdf"),
        ("C:\\a.pdf", "a.pdf"),
        ("C:a.pdf", "a.pdf"),
        ("folder/", "folder"),
        ("CON", "_CON"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("COM1.pdf", "_COM1.pdf"),
        ("console.pdf", "console.pdf"),
        ("a.pdf. ", "a.pdf"),
        ("...", "unnamed"),
        ("", "unnamed"),
        (" \t", "unnamed"),
        ("\u202e\u200b", "unnamed"),
        ("a\r\nb\0c.pdf", "a bc.pdf"),
        ("a\x1b[31m.pdf", "a[31m.pdf"),
        ('a<b>:"|?*.pdf', "a_b______.pdf"),
        ("invoice_\u202egpj.exe", "invoice_gpj.exe"),
        ("in\u200bvoice\ufeff.pdf", "invoice.pdf"),
        ("a\u2028b\u3000c.pdf", "a b c.pdf"),
        ("a\ud800.pdf", "a.pdf"),
        ("x" + "\u0336" * 50 + ".pdf", "x\u0336\u0336.pdf"),
        ("=?utf-8?q?a/b=E2=80=AE=2Epdf?=", "b.pdf"),
        (".htaccess", "htaccess"),
    ],
)
def test_I10_I11_a_name_is_made_fit_to_show(name: str, shown: str) -> None:
    assert shown == clean_filename(name)


def test_I10_a_long_name_keeps_its_extension() -> None:
    assert clean_filename("ü" * 300 + ".pdf") == "ü" * 97 + ".pdf"
    assert len(clean_filename("a" * 300)) == 199
    assert len(clean_filename("a." + "b" * 300)) == 199


@given(st.text())
def test_any_name_becomes_one_that_can_be_shown(name: str) -> None:
    shown = clean_filename(name)

    assert shown
    assert shown.isprintable()
    assert len(shown.encode()) <= 200
    assert not set('/\\<>:"|?*') & set(shown)
    assert shown == clean_filename(shown)


@given(st.text())
def test_no_name_raises(name: str) -> None:
    document_type(name)


@pytest.mark.parametrize("name", ["a" * 1_000_000, "aA" * 500_000, "=?" * 500_000, "/" * 1_000_000])
def test_an_endless_name_costs_next_to_nothing(name: str) -> None:
    assert cost_of(lambda: document_type(name)) < 0.1
