"""Dates as mail programs of all countries write them above a forwarded mail."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.core.replies.forwarded.dates import parse_date

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
    ("en", "Nov-2-23 9:26 PM"),
    ("en", "Thursday, November-02-2023 9:26 PM"),
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
    ("de", "2. November 2023 9:26 nachm."),
    ("ko", "23. 11. 2. 오후 9:26"),
    ("ko", "23/11/2 오후 9:26 (GMT+00:00)"),
    ("ja", "23/11/2 21:26"),
    ("eu", "23/11/2 21:26"),
    ("nl", "2/11/23 21:26"),
    ("vi", "Thứ Năm, 2 tháng 11, 2023 9:26 CH"),
    ("vi", "02 Tháng Mười Một 2023 9:26 CH"),
    ("vi", "thg 11 2, 2023 9:26 CH"),
    ("en", "nov. 2, 2023 9:26 em"),  # its words were not translated
    ("hu", "2023. november 2., csütörtök 9:26 du."),
    ("hu", "2023. november 2. du. 9:26"),
    ("tr", "2 Kasım 2023 Perşembe 9:26 ÖS"),
    ("fa", "پنجشنبه 2 نوامبر 2023 9:26 ب.ظ."),
    ("sv", "torsdag 2 november 2023 9:26 em"),
    ("cs", "čtvrtek 2. listopadu 2023 9:26 odp."),
    ("sr", "четвртак, 2. новембар 2023. 9:26 по подне"),
    ("pa", "2 ਨਵੰਬਰ 2023 9:26 ਬਾ.ਦੁ."),
    ("he", "2 בנוב׳ 2023, 9:26 אחה״צ"),
    ("zh", "2023年11月2日 9:26 下午"),
    ("zh", "2023 11 月 2 星期四 下午 9:26"),
    ("am", "2 ኖቬምበር 2023 9:26 ከሰዓት"),
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


#: As Unicode's CLDR 48 writes a date, and so does Nextcloud Mail, in languages of any form.
WORLDWIDE = [
    ("ar-DZ", "23 نوفمبر 2026 في 9:15 ص"),
    ("ar-MA", "23 نونبر 2026 في 09:15"),
    ("ar-PS", "٢٣ تشرين الثاني ٢٠٢٦ في ٩:١٥ ص"),
    ("bm", "23 nowanburu 2026 09:15"),
    ("bn", "২৩ নভেম্বর, ২০২৬ এ ৯:১৫ AM"),
    ("br", "23 Du 2026 da 09:15"),
    ("cv", "2026, чӳк, 23, 09:15"),
    ("eo", "2026-Novembro-23 je 09:15"),
    ("fa", "۲ آذر ۱۴۰۵ ساعت ۹:۱۵"),
    ("fil", "Nobyembre 23, 2026 nang 9:15 AM"),
    ("fy", "23 Novimber 2026 om 09:15"),
    ("ga", "23 Samhain 2026 ag 09:15"),
    ("gd", "23mh dhen t-Samhain 2026 aig 09:15"),
    ("gom-Latn", "23 Novembr, 2026, AM 9:15 vaztam"),
    ("gu", "23 નવેમ્બર, 2026 9:15 AM"),
    ("hr", "23. studenoga 2026. u 09:15"),
    ("hsb", "23. nowembra 2026 w 9:15 hodź."),
    ("kk", "2026 ж. 23 қараша, 09:15"),
    ("km", "23 វិច្ឆិកា 2026 នៅ\u200bម៉ោង 9:15 AM"),
    ("kn", "ನವೆಂಬರ್ 23, 2026 ರಂದು 9:15 AM ಸಮಯಕ್ಕೆ"),
    ("ku", "23ê mijdara 2026an 09:15"),
    ("ky", "2026-ж., 23-ноябрь 09:15"),
    ("lo", "23 ພະຈິກ 2026, 09:15"),
    ("mi", "23 Noema 2026 i 9:15 AM"),
    ("ml", "2026 നവംബർ 23, 9:15 AM-ന്"),
    ("mn", "2026 оны арван нэгдүгээр сарын 23 09:15"),
    ("mr", "२३ नोव्हेंबर, २०२६ रोजी ९:१५ AM वाजता"),
    ("mt", "23 ta’ Novembru 2026 09:15"),
    ("my", "၂၀၂၆ နိုဝင်ဘာ ၂၃ ၀၉:၁၅"),
    ("ne", "२०२६ नोभेम्बर २३: ०९:१५"),
    ("pa", "23 ਨਵੰਬਰ 2026 9:15 AM"),
    ("rm", "23 da november 2026 a las 09:15"),
    ("sd", "٢٠٢٦ نومبر ٢٣ ٩:١٥ صبح"),
    ("se", "2026 skábmamánnu 23 09:15"),
    ("si", "2026 ඉල් 23 දින 09.15"),
    ("ta", "23 நவம்பர், 2026 அன்று 9:15 AM"),
    ("te", "23 నవంబర్, 2026 9:15 AMకి"),
    ("tk", "23 noýabr 2026 sagat 09:15"),
    ("tzm", "23 Nwanbir 2026 09:15"),
    ("ug", "23-نويابىر، 2026 09:15"),
    ("ur", "23 نومبر، 2026 کو 9:15 AM"),
    ("uz", "23-noyabr, 2026, 09:15"),
    ("yo", "23 Oṣù Bélú 2026 ní 09:15"),
    ("zh", "星期一, 十一月 23, 2026 9:15"),
    ("ko", "월요일, 11월 23, 2026 09:15"),
    ("pt", "Segunda, Novembro 23, 2026 09:15"),
]
#: Parts of the day that are words: older Nextcloud Mail writes them (Moment 2.30).
AFTERNOON = [
    "४ मार्च २०२६, दोपहर २:०५ बजे",
    "৪ মার্চ ২০২৬, দুপুর ২:০৫ সময়",
    "೪ ಮಾರ್ಚ್ ೨೦೨೬, ಮಧ್ಯಾಹ್ನ ೨:೦೫",
    "4 മാർച്ച് 2026, ഉച്ച കഴിഞ്ഞ് 2:05 -നു",
    "2026 මාර්තු 4, ප.ව. 2:05",
    "4, మార్చి 2026 2:05 PMకి",
    "4 Mawrth 2026 am 14:05",
]


@pytest.mark.parametrize(("language", "text"), WORLDWIDE)
def test_a_date_of_any_language_is_read_without_knowing_which(language: str, text: str) -> None:
    assert datetime(2026, 11, 23, 9, 15, tzinfo=UTC) == parse_date(text, zone=UTC), language


@pytest.mark.parametrize("text", AFTERNOON)
def test_a_time_in_the_afternoon_is_none_in_the_morning(text: str) -> None:
    assert datetime(2026, 3, 4, 14, 5, tzinfo=UTC) == parse_date(text, zone=UTC)


def test_a_time_past_midnight_is_none_at_noon() -> None:
    assert datetime(2026, 1, 31, 0, 30, tzinfo=UTC) == parse_date(
        "३१ जनवरी २०२६, रात १२:३० बजे", zone=UTC
    )


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "2026年11月23日 GMT+08:00 下午4:15:02"),  # K-9 Mail
        ("zh", "2026年11月23日 GMT+8 16:15:02"),
        ("my", "2026 နိုဝင်ဘာ 23 GMT+1 09:15:02"),
        ("th", "23 พฤศจิกายน ค.ศ. 2026 9 นาฬิกา 15 นาที 02 วินาที GMT+1"),
        ("lo", "23 ພະຈິກ 2026, 9 ໂມງ 15 ນາທີ 02 ວິນາທີ GMT+01:00"),
        ("bn", "23 নভেম্বর, 2026 9:15:02 AM +0100"),
        ("ne", "2026 नोभेम्बर 23 09:15:02 GMT+1"),
        ("kk", "2026 ж. 23 қараша, 13:45:02 GMT+5:30"),
        ("cs", "23. listopadu 2026 9:15:02 SEČ"),
        ("en", "23-nov-2026 03:15 -0500"),
        ("en", "2026-11-23T03:15:02-05:00"),
        ("en", "11/23/2026 3:15 AM (UTC-05:00) Eastern"),
    ],
)
def test_an_offset_is_no_part_of_the_day_or_the_time(language: str, text: str) -> None:
    moment = parse_date(text, languages=(language,), zone=timezone(timedelta(hours=9)))

    assert moment is not None
    assert datetime(2026, 11, 23, 8, 15, tzinfo=UTC) == moment.replace(second=0)


@pytest.mark.parametrize(
    "text", ["31 tháng 12, 2025 12:05 SA", "2025. december 31. 0:05 de.", "31.12.2025 12:05 vorm."]
)
def test_a_word_for_the_morning_makes_twelve_midnight(text: str) -> None:
    assert datetime(2025, 12, 31, 0, 5, tzinfo=UTC) == parse_date(
        text, languages=("vi", "hu", "de"), zone=UTC
    )


def test_two_capital_letters_are_a_half_of_the_day_where_no_language_is_known() -> None:
    moments = [parse_date(f"2/11/2023 9:26 {half}", zone=UTC) for half in ("SA X", "CH X", "Ch X")]

    assert [9, 21, 9] == [moment.hour for moment in moments if moment]


def test_two_letters_are_a_half_of_the_day_in_their_own_language_only() -> None:
    text = "2 november 2023 9:26 em Lund"

    moments = [parse_date(text, languages=(each,), zone=UTC) for each in ("sv", "pt")]

    assert [21, 9] == [moment.hour for moment in moments if moment]


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("7. listopada 2026. u 10:10", 10),
        ("7. listopada 2026 10:10", 10),
        ("7 listopada 2026 10:10", 11),
        ("7. listopadu 2026 v 10:10", 11),
        ("3. lip 2026. 10:10", 6),
        ("3 lip 2026, 10:10", 7),
    ],
)
def test_a_full_stop_tells_a_croatian_month_from_a_polish_one(text: str, month: int) -> None:
    moment = parse_date(text, zone=UTC)

    assert moment is not None
    assert month == moment.month


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("۱ فروردین ۱۴۰۵ ساعت ۹:۱۵", datetime(2026, 3, 21, 9, 15, tzinfo=UTC)),
        ("۲۹ اسفند ۱۴۰۴ ساعت ۹:۱۵", datetime(2026, 3, 20, 9, 15, tzinfo=UTC)),
        ("۳۰ اسفند ۱۴۰۳ ساعت ۹:۱۵", datetime(2025, 3, 20, 9, 15, tzinfo=UTC)),
    ],
)
def test_the_persian_calendar_has_leap_years_of_its_own(text: str, day: datetime) -> None:
    assert day == parse_date(text, zone=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "23 foo 2026 09:15",
        "২৩, ২৪ মার্চ ২০২৬ ৯:১৫",
        "45 খ মার্চ ২০২৬ ৯:১৫",
    ],
)
def test_what_names_no_day_or_two_is_no_date(text: str) -> None:
    assert parse_date(text, zone=UTC) is None
