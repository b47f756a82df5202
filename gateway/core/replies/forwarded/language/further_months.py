"""Month names in further languages, in the forms used in dates: data only.

From Unicode's CLDR 48 and, where it differs, Moment 2.30 (long, short and standalone), in lower
case; months are separated by `;`, the forms of one by `|`. Nextcloud Mail and Tuta write dates with
these, whatever the language.
"""

NAMES = """
am        ጃንዋሪ|ጃንዩ|ጃን; ፌብሩዋሪ|ፌብሩ; ማርች; ኤፕሪል|ኤፕሪ; ሜይ; ጁን; ጁላይ; ኦገስት|ኦገስ; ሴፕቴምበር|ሴፕቴ; ኦክቶበር|ኦክቶ;
          ኖቬምበር|ኖቬም; ዲሴምበር|ዲሴም
ar-dz     جانفي; فيفري; مارس; أفريل; ماي; جوان; جويلية; أوت; سبتمبر; أكتوبر; نوفمبر; ديسمبر
ar-ma     يناير; فبراير; مارس; أبريل; ماي; يونيو; يوليوز; غشت; شتنبر; أكتوبر; نونبر; دجنبر
ar-ps     كانون الثاني; شباط; آذار; نيسان; أيار|أيّار; حزيران; تموز|تمّوز; آب; أيلول; تشرين
          الأول|تشري الأوّل; تشرين الثاني; كانون الأول|كانون الأوّل
bm        zanwuye|zan|zanwuyekalo; feburuye|feb|fewuruyekalo|few; marisi|mar|marisikalo;
          awirili|awi|awirilikalo; mɛ|mɛkalo; zuwɛn|zuw|zuwɛnkalo; zuluye|zul|zuluyekalo;
          uti|utikalo; sɛtanburu|sɛt|sɛtanburukalo; ɔkutɔburu|ɔku|ɔkutɔburukalo;
          nowanburu|now|nowanburukalo; desanburu|des|desanburukalo
bn        জানুয়ারি|জানুয়ারী|জানু; ফেব্রুয়ারি|ফেব্রুয়ারী|ফেব; মার্চ; এপ্রিল|এপ্রি; মে; জুন;
          জুলাই|জুল; আগস্ট|আগ; সেপ্টেম্বর|সেপ; অক্টোবর|অক্টো; নভেম্বর|নভে; ডিসেম্বর|ডিসে
br        genver|gen; cʼhwevrer|cʼhwe; meurzh|meur; ebrel|ebr; mae; mezheven|mezh; gouere|goue;
          eost; gwengolo|gwen; here; du; kerzu|kzu
cv        кӑрлач|кӑр; нарӑс|нар; пуш; ака; ҫу; ҫӗртме|ҫӗрт; утӑ; ҫурла|ҫур; авӑн; юпа; чӳк;
          раштав|раш
fil       enero|ene; pebrero|peb; marso|mar; abril|abr; mayo|may; hunyo|hun; hulyo|hul;
          agosto|ago; setyembre|set; oktubre|okt; nobyembre|nob; disyembre|dis
fo        januar|jan; februar|feb; mars|mar; apríl|apr; mai; juni|jun; juli|jul; august|aug;
          september|sep; oktober|okt; november|nov; desember|des
fur       zenâr|zen; fevrâr|fev; març|mar; avrîl|avr; mai; jugn|jug; lui; avost|avo; setembar|set;
          otubar|otu; novembar|nov; dicembar|dic
fy        jannewaris|jan; febrewaris|feb; maart|mrt; april|apr; maaie|mai; juny|jun; july|jul;
          augustus|aug; septimber|sep; oktober|okt; novimber|nov; desimber|des
ga        eanáir|ean; feabhra|feabh; márta; aibreán|aib; bealtaine|beal; meitheamh|meith; iúil;
          lúnasa|lún; meán fómhair|mfómh; deireadh fómhair|dfómh; samhain|samh; nollaig|noll
gd        fhaoilleach|faoi|am faoilleach; ghearran|gearr|an gearran; mhàrt|màrt|am màrt;
          ghiblean|gibl|an giblean; chèitean|cèit|an cèitean; ògmhios|ògmh|an t ògmhios;
          iuchar|iuch|an t iuchar; lùnastal|lùna|an lùnastal; t sultain|sult|an t sultain;
          dàmhair|dàmh|an dàmhair; t samhain|samh|an t samhain; dùbhlachd|dùbh|an dùbhlachd
gom-latn  janer|jan; febrer|feb; mars|mar; abril|abr; mai; jun; julai|jul; agost|ago; setembr|set;
          otubr|otu; novembr|nov; dezembr|dez
kok       जानेवारी|जाने; फेब्रुवारी|फेब्रु; मार्च; एप्रील|एप्री; मे; जून; जुलय|जुल; ऑगस्ट|ऑग;
          सप्टेंबर|सप्टें; ऑक्टोबर|ऑक्टो; नोव्हेंबर|नोव्हें; डिसेंबर|डिसें
gu        જાન્યુઆરી|જાન્યુ; ફેબ્રુઆરી|ફેબ્રુ; માર્ચ; એપ્રિલ|એપ્રિ; મે; જૂન; જુલાઈ|જુલા; ઑગસ્ટ|ઑગ;
          સપ્ટેમ્બર|સપ્ટે; ઑક્ટોબર|ઑક્ટો|ઑક્ટ્બર|ઑક્ટ્; નવેમ્બર|નવે; ડિસેમ્બર|ડિસે
hsb       januara|jan|januar; februara|feb|februar; měrca|měr|měrc; apryla|apr|apryl;
          meje|mej|meja; junija|jun|junij; julija|jul|julij; awgusta|awg|awgust;
          septembra|sep|september; oktobra|okt|oktober; nowembra|now|nowember;
          decembra|dec|december
dsb       januara|jan|januar; februara|feb|februar; měrca|měr|měrc; apryla|apr|apryl; maja|maj;
          junija|jun|junij; julija|jul|julij; awgusta|awg|awgust; septembra|sep|september;
          oktobra|okt|oktober; nowembra|now|nowember; decembra|dec|december
jv        januari|jan; februari|feb; maret|mar; april|apr; mei; juni|jun; juli|jul;
          agustus|agt|ags; september|sep; oktober|okt; november|nov|nopember|nop; desember|des
kk        қаңтар|қаң; ақпан|ақп; наурыз|нау; сәуір|сәу; мамыр|мам; маусым|мау; шілде|шіл;
          тамыз|там; қыркүйек|қыр; қазан|қаз; қараша|қар; желтоқсан|жел
km        មករា; កុម្ភៈ; មីនា; មេសា; ឧសភា; មិថុនា; កក្កដា; សីហា; កញ្ញា; តុលា; វិច្ឆិកា; ធ្នូ
kn        ಜನವರಿ|ಜನ; ಫೆಬ್ರವರಿ|ಫೆಬ್ರ; ಮಾರ್ಚ್; ಏಪ್ರಿಲ್|ಏಪ್ರಿ; ಮೇ; ಜೂನ್; ಜುಲೈ; ಆಗಸ್ಟ್|ಆಗ;
          ಸೆಪ್ಟೆಂಬರ್|ಸೆಪ್ಟೆಂ; ಅಕ್ಟೋಬರ್|ಅಕ್ಟೋ; ನವೆಂಬರ್|ನವೆಂ; ಡಿಸೆಂಬರ್|ಡಿಸೆಂ
ku        rêbendan|rbn|کانونی دووەم; sibat|sbt|شوبات; adar|adr|ئازار|adara; nîsan|nsn|نیسان;
          gulan|gln|ئایار; hezîran|hzr|حوزەیران; tîrmeh|trm|تەمموز; tebax|tbx|ئاب;
          îlon|îln|ئەیلوول|îlona; cotmeh|cot|تشرینی یەكەم; mijdar|mjd|تشرینی دووەم;
          berfanbar|brf|كانونی یەکەم
ky        январь|янв; февраль|фев; март|мар; апрель|апр; май; июнь|июн; июль|июл; август|авг;
          сентябрь|сен; октябрь|окт; ноябрь|ноя; декабрь|дек
lo        ມັງກອນ|ມ ກ; ກຸມພາ|ກ ພ; ມີນາ|ມ ນ; ເມສາ|ມ ສ; ພຶດສະພາ|ພ ພ; ມິຖຸນາ|ມິ ຖ; ກໍລະກົດ|ກ ລ;
          ສິງຫາ|ສ ຫ; ກັນຍາ|ກ ຍ; ຕຸລາ|ຕ ລ; ພະຈິກ|ພ ຈ; ທັນວາ|ທ ວ
mi        hānuere|hān|kohi tāte|kohi; pēpuere|pēp|hui tanguru|hui; māehe|māe|poutū te rangi|pou;
          āpereira|āpe|āperira|paenga whāwhā|pae; mei|haratua|hara; hune|hun|pipiri|pipi;
          hūrae|hūr|hōngoingoi|hōngoi; ākuhata|āku|here turi kōkā|here; hepetema|hep|mahuru|mahu;
          oketopa|oke|whiringa ā nuku|whi nu; noema|noe|whiringa ā rangi|whi ra;
          tīhema|tīh|hakihea|haki
ml        ജനുവരി|ജനു; ഫെബ്രുവരി|ഫെബ്രു; മാർച്ച്|മാർ; ഏപ്രിൽ|ഏപ്രി; മേയ്; ജൂൺ; ജൂലൈ; ഓഗസ്റ്റ്|ഓഗ;
          സെപ്റ്റംബർ|സെപ്റ്റം; ഒക് ടോബർ|ഒക്ടോ; നവംബർ|നവം; ഡിസംബർ|ഡിസം
mn        нэгдүгээр; хоёрдугаар; гуравдугаар; дөрөвдүгээр; тавдугаар; зургаадугаар|зургадугаар;
          долоодугаар|долдугаар; наймдугаар; есдүгээр; аравдугаар; арван нэгдүгээр; арван
          хоёрдугаар
mr        जानेवारी|जाने; फेब्रुवारी|फेब्रु; मार्च; एप्रिल|एप्रि; मे; जून; जुलै; ऑगस्ट|ऑग;
          सप्टेंबर|सप्टें; ऑक्टोबर|ऑक्टो; नोव्हेंबर|नोव्हें; डिसेंबर|डिसें
mt        jannar|jan; frar|fra; marzu|mar; april|apr; mejju|mej; ġunju|ġun; lulju|lul;
          awwissu|aww; settembru|set; ottubru|ott; novembru|nov; diċembru|diċ
my        ဇန်နဝါရီ|ဇန်; ဖေဖော်ဝါရီ|ဖေ; မတ်; ဧပြီ|ပြီ; မေ; ဇွန်; ဇူလိုင်|ဇူ|လိုင်; ဩဂုတ်|သြဂုတ်|သြ;
          စက်တင်ဘာ|စက်; အောက်တိုဘာ|အောက်; နိုဝင်ဘာ|နို; ဒီဇင်ဘာ|ဒီ
ne        जनवरी|जन; फेब्रुअरी|फेब्रुवरी|फेब्रु; मार्च; अप्रिल|अप्रि; मे|मई; जुन; जुलाई;
          अगस्ट|अगष्ट|अग; सेप्टेम्बर|सेप्ट; अक्टोबर|अक्टो; नोभेम्बर|नोभे; डिसेम्बर|डिसे
oc        genièr; febrièr; març; d abril; mai; junh; julhet; d agost; setembre; d octòbre;
          novembre; decembre
pa        ਜਨਵਰੀ|ਜਨ; ਫ਼ਰਵਰੀ|ਫ਼ਰ; ਮਾਰਚ; ਅਪ੍ਰੈਲ|ਅਪ੍ਰੈ; ਮਈ; ਜੂਨ; ਜੁਲਾਈ|ਜੁਲਾ; ਅਗਸਤ|ਅਗ; ਸਤੰਬਰ|ਸਤੰ;
          ਅਕਤੂਬਰ|ਅਕਤੂ; ਨਵੰਬਰ|ਨਵੰ; ਦਸੰਬਰ|ਦਸੰ
rm        schaner|schan; favrer|favr; mars; d avrigl|avr|avrigl; matg; zercladur|zercl;
          fanadur|fan; d avust|avust; settember|sett; d october|oct|october; november|nov;
          december|dec
sd        جنوري; فيبروري; مارچ; اپريل; مئي; جون; جولاءِ; آگسٽ; سيپٽمبر; آڪٽوبر; نومبر; ڊسمبر
se        ođđajagemánnu|ođđj; guovvamánnu|guov; njukčamánnu|njuk; cuoŋománnu|cuo;
          miessemánnu|mies; geassemánnu|geas; suoidnemánnu|suoi; borgemánnu|borg; čakčamánnu|čakč;
          golggotmánnu|golg; skábmamánnu|skáb; juovlamánnu|juov
si        දුරුතු|ජනවාරි|ජන; නවම්|පෙබරවාරි|පෙබ; මැදින්|මාර්තු|මාර්; බක්|අප් රේල්|අප්; වෙසක්|මැයි;
          පොසොන්|ජූනි; ඇසළ|ජූලි; නිකිණි|අගෝස්තු|අගෝ; බිනර|සැප්තැම්බර්|සැප්; වප්|ඔක්තෝබර්|ඔක්;
          ඉල්|නොවැම්බර්|නොවැ; උඳුවප්|දෙසැම්බර්|දෙසැ
sw        januari|jan; februari|feb; machi|mac; aprili|apr; mei; juni|jun; julai|jul; agosti|ago;
          septemba|sep; oktoba|okt; novemba|nov; desemba|des
ta        ஜனவரி|ஜன; பிப்ரவரி|பிப்; மார்ச்|மார்; ஏப்ரல்|ஏப்; மே; ஜூன்; ஜூலை; ஆகஸ்ட்|ஆக;
          செப்டம்பர்|செப்; அக்டோபர்|அக்; நவம்பர்|நவ; டிசம்பர்|டிச
te        జనవరి|జన; ఫిబ్రవరి|ఫిబ్ర; మార్చి; ఏప్రిల్|ఏప్రి; మే; జూన్; జులై; ఆగస్టు|ఆగ;
          సెప్టెంబర్|సెప్టెం; అక్టోబర్|అక్టో; నవంబర్|నవం; డిసెంబర్|డిసెం
tg        январ|янв|январи; феврал|фев|феврали; март|мар|марти; апрел|апр|апрели; май|майи;
          июн|июни; июл|июли; август|авг|августи; сентябр|сен|сентябри; октябр|окт|октябри;
          ноябр|ноя|ноябри; декабр|дек|декабри
tk        ýanwar|ýan; fewral|few; mart; aprel|apr; maý; iýun; iýul; awgust|awg; sentýabr|sen;
          oktýabr|okt; noýabr|noý; dekabr|dek
tzm       yennayer|yen|ⵉⵏⵏⴰⵢⵔ; yebrayer|yeb|ⴱⵕⴰⵢⵕ; mars|mar|ⵎⴰⵕⵚ; ibrir|ibr|ⵉⴱⵔⵉⵔ;
          mayyu|may|ⵎⴰⵢⵢⵓ; yunyu|yun|ⵢⵓⵏⵢⵓ; yulyuz|yul|ⵢⵓⵍⵢⵓⵣ; ɣuct|ɣuc|ⵖⵓⵛⵜ;
          cutanbir|cut|ⵛⵓⵜⴰⵏⴱⵉⵔ; kṭuber|kṭu|ⴽⵟⵓⴱⵕ; nwanbir|nwa|ⵏⵓⵡⴰⵏⴱⵉⵔ; dujanbir|duj|ⴷⵓⵊⵏⴱⵉⵔ
ug        يانۋار; فېۋرال; مارت; ئاپرېل; ماي; ئىيۇن; ئىيۇل; ئاۋغۇست; سېنتەبىر; ئۆكتەبىر; نويابىر;
          دېكابىر
ur        جنوری; فروری; مارچ; اپریل; مئی; جون; جولائی; اگست; ستمبر; اکتوبر; نومبر; دسمبر
uz        yanvar|yan; fevral|fev; mart|mar; aprel|apr; may; iyun|iyn; iyul|iyl; avgust|avg;
          sentabr|sen; oktabr|okt; noyabr|noy; dekabr|dek
or        ଜାନୁଆରୀ; ଫେବୃଆରୀ; ମାର୍ଚ୍ଚ; ଅପ୍ରେଲ; ମଇ; ଜୁନ; ଜୁଲାଇ; ଅଗଷ୍ଟ; ସେପ୍ଟେମ୍ବର; ଅକ୍ଟୋବର; ନଭେମ୍ବର;
          ଡିସେମ୍ବର
vi        tháng giêng|tháng một; tháng hai; tháng ba; tháng tư; tháng năm; tháng sáu; tháng bảy;
          tháng tám; tháng chín; tháng mười; tháng mười một; tháng mười hai|tháng chạp
yo        oṣù ṣẹ́rẹ́|sẹ́rẹ́|sẹ́r; oṣù èrèlè|èrèlè|èrl; oṣù ẹrẹ̀nà|ẹrẹ̀nà|ẹrn; oṣù ìgbé|ìgbé|ìgb;
          oṣù ẹ̀bibi|èbibi|èbi; oṣù òkúdu|òkùdu|òkù; oṣù agẹmọ|agẹmo|agẹ; oṣù ògún|ògún|ògú; oṣù
          owewe|owewe|owe; oṣù ọ̀wàrà|ọ̀wàrà|ọ̀wà; oṣù bélú|bélú|bél; oṣù ọ̀pẹ̀|ọ̀pẹ̀̀
ast       xineru|xin; febreru|feb; marzu|mar; d abril|abr|abril; mayu|may; xunu|xun; xunetu|xnt; d
          agostu|ago|agostu; setiembre|set; d ochobre|och|ochobre; payares|pay; d
          avientu|avi|avientu
dv        ޖެނުއަރީ; ފެބްރުއަރީ; މާރިޗު; އޭޕްރީލު; މޭ; ޖޫން; ޖުލައި; އޯގަސްޓު; ސެޕްޓެމްބަރު;
          އޮކްޓޯބަރު; ނޮވެމްބަރު; ޑިސެމްބަރު
hi        जनवरी|जन; फ़रवरी|फ़र|फरवरी; मार्च; अप्रैल|अप्रै; मई; जून; जुलाई|जुल; अगस्त|अग;
          सितम्बर|सित|सितंबर; अक्टूबर|अक्टू; नवम्बर|नव|नवंबर; दिसम्बर|दिस|दिसंबर
tet       janeiru|jan; fevereiru|fev; marsu|mar; abril|abr; maiu|mai; juñu|jun; jullu|jul;
          agustu|ago; setembru|set; outubru|out; novembru|nov; dezembru|dez
tzm-latn  innayr; brˤayrˤ; marˤsˤ; ibrir; mayyw; ywnyw; ywlywz; ɣwšt; šwtanbir; ktˤwbrˤ; nwwanbir;
          dwjnbir
tzl       januar|jan; fevraglh|fev; març|mar; avrïu|avr; mai; gün; julia|jul; guscht|gus;
          setemvar|set; listopäts|lis; noemvar|noe; zecemvar|zec
zh        一月; 二月; 三月; 四月; 五月; 六月; 七月; 八月; 九月; 十月; 十一月; 十二月
"""
#: The months of the Persian calendar, which CLDR uses for dates in that language.
PERSIAN = (
    "فروردین; اردیبهشت; خرداد; تیر; مرداد; شهریور; مهر; آبان; آذر; دی; بهمن; اسفند"
)  # fmt: skip
