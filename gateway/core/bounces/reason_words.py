"""The wording servers use when they refuse mail.

One pattern a line below its reason, matched anywhere in a text that is in lower case, with single
spaces and each address replaced by `<>`. The first reason with a matching pattern wins, so the
order matters: patterns about the sender come before those about the recipient, because such replies
quote both (`<ann@example.org>: recipient address rejected: blocked using bl.example`).

A new wording needs a line here and a row in `tests/core/test_bounce_reasons.py` that names the
server it came from. Names in angle brackets are for words that occur often (`VOCABULARY`).
"""

from gateway.core.bounces.reason import Reason

VOCABULARY = {
    "user": "(?:user|recipient|mail ?-?box|account|address|e-?mail|login|alias|local part"
    "|local address|mailuser|addressee|person|customer|compte du destinataire|destinataire)",
    "is": "(?:is |was |are |est |does |do |did |has |could |can |been |currently "
    "|that you tried to reach )*",
    "words": r"(?: \S+){0,6}",
    "not known": "(?:unknown|invalid|no such|non-?existent|bad|unrouteable|unroutable|undeliverable"
    "|illegal|unrecognized|incorrect|not a known|not a valid|wrong|inexistent)"
    "(?: or (?:unknown|invalid|illegal|disabled|unverified))? ",
    "a kind of": "(?:local |e?-?mail |destination |final |forward |virtual |to |rcpt )?",
    "suspended": "(?:suspended|disabled|deactivated|inactive|locked|blocked|frozen|expired|closed"
    "|bloqu)",
    "store": "(?:mail ?-?box|inbox|account|storage|directory|disk|user|quota|recipient"
    "|file system)",
    "sender": r"sender(?:'s)?(?: \S+)?(?: address| domain| email)?(?: was| is)?(?: \S+)?",
    "our side": "(?:sender|mail ?from|from(?: address| domain|:)|return[- ]?path|envelope[- ]?from"
    "|your (?:account|domain|host|hostname|server|mail server|ip|network|system))",
    "of it": r"(?:e-?mail|address|domain|account|mail ?box|user|host|header|field|name|server|<>"
    r"|\S+\.\S+|is|was|has|been|does|do|could)[:,;]?",
    "takes": "(?:want(?: to (?:receive|get))?|accept\\w*|receiv\\w*|allow\\w*)",
    "mails": "(?:(?:any|your|more|further|direct) )?(?:(?:e?-?mails?|messages?|it) )?",
    "italian user": "(?:utente|indirizzo|casella(?: di posta)?|destinatario|account)",
    "spanish user": "(?:usuarios?|cuenta|casilla|buz[oó]n|direcci[oó]n|destinatari[oa])",
    "portuguese user": "(?:usu[aá]rio|utilizador|conta|endere[cç]o|destinat[aá]rio"
    "|caixa (?:postal|de correio))",
    "polish user": "(?:u[zż]ytkownik\\w*|konto|konta|adres\\w*|skrzynk\\w*|odbiorc\\w*)",
    "nordic user": "(?:användare\\w*|mottagare\\w*|bruger\\w*|modtager\\w*|bruker\\w*"
    "|adress?e?n?|konto\\w*)",
    "czech user": "(?:u[zž]ivatel\\w*|schr[aá]nka|[uú][cč]et|p[rř][ií]jemce|adresa)",
    "russian user": "(?:пользовател\\w*|почтовый ящик|ящик|адрес\\w*|получател\\w*)",
    "foreign sender": "(?:mittente|remitente|remetente|nadawc\\w*|avsändar\\w*|afsender\\w*"
    "|avsender\\w*|odes[ií]latel\\w*|отправител\\w*|[发寄]件人|送信者|差出人)",
    "foreign fault": "(?:sconosciut|inesistent|non (?:esiste|trovat|valid)|bloccat|sospes"
    "|desconocid|inexistente|no (?:existe|valid|v[aá]lid|encontrad)|bloquead|suspens|suspendid"
    "|desconhecid|inv[aá]lid|n[aã]o (?:existe|encontrad)|nie istnieje|nieznan|zablokowan"
    "|finns inte|findes ikke|finnes ikke|okänd|ukendt|ukjent|neexistuje|nezn[aá]m"
    "|не (?:существует|найден)|неизвестн|不存在|存在しません)",
    "blocked ip": r"[^:;,]{0,40}(?:gesperrt|blockiert|geblokkeerd|bloqu|bloccat|zablokowan|blokov"
    "|blocker|blokeret|blokkert|блокирован)",
    "refuses": r"(?:do(?:es)? not|doesn'?t) (?:accept|receiv)\w*",
    #: Of mail that a server takes otherwise: `does not accept mail without a Message-ID`.
    "of a kind": r" (?:with|without|contain\w*|larger|over|via|unless|through|sent|using|that|which"
    r"|from|by|in|as|of|if)\b",
    "gone": "not (?:be )?(?:exist|found|resolve)|unknown|doesn'?t exist|disabled|suspended|invalid"
    "|inactive|blocked",
    "mail": "(?:message|mail|data|content|msg|file|attachment)",
    "host": "(?:host|domain|hostname|system|server)",
}

#: A user said not to exist may be the sender, or an earlier recipient: these come first.
_REASONS = r"""
[rejected]
<our side>(?:'s)?:? (?:<of it> ){0,5}(?:<gone>)
return[- ]?path:? (?:<> ?:? ?)?(?:no such|unknown)
invalid dns mx or a/aaaa
suspended from sending
verification failed for <>
<foreign sender>[^:;,.]{0,40}<foreign fault>
(?:<foreign fault>)\w* <foreign sender>
group you tried to contact
absender[^:;,.]{0,40}(?:unbekannt|ungültig|existiert nicht|nicht gefunden)
afzender[^:;,.]{0,40}(?:onbekend|ongeldig|bestaat niet|niet gevonden)
expéditeur[^:;,.]{0,40}(?:inconnu|invalide|n'existe pas|introuvable)

[reputation]
\b(?:ihre?|deine?|uw|jouw|votre|vostro|su) (?:ip|serve(?:r|ur)|host|netz|netwerk|adresse ip)\b
\bip-?(?:adress?e?n?|adres)\b<blocked ip>
\b(?:adress?e?|adres\w*|indirizzo|direcci[oó]n|endere[cç]o|адрес) ip\b<blocked ip>

[rejected]
\b(?:tuo|suo|vostr[oa]|tua) (?:indirizzo|dominio|account|casella)\b
\b(?:su|tu) (?:direcci[oó]n|dominio|cuenta)\b
\b(?:seu|sua|teu|tua) (?:endere[cç]o|dom[ií]nio|conta)\b
\btw[oó]j\w* (?:adres|domen|konto)|\bваш\w* (?:адрес|домен|ящик)
\bva[sš]e? (?:adres|dom[eé]n|[uú][cč]et)
\b(?:din|ditt|dit) (?:adress?e?|domän|domæne|domene|konto)\b
\b(?:ihre?|deine?|uw|jouw|votre) (?:e-?mail-?)?(?:adress?e?|konto|domain|domein|domaine|compte)\b
your (?:e-?mail )?address (?:is |has |was )

[reputation]
many <not known><a kind of>(?:<user>|rcpt|attempt)
directory harvest

[policy]
reject\w* .{0,30}(?:for|due to) policy (?:reasons|restrictions)

[expired]
rejected: unverified address

[networkerror]
too many hops

[spam]
spam classification
spam pattern
by spamassassin
blacklisted (?:url|link)
url .{0,40}blacklist

[content]
multiple .{0,20}(?:addresses|subject).{0,20}(?:from|headers)
rfc ?\d{4} compliant
duplicate header
(?<!5\.7\.[0-9] )header error

[syntaxerror]
malformed address: <> may not follow

[systemerror]
queue file write error
ldap server

[networkerror]
host not found, try again

[mailererror]
procmail:
pipe to \|
delivery agent error

[notaccept]
couldn'?t find a mail exchanger
no mx (?:record )?found

[hostunknown]
account or domain may not exist
domain (?:does not|doesn'?t) exist
domain (?:name )?not found
nxdomain
no such domain
unknown host
host unknown
unrouteable mail domain
\bdomain.{0,20}(?:existiert nicht|unbekannt|nicht gefunden)
domein.{0,20}(?:bestaat niet|onbekend|niet gevonden)
domaine.{0,20}(?:n'existe pas|inconnu|introuvable)
domain is not reachable

[networkerror]
network error on destination

[expired]
retry time not reached
unable to deliver this (?:message|mail) after
(?:aborted|given up) after [\d.]+ (?:minute|hour|day)
warning message only
will be retried for
delivery attempts will continue
not yet been delivered

[mailboxfull]
mailbox exceeds
mailbox (?:size |storage )?limit
too many messages on the server
zu ?viele mails auf dem server
mailbox has exceeded
exceeds? .{0,20}mailbox

[authfailure]
\bspf\b(?! record lookup timeout)
\bdkim\b
\bdmarc\b
unauthenticated email
sender policy framework
sender id\b.{0,40}\bfail
authentication information or fails
sender is unauthenticated
fails? to pass authentication
not pass authentication
does not pass .{0,30}verification
\barc\b.{0,20}fail
domain owner.{0,30}policy

[rejected]
sending (?:to/)?from an address that

[reputation]
due to (?:poor |low |bad )?(?:ip )?reputation

[ratelimited]
too many (?:recipients|connections|concurrent|simultaneous|sessions|requests)
too many (?:e?mails|messages)
rate.?limit
throttl
frequency limited
too (?:fast|frequent)
sent to too many recipients
(?:exceed|over|reach)\w* .{0,40}(?:rate|connections?|per (?:hour|minute|day|second))
(?:exceed|over|reach)\w* .{0,40}(?:hourly|daily|(?:sending|message|max) (?:limit|defers))
connection (?:rate|limit)
slow down
please slow
receiving mail at a rate
delivery not allowed.{0,20}rate

[reputation]
reverse dns
\brdns\b
\bptr\b
reverse (?:address|hostname|lookup|name)
cannot find your hostname
cannot resolve your (?:ip|address|hostname)
fix (?:your )?reverse
no reverse
ip(?: address)? (?:name )?(?:lookup failed|.{0,20}does not (?:have a|resolve))
helo .{0,30}(?:resolve|not found|invalid|reject)
valid (?:fqdn|hostname) .{0,20}helo
dynamic(?:ally)?[ -]?(?:assigned |ip|addr|host)
generic (?:hostname|ptr)
dial-?up

[reputation]
black ?-?list
block ?-?list
\brbls?\b
\bdnsbl\b
\bdnswl\b
spamhaus
spamcop
sorbs
barracudacentral
uceprotect
spfbl
blocked (?:using|by|for|due|from)
\breputation\b
banned (?:sending )?ip
poor reputation
ip (?:address )?(?:\S+ )?(?:is |was |has been )?(?:block|ban|list|black|reject|refus)
your (?:ip|server|host|network) .{0,40}(?:block|ban|black|list|reject)
client host(?: \S+)? (?:blocked|rejected)
(?:connection|access|mail)(?: refused| rejected| denied| blocked)? from (?:your )?ip
(?:connection|access|mail)(?: refused| rejected| denied| blocked)? from (?:your )?host
(?:connection|access|mail)(?: refused| rejected| denied)? from (?:your )?(?:server|network)
adresse ip source bloqu
unwanted messages
no access from mail server
ip=\S{1,45} - a problem occurred
messages from \S+ (?:weren'?t sent|temporarily deferred)
too many (?:bad|invalid|unknown) (?:commands|recipients from)
unsolicited .{0,20}(?:from your|ip)
not accepting connections
we do not accept mail from
your access to this mail system has been rejected
use the smtp server of your
unverifyable sending
mismatches client ip
invalid ip for
blocked - see
bad (?:sender|host) reputation
sender ip
ip blocked
blocked ip

[greylisting]
gr[ae]y ?-?list
postgrey
temporarily (?:deferred|rejected).{0,40}(?:first|unknown)
try again in \d+ (?:sec|min)

[norelaying]
relay(?:ing)? (?:access |is |was |not |operation )?(?:denied|rejected|prohibited|permitted)
relay(?:ing)? (?:is |was )?not (?:allowed|permitted)
relaying mail
unable to relay
cannot relay
not (?:permitted|allowed) to relay
relay not permitted
relaying to .{0,60}(?:prohibited|denied)
no relay
we do not relay
relay access
isn'?t in my list of allowed rcpthosts
not a gateway
not local.{0,30}gateway
relay operation
(?:open|insecure) (?:mail )?relay
not configured to relay
to use me .{0,80}as a relay

[policy]
(?:rejected|refused|denied|blocked) (?:for|due to) policy reasons

[rejected]
<sender> (?:rejected|refused|denied|blocked|invalid|unknown|not (?:allowed|accepted))
valid from:
absender.{0,30}abgelehnt|afzender.{0,30}geweigerd|expéditeur.{0,30}refus
not a member of this mailing list
sender (?:verify|verification|address verification)
(?:invalid|bad|unknown|unverified|unroutable|illegal) sender
(?:mail|envelope) from .{0,80}(?:reject|refus|denied|invalid)
return ?path.{0,30}(?:invalid|reject)
domain of sender
sender'?s? domain.{0,40}(?:not exist|not found|resolve|invalid|valid)
verify (?:address|sender)
address is not verified
backscatter
empty envelope senders?
null sender
purported responsible
does not accept bounce
bounces? (?:not|are not) accept

[virus]
\bvirus
malware
infected
trojan
worm\b
mcspamsignature

[content]
5\.6\.\d message content rejected

[spam]
\bspam
unsolicited
\bube\b
\buce\b
\bjunk\b
bulk e?-?mail
mass mailer
message content rejected
content .{0,40}looks like
spamassassin
mail rejete\. mail rejected\. ofr_506
score (?:of )?[\d.]+
considered unsolicited
bayes
high.{0,10}probability
appears to be.{0,20}(?:unsolicited|spam)

[filtered]
(?:blocked|blocks|rejected|refused) (?:you\b|your|(?:the|this) sender)
(?:blocked|rejected|refused) by (?:the |this )?(?:recipient|user|addressee)
(?:not|n'?t|only) <takes> <mails>(?:from|of) (?!(?:this|the) (?:address|mailbox)\b)
(?:not|n'?t) <takes> (?:any )?(?:external|unknown|outside|unsolicited)
on (?:leave|vacation|holiday)\b|leave of absence
only <takes> (?:any )?(?:internal|e?-?mails? from|messages from)
(?:hat|haben) sie (?:blockiert|gesperrt)
heeft (?:u|je|jou) geblokkeerd
vous a (?:bloqué|bloque\b)
l[ae]? ha bloccat|le? ha bloqueado

[ratelimited]
receiving (?:e?-?mail|messages) too (?:quickly|fast)

[toobig]
<mail>(?:'s)?(?: \w+)? (?:size |is |was |header size )*(?:too (?:large|big|long)|exceed)
size (?:limit|exceed)
exceed\w* .{0,40}(?:size|maximum)
too (?:large|big) (?:for|message)
message too
recipsizelimit
larger than
line limit
maximum (?:message |allowed )?size
size of (?:the|your|this) (?:message|mail)
fixed maximum
nachricht.{0,20}zu gross|bericht.{0,20}te groot|message.{0,20}trop (?:gros|volumineux)

[mailboxfull]
<store>(?:'s)?<words> <is>(?:over|full|exceed|out of|at its limit|too full|past)
over ?quota
quota.?(?:exceed|full|over|violation|limit)
exceed\w* .{0,50}quota
out of (?:storage|disk|quota)
full mailbox
mailbox ?full
not enough (?:storage|space|disk)
insufficient (?:storage|quota|space)
mailbox .{0,20}size limit
disk quota
would exceed
boîte.{0,30}pleine
quota (?:est )?dépassé
(?:postfach|posteingang|speicher|mailbox).{0,30}(?:\bvoll\b|überfüllt|erschöpft)
(?:postvak|mailbox|postbus|inbox).{0,30}\bvol\b
buz[oó]n.{0,30}llen|casella.{0,30}piena|spazio (?:esaurito|insufficiente)
caixa.{0,30}(?:cheia|lotada)|skrzynk.{0,20}(?:pe[lł]na|przepe[lł]niona)|schr[aá]nka.{0,20}pln[aá]
(?:postkasse|innboks|indbakke).{0,20}(?:fuld|full\b)|postlåda.{0,20}full|ящик.{0,20}переполнен
(?:邮箱|信箱|郵箱).{0,4}(?:已满|已滿)
boite.{0,30}pleine
postfach.{0,20}voll
over the (?:maximum )?(?:allowed )?quota
too many messages (?:in|on)
shutoffquotaexceeded
message store.{0,20}full
allocated
maildir.{0,30}(?:full|over)
一杯
容量

[suspended]
<user>(?:'s)?<words> <is>(?:temporarily |administratively )?<suspended>
<user><words> <is>(?:not (?:currently )?active|unavailable due|terminated|cancel)
(?:disabled|inactive|suspended|locked|deactivated|expired|frozen|dormant) <user>
has been (?:disabled|suspended|deactivated)
not active
no longer (?:active|in use)
address no longer accepts mail
inactive (?:for|more|email)
(?:mailbox|account)disabled
former (?:employee|colleague|staff|member)
no longer (?:works?|working|employed|with (?:us|the (?:company|organi[sz]ation)))
(?:has )?left (?:the|our|this) (?:company|organi[sz]ation|firm)
nicht mehr (?:im (?:unternehmen|haus)|bei uns|tätig|beschäftigt)
niet (?:meer|langer) (?:in dienst|werkzaam)|werkt niet meer
ne travaille plus|a quitté (?:la société|l'entreprise)
non lavora più|(?:ya )?no trabaja|já não trabalha|nie pracuje
<italian user>.{0,30}(?:disabilitat|sospes|disattivat|bloccat)
<spanish user>.{0,30}(?:suspendid|desactivad|deshabilitad|bloquead)
<portuguese user>.{0,30}(?:suspens|desativad|desactivad|bloquead)
<polish user>.{0,20}(?:zablokowan|nieaktywn|zawieszon)
not an active (?:address|mailbox|account|user)
expirado por falta de uso
mailbox (?:currently )?(?:suspended|unavailable or access denied)
vdelivermail: account is locked
(?:konto|postfach|benutzer|adresse).{0,30}(?:gesperrt|deaktiviert|gelöscht|geschlossen)
(?:account|mailbox|postvak|adres).{0,30}(?:geblokkeerd|gedeactiveerd|opgeheven|gesloten)
(?:compte|boîte|adresse).{0,30}(?:désactivé|suspendu|bloqué|fermé|supprimé|clôturé)
invalid/inactive user
disuserd?

[hasmoved]
(?:has |user )moved
no longer (?:on server|at this)
address has been (?:replaced|changed)
new address
address (?:has )?changed
551 not our
user not local; please try

[notaccept]
null ?mx
no smtp service
not accepting network messages
<host>(?:/domain)?(?: \S+)? <refuses> e?-?m(?:ail|essage)s?\b(?!<of a kind>)
do(?:es)? not accept mail\b(?!<of a kind>)
(?:does not|doesn'?t) receive (?:e?-?mail)\b(?!<of a kind>)
no mail (?:is )?accepted
not accepting (?:mail|messages) at all
smtp protocol (?:diagnostic: a )?(?:returned a )?.{0,10}521\b

[userunknown]
<user><words> <is>(?:unknown|invalid|inconnu|undeliverable|inexist)
<user><words> <is>not (?:exist|found|known|valid|listed|here|a known|on|recogni[sz]ed)
<user><words> <is>not registered
<user><words> <is>(?:n'existe|doesn'?t (?:exist|have))
<user><words> <is>not have an? (?:\S+ )?(?:account|mailbox)
<user><words> (?:couldn'?t be|wasn'?t|isn'?t) found
<user><words> unavailable, not found
<not known><a kind of><user>
<not known><a kind of>(?:rcpt|name|customer|domain user|id\b)
user ?unknown
(?:benutzer|empfänger|\badresse|postfach|mailbox|konto).{0,30}(?:unbekannt|existiert nicht)
(?:empfänger|adresse).{0,10} ungültig
(?:benutzer|empfänger|\badresse|postfach).{0,30}nicht (?:gefunden|vorhanden|bekannt)
(?:unbekannte|ungültige)[rn]? (?:benutzer|empfänger|e?-?(?:mail-?)?adresse)
(?:gebruiker|ontvanger|\badres|mailadres|mailbox|postvak).{0,30}(?:onbekend|bestaat niet)
(?:gebruiker|ontvanger|\badres|mailadres|postvak).{0,30}(?:niet gevonden|ongeldig)
(?:onbekende?|ongeldige?) (?:gebruiker|ontvanger|e?-?(?:mail)?adres)
(?:utilisateur|destinataire|adresse|boîte).{0,30}(?:inconnu|introuvable|invalide|inexistant)
bad[_-]recipient
<spanish user>.{0,30}(?:desconocid|inexistente|no (?:existe|valid|encontrad)|inv[aá]lid)
no existe (?:el |la |ese |esa |dich[oa] )?<spanish user>
<italian user>.{0,30}(?:inesistent|sconosciut|non (?:esiste|trovat|valid))
<portuguese user>.{0,30}(?:desconhecid|inexistente|n[aã]o (?:existe|encontrad)|inv[aá]lid)
<polish user>.{0,20}nie (?:istnieje|znaleziono)
(?:nie ma takie\w+|nieznan\w+) <polish user>
<nordic user> (?:finns inte|findes ikke|finnes ikke|okänd|ukendt|ukjent)
(?:okänd|ukendt|ukjent) <nordic user>
<czech user> (?:neexistuje|nenalezen)|nezn[aá]m\w+ <czech user>
<russian user> не (?:найден|существует)|(?:нет такого|неизвестн\w+) <russian user>
(?:収件人|收件人|用户|用戶|邮箱|郵箱|帐号|帳號).{0,4}(?:不存在|未找到)
存在しません|宛先不明
käyttäjää ei|vastaanottajaa ei|nincs ilyen|bulunamad|άγνωστο[σς]
delivery userid
\b542 <>
check if (?:the )?address is correct
unable to deliver message to <> \(and other recipients in the same domain\)
no mail ?-?box
(?:no|not) (?:a )?(?:known |valid |such )?(?:local )?(?:user|recipient|mailbox|account)s?\b
(?:no|not) (?:a )?(?:known |valid |such )?person\b
does(?:n'?t| not) (?:exist|have an? (?:\S+ )?account|like recipient)
may not exist
recipnotfound
recipientnotfound
recipient ?not ?found
delivery error: dd this user
unknown (?:or illegal alias|local[- ]part)
user .{0,60}(?:not found|not exist)
address (?:unknown|invalid|not found)
no valid recipients
5\.1\.1 .{0,20}unavailable
mailbox unavailable
was not found
wasn'?t found at
can(?:not|'t) (?:find|locate) .{0,20}(?:user|mailbox|recipient|account)
not present in (?:the )?directory
not in (?:the |my |our )?(?:control|directory|list|database|domino)
directory .{0,20}(?:not|no)
not our customer
no account
recipient address rejected: access denied
address rejected\.?$
unable to validate recipient
recipient.{0,30}not (?:in|accepted)
unknown to
is not a known
not known here
見つかりません
ありません
existe pas

[hostunknown]
<host><words> <is>(?:unknown|invalid|doesn'?t exist)
<host><words> <is>not (?:be )?(?:found|exist|resolve|known)
unknown (?:host|domain|mail server)
no such (?:host|domain)
illegal host
invalid (?:host|domain)
unrouteable (?:mail )?domain
unroutable domain
name (?:or service )?not (?:known|found)
nxdomain
couldn'?t find any host
name service error .{0,60}host not found
no (?:mx|a|address|dns) (?:record|found)
bad destination (?:host|system)
can(?:not|'t) (?:resolve|find) .{0,30}(?:host|domain)
name server:? .{0,40}host not found
domain (?:name )?not found
unresolvable
domain must resolve
domain is not reachable
dns lookup failure
non-existent hosts

[security]
authrequired
authentication required
must issue a starttls
not support tls
encryption (?:required|needed)
(?:tls|ssl) (?:is )?required
you are not authori[sz]ed
not authori[sz]ed to send
turn on smtp authentication
unauthenticated senders
authentication failed
requires? (?:smtp )?auth
insecure mail relay
insecure host

[filtered]
recipient preferences
refused due to recipient
user (?:reject|refuse)
rejected by (?:the )?(?:recipient|user)
because the recipient (?:is|does|only)
not accepting mail from
message filtered
due to extended inactivity
destination .{0,20}restricted
rejected by the domain filter

[policy]
polic(?:y|ies)
<refuses> e?-?m(?:ail|essage)s?<of a kind>
access (?:denied|restricted)
not authorized
requires? confirmation
not pre-?approved
content presents a potential
protocol violation
restricted
security (?:reasons|polic)
not allowed
prohibited
local rules
rule imposed
administrative prohibition
administratively
not permitted
denied by
5\.7\.[0-9] header error

[content]
header error
headers? too (?:large|long|many)
(?:duplicate|missing|multiple|invalid|malformed) (?:\S+ )?headers?
line too long
attachment
content (?:reject|error|type|not)
not .{0,10}rfc
rfc ?\d{4} compliant
mime
malformed (?:address|header|mime|message)
illegal (?:attachment|character)
8-?bit
bare lf
multiple addresses in from
message (?:format|structure)

[networkerror]
(?:mail|routing|forwarding) loop
establish an smtp connection
network destination
too many hops
hop ?count
loops? back
loop detected
name server (?:timeout|fail)
(?:host|name) lookup .{0,20}(?:deferral|fail|did not complete)
(?:dns|name service) (?:error|query failed|server)
no route to host
network is unreachable
unable to (?:connect|resolve) .{0,20}(?:dns|name)
all (?:mail servers|relevant mx)
connection refused by all
lowest numbered mx
points back
malformed .{0,20}reply
try again\)?$
lost connection with .{0,60}helo

[expired]
expired
timed ?out
host not reachable
failing for a long time
retry timeout
\d+ attempts
time ?out
(?:delivery|mail|retr\w+) (?:time|has been|was|is) .{0,30}(?:delay|exceed|too long|retr)
message (?:has been|was|is) .{0,30}(?:delay|exceed|too long|retr)
delayed
retry time
(?:been|still) (?:in|on) the queue
could not (?:be )?(?:deliver|sen[dt]).{0,40}(?:for|within|after) .{0,20}(?:day|hour|minute)
not (?:yet )?(?:been )?delivered (?:yet|after|within)
unable to deliver in
too long
giv(?:ing|e) up
connection (?:refused|reset|lost|closed|dropped|failed|timed)
unable to (?:connect|contact|reach)
could ?n'?o?t (?:connect|reach|establish)
connect(?:ion)? to .{0,60}(?:refused|failed)
delivery (?:temporarily suspended)
will (?:be retried|retry)
did not accept our requests to connect
(?:no|not) (?:answer|respon)
undelivered after
host (?:is )?(?:down|unreachable)
temporarily unreachable
try again later.{0,20}queue

[systemfull]
insufficient disk
no space left
disk (?:is )?full
mail system full
insufficient system storage
out of space

[mailererror]
(?:local|child|pipe|command|process|maildrop)\b.{0,50}(?:exit|fail|error|died|status)
exit(?:ed)? (?:status|value|code|with)
local delivery failed
can'?t create (?:output|user output)
unknown mailer error
x-unix
mailer error
return(?:ed)? (?:code|status) \d

[systemerror]
transaction failed
could not load
system (?:config|error|problem|not|fail|unavailable)
config(?:uration)? error
internal (?:server |software )?error
local (?:configuration |problem|error)
service (?:currently |temporarily )?(?:unavailable|not available|refuse)
temporar(?:y|ily) (?:local |system |lookup |server )?(?:problem|failure|unavailable|error)
(?:server|resources?) (?:temporarily )?(?:unavailable|busy|error)
i/o error
cannot (?:open|append|write)
unable to (?:process|deliver)
recipient error
remote protocol error
routing error
resource
mail server .{0,20}(?:problem|error)

[syntaxerror]
syntax error
not implemented
improper (?:sequence|command)
bad sequence
command (?:not|un)
unrecognized command
unimplemented
bad command
protocol error
"""


def patterns_of_reasons() -> list[tuple[Reason, list[str]]]:
    """Return the reasons in order, each with its patterns; a reason may occur several times."""
    sections = (section.splitlines() for section in _REASONS.strip().split("\n\n"))
    return [(Reason(title.strip("[]")), patterns) for title, *patterns in sections]
