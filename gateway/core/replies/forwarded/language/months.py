"""Month names by language; a name may have several forms separated by `|`."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from gateway.core.replies.forwarded.language.further_months import NAMES, PERSIAN

_SHORTEST = 3  #: Letters that are enough to identify a month: `okt` is October.


def _by_language(table: str) -> dict[str, str]:
    """Return the names in each language: a line starting with its code, and continuation lines."""
    rows = re.split(r"\n(?=\S)", table.strip())
    return dict(row.split(maxsplit=1) for row in rows)


#: Twelve names per language, as used in dates; abbreviations only if they aren't a prefix.
_NAMES = _by_language("""
en  january february march april may june july august september october november december
nl  januari februari maart|mrt april mei juni juli augustus september oktober november december
de  januar|jänner februar|feber märz|mrz april mai juni juli august september oktober november
    dezember
fr  janvier février|fevrier mars avril mai juin juillet|juil août|aout septembre octobre novembre
    décembre|decembre
es  enero febrero marzo abril mayo junio julio agosto septiembre|setiembre octubre noviembre
    diciembre
ca  gener febrer març abril maig juny juliol agost|ag setembre octubre novembre desembre
it  gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
pt  janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro
ro  ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie|noi
    decembrie
da  januar februar marts april maj juni juli august september oktober november december
nb  januar februar mars april mai juni juli august september oktober november desember
sv  januari februari mars april maj juni juli augusti september oktober november december
is  janúar febrúar mars apríl maí júní júlí ágúst september október nóvember desember
fi  tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu heinäkuu elokuu syyskuu lokakuu
    marraskuu joulukuu
et  jaanuar veebruar märts aprill mai juuni juuli august september oktoober november detsember
lv  janvāris februāris marts aprīlis maijs jūnijs jūlijs augusts septembris oktobris novembris
    decembris
lt  sausio|sausis vasario|vasaris kovo|kovas balandžio|balandis gegužės|gegužė birželio|birželis
    liepos|liepa rugpjūčio|rugpjūtis rugsėjo|rugsėjis spalio|spalis lapkričio|lapkritis
    gruodžio|gruodis
pl  styczeń|stycznia luty|lutego marzec|marca kwiecień|kwietnia maj|maja czerwiec|czerwca
    lipiec|lipca sierpień|sierpnia wrzesień|września październik|października listopad|listopada
    grudzień|grudnia
cs  leden|ledna únor|února březen|března duben|dubna květen|května červen|června
    červenec|července|čvc srpen|srpna září říjen|října listopad|listopadu prosinec|prosince
sk  január|januára február|februára marec|marca apríl|apríla máj|mája jún|júna júl|júla
    august|augusta september|septembra október|októbra november|novembra december|decembra
hu  január február március április május június július augusztus szeptember október november
    december
hr  siječanj|siječnja veljača|veljače ožujak|ožujka travanj|travnja svibanj|svibnja lipanj|lipnja
    srpanj|srpnja kolovoz|kolovoza rujan|rujna listopad|listopada studeni|studenog|studenoga
    prosinac|prosinca
sl  januar|januarja februar|februarja marec|marca april|aprila maj|maja junij|junija julij|julija
    avgust|avgusta september|septembra oktober|oktobra november|novembra december|decembra
sr  јануар|januar фебруар|februar март|mart април|april мај|maj јун|jun јул|jul август|avgust
    септембар|septembar октобар|oktobar новембар|novembar децембар|decembar
tr  ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık
ru  январь|января февраль|февраля март|марта апрель|апреля май|мая июнь|июня июль|июля
    август|августа сентябрь|сентября октябрь|октября ноябрь|ноября декабрь|декабря
uk  січень|січня лютий|лютого березень|березня квітень|квітня травень|травня червень|червня
    липень|липня серпень|серпня вересень|вересня жовтень|жовтня листопад|листопада грудень|грудня
bg  януари февруари март април май юни юли август септември октомври ноември декември
el  ιανουάριος|ιανουαρίου φεβρουάριος|φεβρουαρίου μάρτιος|μαρτίου απρίλιος|απριλίου
    μάιος|μαΐου|μαι ιούνιος|ιουνίου ιούλιος|ιουλίου αύγουστος|αυγούστου σεπτέμβριος|σεπτεμβρίου
    οκτώβριος|οκτωβρίου νοέμβριος|νοεμβρίου δεκέμβριος|δεκεμβρίου
he  ינואר|בינואר פברואר|בפברואר מרץ|במרץ אפריל|באפריל מאי|במאי יוני|ביוני יולי|ביולי
    אוגוסט|באוגוסט ספטמבר|בספטמבר אוקטובר|באוקטובר נובמבר|בנובמבר דצמבר|בדצמבר
ar  يناير فبراير مارس أبريل|ابريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر
id  januari februari maret april mei juni juli agustus september oktober november desember
be  студзень|студзеня люты|лютага сакавік|сакавіка красавік|красавіка май|мая чэрвень|чэрвеня
    ліпень|ліпеня жнівень|жніўня верасень|верасня кастрычнік|кастрычніка лістапад|лістапада
    снежань|снежня
mk  јануари февруари март април мај јуни јули август септември октомври ноември декември
sq  janar shkurt mars prill maj qershor korrik gusht shtator tetor nëntor dhjetor
az  yanvar fevral mart aprel may iyun|iyn iyul|iyl avqust sentyabr oktyabr noyabr dekabr
gl  xaneiro febreiro marzo abril maio xuño xullo agosto setembro outubro novembro decembro
eu  urtarrila|urtarrilaren otsaila|otsailaren martxoa|martxoaren apirila|apirilaren
    maiatza|maiatzaren ekaina|ekainaren uztaila|uztailaren abuztua|abuztuaren iraila|irailaren
    urria|urriaren azaroa|azaroaren abendua|abenduaren
cy  ionawr chwefror mawrth ebrill mai mehefin gorffennaf awst medi hydref tachwedd rhagfyr
lb  januar februar mäerz abrëll mee juni juli august september oktober november dezember
eo  januaro februaro marto aprilo majo junio julio aŭgusto septembro oktobro novembro decembro
ms  januari februari mac april mei jun julai ogos september oktober november disember
fa  ژانویه|ژانویهٔ فوریه|فوریهٔ مارس آوریل مه|مهٔ ژوئن ژوئیه|ژوئیهٔ اوت سپتامبر اکتبر نوامبر
    دسامبر
hi  जनवरी|जन॰ फ़रवरी|फ़र॰ मार्च अप्रैल मई जून जुलाई|जुल॰ अगस्त|अग॰ सितंबर|सित॰ अक्टूबर|अक्टू॰
    नवंबर|नव॰ दिसंबर|दिस॰
th  มกราคม|ม.ค กุมภาพันธ์|ก.พ มีนาคม|มี.ค เมษายน|เม.ย พฤษภาคม|พ.ค มิถุนายน|มิ.ย กรกฎาคม|ก.ค
    สิงหาคม|ส.ค กันยายน|ก.ย ตุลาคม|ต.ค พฤศจิกายน|พ.ย ธันวาคม|ธ.ค
hy  հունվարի|հնվ փետրվարի|փտվ մարտի|մրտ ապրիլի մայիսի|մյս հունիսի|հնս հուլիսի|հլս օգոստոսի|օգս
    սեպտեմբերի հոկտեմբերի նոյեմբերի դեկտեմբերի
ka  იანვარი თებერვალი მარტი აპრილი მაისი ივნისი ივლისი აგვისტო სექტემბერი ოქტომბერი ნოემბერი
    დეკემბერი
""")


def _forms(names: str) -> list[tuple[str, int]]:
    return [
        (form.casefold(), number)
        for number, forms in enumerate(names.split(), start=1)
        for form in forms.split("|")
    ]


_FORMS = {language: _forms(names) for language, names in _NAMES.items()}
_MOST_WORDS = 3  #: Words in a month's name: `арван нэгдүгээр сар` is the eleventh.
_DECLINED = 5  #: Letters of a name that may be inflected: `mijdara` is a form of `mijdar`.


def month_number(word: str, languages: Iterable[str]) -> int | None:
    """Return which month a word means, in the given languages if possible, else in any.

    `lis` is October in Croatian and November in Polish.
    """
    folded = word.casefold().rstrip(".׳'")
    for language in [*languages, *_FORMS]:
        number = _number_in(folded, _FORMS.get(language, ()))
        if number is not None:
            return number
    return None


def _number_in(word: str, forms: Iterable[tuple[str, int]]) -> int | None:
    exact = [number for form, number in forms if form == word]
    if exact or len(word) < _SHORTEST:
        return exact[0] if exact else None
    begun = [number for form, number in forms if form.startswith(word)]
    declined = begun or [n for form, n in forms if len(form) > _SHORTEST and word.startswith(form)]
    return declined[0] if declined else None


def month_within(text: str) -> int | None:
    """Return the month named in a text in any language; None if there is none, or two.

    If names overlap, the longest counts. Slower than `month_number`, which is for a word at the
    place where known languages have it.
    """
    return _named_within(text, _ANY)


def persian_month_within(text: str) -> int | None:
    """Return the month of the Persian calendar named in a text."""
    return _named_within(text, _PERSIAN)


def _words(text: str) -> list[str]:
    """Return the words of a text in comparable form: only letters and their marks."""
    folded = unicodedata.normalize("NFC", text.casefold())
    return "".join(c if unicodedata.category(c)[0] in "LM" else " " for c in folded).split()


def _index(languages: Iterable[Iterable[Iterable[str]]]) -> dict[str, frozenset[int]]:
    table: dict[str, frozenset[int]] = {}
    for months in languages:
        for number, forms in enumerate(months, start=1):
            for form in forms:
                key = " ".join(_words(form))
                table[key] = table.get(key, frozenset()) | {number}
    return table


def _split_names(names: str) -> list[list[str]]:
    return [forms.strip().split("|") for forms in names.split(";")]


def _named_within(text: str, table: dict[str, frozenset[int]]) -> int | None:
    candidates = list(named_months(_words(text), table))
    longest = max((length for length, _ in candidates), default=0)
    numbers = {n for length, months in candidates if length == longest for n in months}
    return next(iter(numbers)) if len(numbers) == 1 else None


def named_months(
    words: list[str], table: dict[str, frozenset[int]]
) -> Iterator[tuple[int, frozenset[int]]]:
    """Yield the length of each month's name among the words, and which months it may be."""
    for start in range(len(words)):
        for end in range(start + 1, min(start + _MOST_WORDS, len(words)) + 1):
            name = " ".join(words[start:end])
            if name in table:
                yield len(name), table[name]
        for end in range(len(words[start]) - 1, _DECLINED - 1, -1):
            if words[start][:end] in table:
                yield end, table[words[start][:end]]
                break


_ANY = _index(
    [
        *([form.split("|") for form in names.split()] for names in _NAMES.values()),
        *map(_split_names, _by_language(NAMES).values()),
    ]
)
_PERSIAN = _index([_split_names(PERSIAN)])
