"""What the unsubscribe page says, in each language the gateway supports."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeWords:
    """The texts; `{}` is filled in."""

    language: str
    title: str
    question: str  #: Above the button; `{}` is the address, masked.
    question_of_nobody: str  #: The same if no address can be shown.
    all: str  #: A choice; its text is stored.
    topic: str  #: A choice; `{}` is the topic. Its text is stored.
    button: str
    done: str
    done_topic: str  #: `{}` is the topic.
    mistake: str  #: Below `done`: how to undo it; `{}` is whom to write to.
    repeat: str  #: Nothing was chosen.
    expired: str
    unknown: str
    sample: str
    away: str  #: The store is away.
    way_out: str  #: Whom to write to instead; `{}` is an address.
    way_out_of_nobody: str  #: The same where no address is known.
    mail_subject: str  #: Of a mail that asks to be unsubscribed.


WORDS: Mapping[str, UnsubscribeWords] = {
    words.language: words
    for words in (
        UnsubscribeWords(
            language="nl",
            title="Afmelden",
            question="Wilt u op {} geen mailings meer ontvangen?",
            question_of_nobody="Wilt u geen mailings meer ontvangen?",
            all="Ik wil geen mailings meer ontvangen",
            topic="Ik wil alleen hierover geen mailings meer ontvangen: {}",
            button="Afmelden",
            done="U bent afgemeld. U ontvangt geen mailings meer van ons.",
            done_topic="U bent afgemeld. Hierover ontvangt u geen mailings meer van ons: {}",
            mistake="Was dit een vergissing? Schrijf dan aan {}.",
            repeat="Er is niets gewijzigd. Klik op de knop om u af te melden.",
            expired="Deze link is verlopen: bij ons is niet meer bekend bij welke mail hij hoorde.",
            unknown="Deze link is onvolledig of niet van ons.",
            sample="Dit is een voorbeeldlink; hij doet niets.",
            away="Afmelden lukt op dit moment niet. Probeer het over een paar minuten opnieuw.",
            way_out="Wilt u zich afmelden, stuur dan vanaf uw eigen adres een mail aan {}.",
            way_out_of_nobody=(
                "Wilt u zich afmelden, beantwoord dan de mail waarin de link stond, met het woord "
                "'afmelden'."
            ),
            mail_subject="Afmelden",
        ),
        UnsubscribeWords(
            language="de",
            title="Abmelden",
            question="Möchten Sie unter {} keine Rundmails mehr erhalten?",
            question_of_nobody="Möchten Sie keine Rundmails mehr erhalten?",
            all="Ich möchte keine Rundmails mehr erhalten",
            topic="Ich möchte nur hierüber keine Rundmails mehr erhalten: {}",
            button="Abmelden",
            done="Sie sind abgemeldet. Sie erhalten keine Rundmails mehr von uns.",
            done_topic=(
                "Sie sind abgemeldet. Hierüber erhalten Sie keine Rundmails mehr von uns: {}"
            ),
            mistake="War das ein Versehen? Dann schreiben Sie an {}.",
            repeat="Es wurde nichts geändert. Zum Abmelden klicken Sie auf die Schaltfläche.",
            expired=(
                "Dieser Link ist abgelaufen: Uns ist nicht mehr bekannt, zu welcher Mail er "
                "gehörte."
            ),
            unknown="Dieser Link ist unvollständig oder nicht von uns.",
            sample="Das ist ein Beispiel-Link; er bewirkt nichts.",
            away=(
                "Das Abmelden ist im Moment nicht möglich. Bitte versuchen Sie es in einigen "
                "Minuten noch einmal."
            ),
            way_out=(
                "Möchten Sie sich abmelden, schicken Sie von Ihrer eigenen Adresse eine Mail an {}."
            ),
            way_out_of_nobody=(
                "Möchten Sie sich abmelden, beantworten Sie die Mail, in der der Link stand, mit "
                "dem Wort „Abmelden“."
            ),
            mail_subject="Abmelden",
        ),
        UnsubscribeWords(
            language="fr",
            title="Se désinscrire",
            question="Souhaitez-vous ne plus recevoir nos envois groupés à l'adresse {} ?",
            question_of_nobody="Souhaitez-vous ne plus recevoir nos envois groupés ?",
            all="Je ne veux plus recevoir aucun envoi groupé",
            topic="Je ne veux plus recevoir d'envois à ce seul sujet : {}",
            button="Se désinscrire",
            done="C'est fait : vous ne recevrez plus nos envois groupés.",
            done_topic="C'est fait : vous ne recevrez plus nos envois à ce sujet : {}",
            mistake="C'était une erreur ? Écrivez à {}.",
            repeat="Rien n'a été modifié. Cliquez sur le bouton pour vous désinscrire.",
            expired="Ce lien a expiré : nous ne savons plus à quel message il appartenait.",
            unknown="Ce lien est incomplet ou ne vient pas de nous.",
            sample="Ceci est un lien d'exemple ; il n'a aucun effet.",
            away=(
                "La désinscription est impossible en ce moment. Veuillez réessayer dans quelques "
                "minutes."
            ),
            way_out="Pour vous désinscrire, écrivez depuis votre adresse à {}.",
            way_out_of_nobody=(
                "Pour vous désinscrire, répondez au message qui contenait le lien avec le mot "
                "« désinscription »."
            ),
            mail_subject="Désinscription",
        ),
        UnsubscribeWords(
            language="en",
            title="Unsubscribe",
            question="Do you want to get no more mailings at {}?",
            question_of_nobody="Do you want to get no more mailings?",
            all="I want no more mailings",
            topic="I want no more mailings about this alone: {}",
            button="Unsubscribe",
            done="You are unsubscribed. You will get no more mailings from us.",
            done_topic="You are unsubscribed. You will get no more mailings from us about this: {}",
            mistake="Was this a mistake? Then write to {}.",
            repeat="Nothing was changed. Use the button to unsubscribe.",
            expired="This link has expired: we no longer know which mail it belonged to.",
            unknown="This link is incomplete, or not one of ours.",
            sample="This is a sample link; it does nothing.",
            away="Unsubscribing is not possible right now. Please try again in a few minutes.",
            way_out="To unsubscribe, send a mail from your own address to {}.",
            way_out_of_nobody=(
                "To unsubscribe, answer the mail in which the link stood with the word "
                "“unsubscribe”."
            ),
            mail_subject="Unsubscribe",
        ),
    )
}
