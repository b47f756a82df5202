"""Dates as mail programs of all countries write them above a forwarded mail."""

from datetime import UTC, datetime

import pytest

from gateway.core.forwarded import parse_date

MORNING = [
    ("nl", "woensdag 31 december 2025 00:05"),
    ("nl", "31 dec. 2025, 00:05:00"),
    ("de", "Mittwoch, 31. Dezember 2025 um 00:05 Uhr"),
    ("fr", "mercredi 31 décembre 2025 à 00:05"),
    ("en", "Wednesday, December 31, 2025 12:05 AM"),
    ("es", "miércoles, 31 de diciembre de 2025, 0:05"),
    ("ca", "31 de des. de 2025 0:05"),
    ("gl", "mércores, 31 de decembro de 2025, 00:05"),
    ("da", "31.12.2025 00.05"),
    ("da", "onsdag den 31. december 2025 00.05.00"),
    ("sv", "den 31 december 2025 00:05"),
    ("nb", "31. des. 2025 00:05"),
    ("fi", "keskiviikko 31. joulukuuta 2025 klo 0.05"),
    ("et", "31. detsember 2025 00:05"),
    ("lv", "trešdiena, 2025. gada 31. decembris 00:05:00"),
    ("lt", "2025 m. gruodžio 31 d. 00:05"),
    ("pl", "środa, 31 grudnia 2025 00:05"),
    ("sk", "streda 31. decembra 2025, 0:05"),
    ("hu", "2025. december 31., szerda 0:05"),
    ("sr", "sreda, 31. decembar 2025. 00:05"),
    ("tr", "31 Aralık 2025 Çarşamba 00:05"),
    ("az", "31 dekabr 2025, çərşənbə 00:05"),
    ("sq", "e mërkurë, 31 dhjetor 2025, 12:05 p.d."),
    ("eu", "2025(e)ko abenduaren 31(a), asteazkena 00:05"),
    ("cy", "Dydd Mercher, 31 Rhagfyr 2025 00:05"),
    ("be", "серада, 31 снежня 2025 г., 00:05"),
    ("el", "Τετάρτη 31 Δεκεμβρίου 2025 12:05 π.μ."),
    ("he", "31 בדצמ׳ 2025, 0:05"),
    ("ar", "الأربعاء، 31 ديسمبر 2025، 12:05 ص"),
    ("fa", "چهارشنبه 31 دسامبر 2025، ساعت 0:05"),
    ("hi", "31 दिसंबर 2025, 12:05 am"),
    ("th", "31 ธันวาคม พ.ศ. 2568 00:05"),
    ("th", "31 ธ.ค. 2025 00:05"),
    ("ka", "31 დეკემბერი, 2025, 00:05"),
    ("hy", "2025 թ. դեկտեմբերի 31, 00:05"),
    ("vi", "31 tháng 12, 2025 00:05"),
    ("id", "31 Desember 2025 00.05"),
    ("ms", "31 Disember 2025, 12:05 PG"),
    ("zh", "2025年12月31日 星期三 凌晨12:05"),
    ("ko", "2025년 12월 31일 AM 12시 5분"),
]
EVENING = [
    ("en", "Thursday, 2 November 2023 at 9:26 PM"),
    ("fi", "2.11.2023 21.26"),
    ("ms", "2 November 2023 9:26 PTG"),
    ("sq", "2 nëntor 2023 9:26 m.d."),
    ("el", "2 Νοεμβρίου 2023 9:26 μ.μ."),
    ("ar", "2 نوفمبر 2023 9:26 م"),
    ("zh", "2023年11月2日 晚上9:26"),
    ("ko", "2023. 11. 2. 오후 9:26"),
    ("ja", "2023年11月2日 午後9:26"),
    ("es", "2 de 11 de 2023 21:26"),
    ("da", "02 11 2023 kl. 21:26"),
    ("lt", "2023 11 02 21:26"),
    ("pl", "2.11.2023 o 21∶26"),
    ("pt", "21:26 de 02.11.2023"),
    ("de", "2023-11-02T21:26:00"),
]


@pytest.mark.parametrize(("language", "text"), MORNING)
def test_the_last_morning_of_a_year_is_read(language: str, text: str) -> None:
    moment = parse_date(text, languages=(language,), zone=UTC)

    assert moment is not None
    assert datetime(2025, 12, 31, 0, 5, tzinfo=UTC) == moment.replace(second=0)


@pytest.mark.parametrize(("language", "text"), EVENING)
def test_the_day_stands_before_the_month_and_evenings_are_evenings(
    language: str, text: str
) -> None:
    assert datetime(2023, 11, 2, 21, 26, tzinfo=UTC) == parse_date(
        text, languages=(language,), zone=UTC
    )
