"""What CRMs call the columns of the feed, in nl, de, fr and en."""

from collections.abc import Mapping
from functools import cache

from gateway.core.feed.feed_mapping import COLUMNS, column_key, nearest_name

#: The words for the kinds of people in the column `kind`, in the languages of the office.
KIND_WORDS: Mapping[str, str] = {
    **dict.fromkeys(
        ("candidate", "kandidaat", "kandidat", "candidat", "sollicitant", "bewerber"), "candidate"
    ),
    **dict.fromkeys(
        ("contact", "contactpersoon", "kontakt", "ansprechpartner", "relatie"), "contact"
    ),
    **dict.fromkeys(("application", "sollicitatie", "bewerbung", "candidature"), "application"),
}
_ID = (
    "id nr no number nummer identifier kennung identifiant externalid "
    "crmid recordid uuid guid sleutel schluessel schlüssel"
)
_OWNERS: Mapping[str, str] = {
    "people": "kandidaat candidate kandidat candidat persoon person personne personen contact "
    "kontakt relatie lid member mitglied membre klant kunde customer medewerker bewerber contacts",
    "staff": "medewerker mitarbeiter employee collaborateur user gebruiker benutzer "
    "utilisateur staff",
    "groups": "groep gruppe groupe group lijst liste list",
    "statuses": "status statut stage fase",
    "programmes": "programma programm programme vacature vacancy stelle offre job call",
    "applications": "sollicitatie bewerbung candidature application dossier referentie reference",
    "qualifications": "kwalificatie qualifikation qualification certificaat zertifikat "
    "certificat certificate licentie",
    "deliveries": "levering lieferung livraison delivery",
}  # fmt: skip
_ACTIVE = "actief aktiv actif isactive enabled ingeschakeld"
_NAMES = "naam name nom bezeichnung omschrijving titel label libelle libellé displayname"
_MAIL = (
    "email mail emailadres emailadresse emailaddress adresseemail courriel mailadres mailadresse "
    "adressemail emailprive emailprivé emailwerk emailzakelijk email1 email2 email3 emailprivat "
    "primaryemail workemail emailfrom hauptemail weitereemail personalemail emailpersonnel"
)
_PERSON = (
    "persoon personne kandidaat candidate kandidat candidat person persoonid personid kandidaatid "
    "candidateid kandidatid candidatid contactid kontaktid relatieid lidid memberid mitgliedid "
    "candidatnr kandidaatnummer lidnummer mitgliedsnummer contact kontakt relatienummer"
)
_STATUS = "statut toestand fase zustand state stage statusnaam statusname"
_TAGS = "label kenmerk tags kennzeichen markierung markering étiquette etiquette"
_TYPES = "soort typ type art"

_BY_KIND: Mapping[str, Mapping[str, str]] = {
    "people": {
        "first_name": "voornaam vorname prenom prénom firstname givenname roepnaam rufname",
        "last_name": "achternaam nachname nom nomdefamille lastname surname familyname familienaam "
        "familienname",
        "emails": _MAIL,
        "status": _STATUS,
        "finance_status": "financielestatus financestatus finanzstatus statutfinancier "
        "betaalstatus zahlungsstatus paymentstatus",
        "owner": "eigenaar eigentümer eigentuemer besitzer zuständig proprietaire propriétaire "
        "responsable accountmanager ownerid assigneduserid assigneduser salesperson consultant "
        "betreuer beheerder",
        "language": "taal sprache langue preferredlanguage voorkeurstaal korrespondenzsprache lang "
        "correspondentietaal taalcode",
        "birthday": "geboortedatum geburtsdatum geburtstag datedenaissance naissance dateofbirth "
        "birthdate dob verjaardag",
        "consent_email": "toestemmingemail emailtoestemming einwilligung einwilligungemail "
        "consentement consent emailconsent optin emailoptin consentementemail",
        "active": _ACTIVE,
        "kind": _TYPES,
    },
    "staff": {
        "name": _NAMES,
        "email": _MAIL,
        "roles": "rol rollen rolle rôle role",
        "language": "taal sprache langue",
    },
    "groups": {"name": _NAMES, "tag": _TAGS, "active": _ACTIVE, "kind": _TYPES},
    "statuses": {
        "name": _NAMES,
        "tag": _TAGS,
        "initial": "begin initieel anfang initiale start",
        "closed": "gesloten geschlossen abgeschlossen fermé ferme cloture clôture afgesloten",
        "kind": _TYPES,
    },
    "memberships": {
        "group": "groep gruppe groupe groepid gruppeid groupeid groupid lijst liste list",
        "person": _PERSON,
        "kind": _TYPES,
    },
    "programmes": {"name": _NAMES},
    "applications": {
        "reference": "referentie referenz référence kenmerk dossier dossiernummer aktenzeichen "
        "zaaknummer referencenumber referentienummer sollicitatienummer bewerbungsnummer",
        "person": _PERSON,
        "programme": "programma programm vacature vacancy stelle offre vacatureid jobid stellenid "
        "vacaturenummer stellennummer joborder joborderid jobordernumber",
        "title": "titel titre onderwerp betreff objet",
        "status": _STATUS,
        "responsible": "verantwoordelijke verantwoordelijk verantwortlich verantwortlicher "
        "responsable zuständig recruiter intercedent consultant berater beraterin betreuer owner "
        "ownerid eigenaar accountmanager",
        "submitted_at": "ingediend ingediendop eingereicht eingereichtam soumisle submittedon "
        "submitted datumindiening eingangsdatum datedesoumission",
        "kind": _TYPES,
    },
    "qualifications": {
        "person": _PERSON,
        "name": _NAMES,
        "licence_number": "licentienummer lizenznummer numerodelicence licensenumber",
        "examiner_number": "examinatornummer prüfernummer prufernummer numeroexaminateur",
        "examiner": "examinator prüfer prufer examinateur",
        "created_by": "aangemaaktdoor erstelltvon crééepar creepar createdby",
        "acquired_on": "behaald behaaldop erworben erworbenam obtenule acquired issuedon "
        "ausgestellt ausgestelltam datumbehaald issuedate ausstellungsdatum datededelivrance",
        "expires_on": "verloopt verlooptop vervaldatum geldigtot ablaufdatum gültigbis gueltigbis "
        "expirele datedexpiration expirydate expires validuntil",
        "notice_days": "opzegdagen meldedagen vorlaufstage preavis noticedays dagenvooraf "
        "erinnerung erinnerungtage herinnering herinneringdagen rappel rappeljours reminder "
        "reminderdays",
        "kind": _TYPES,
    },
    "deliveries": {
        "person": _PERSON,
        "closed_on": "gesloten geslotenop afgerondop abgeschlossenam geschlossenam clotureele "
        "closedon datumafgerond",
        "kind": _TYPES,
    },
}  # fmt: skip

#: Kinds that may be part of the name of their column `name`: `Groepsnaam`, `Gruppenname`.
_NAMED = frozenset({"groups", "statuses", "programmes", "staff"})


def suggest_column(kind: str, name: str) -> str:
    """Return which of our columns a CRM's column probably is; empty: none."""
    key = column_key(name)
    synonyms = _known_columns(kind)
    if key in synonyms:
        return synonyms[key]
    close = nearest_name(name, COLUMNS[kind])
    return close or synonyms.get(
        nearest_name(name, [synonym for synonym in synonyms if len(synonym) > 3]), ""
    )


def certainty_of(kind: str, name: str, ours: str) -> int:
    """Return how certain a match to one of our columns is: 2 same name, 1 known name, 0 similar."""
    key = column_key(name)
    if key == column_key(ours):
        return 2
    return int(key in _known_columns(kind))


@cache
def _known_columns(kind: str) -> dict[str, str]:
    """Return our columns of a kind by the keys of the names that CRMs give them."""
    synonyms = {
        column_key(word): ours for ours, words in _BY_KIND[kind].items() for word in words.split()
    }
    if "crm_id" in COLUMNS[kind]:
        ids = [column_key(word) for word in _ID.split()]
        owners = [column_key(word) for word in _OWNERS[kind].split()]
        synonyms |= dict.fromkeys(ids, "crm_id")
        synonyms |= {f"{owner}{word}": "crm_id" for owner in owners for word in ids}
        synonyms |= {f"{owner}s{word}": "crm_id" for owner in owners for word in ids}
    if "person" in COLUMNS[kind]:
        owners = [*map(column_key, _OWNERS["people"].split()), "employee", "mitarbeiter"]
        numbers = [column_key(word) for word in _ID.split()]
        synonyms = {
            **{f"{owner}{number}": "person" for owner in owners for number in ("", *numbers)},
            **synonyms,
        }
    if kind in _NAMED:
        owners = [column_key(word) for word in _OWNERS[kind].split()]
        names = ("naam", "name", "snaam", "nname")
        synonyms |= {f"{owner}{word}": "name" for owner in owners for word in names}
    return synonyms | {column_key(word): word for word in COLUMNS[kind]}
