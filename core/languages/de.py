"""German."""

from core.languages.words import Words

WORDS = Words(
    help_intro="Schreib mir, und ich antworte. Ich merke mir, was in diesem Gespräch gesagt wurde.",
    help={
        "help": ("[Befehl]", "zeigt dies, oder erklärt einen Befehl"),
        "new": ("", "beginnt dieses Gespräch von vorn"),
        "stop": ("", "beendet eine Antwort, die zu lang wird"),
        "persona": (
            "[Name]",
            "zeigt, wer hier antworten kann, oder wählt aus; `usual` nimmt es zurück",
        ),
        "model": ("[Name]", "zeigt die Modelle, oder wählt eines; `usual` nimmt es zurück"),
        "usage": ("", "zeigt, was du verbraucht hast und was übrig ist"),
        "link": (
            "[Code]",
            (
                "gibt einen Code; auf einer anderen Plattform eingegeben, beweist er, dass du dort"
                " dieselbe Person bist, und unsere Gespräche werden eins. Mit `getrennt` hinter dem"
                " Code bleiben sie getrennt"
            ),
        ),
        "unlink": ("", "macht dich hier wieder zu einer eigenen Person"),
        "export": ("", "gibt dir, was gesagt wurde"),
        "forget": (
            "",
            "löscht alles, was wir beide gesagt haben, auf allen verbundenen Plattformen",
        ),
        "about": ("", "sagt, was ich bin"),
    },
    about="Ich bin {name} {version}, eine KI, kein Mensch. Meine Antworten kommen von {model} und"
    " können falsch sein.",
    about_demo="Ich bin {name} {version}, ein KI-Programm, kein Mensch. Dies ist eine Vorführung:"
    " Hier antwortet kein Modell, ich wiederhole und zähle nur.",
    about_help="`!hilfe` zeigt, was du mir sagen kannst.",
    fresh="Wir beginnen von vorn: Was bisher gesagt wurde, gehört nicht mehr zu diesem Gespräch.",
    stopped="Beendet.",
    nothing_runs="Es gibt gerade keine Antwort zu beenden.",
    alone="Das bleibt unter uns: Schreib es mir allein, nicht dort, wo andere mitlesen.",
    stranger="Ich weiß hier nicht, wer du bist; darum kann ich das nicht tun.",
    personas="Hier können antworten:\n\n{list}\n\nJetzt: {now}. `!persona Name` wählt aus.",
    personas_none="Hier gibt es niemanden sonst, der antworten könnte.",
    persona_unknown="„{name}“ kenne ich nicht. Hier können antworten:\n\n{list}",
    persona_chosen="Von jetzt an antwortet hier {name}.",
    persona_usual="Von jetzt an antwortet hier wieder, wer es sonst tut.",
    models="Diese Modelle können antworten:\n\n{list}\n\nJetzt: {now}. `!model Name` wählt aus.",
    model_unknown="Das Modell „{name}“ habe ich nicht. Antworten können:\n\n{list}",
    model_chosen="Von jetzt an antwortet hier {name}.",
    model_usual="Von jetzt an antwortet hier wieder das übliche Modell.",
    usual="wie üblich",
    usage_none="Der Verbrauch wird hier nicht gezählt.",
    usage_day="Antworten heute: {answers}; Tokens: {tokens}; ${cost}.",
    usage_month="Antworten in diesem Monat: {answers}; Tokens: {tokens}; ${cost}.",
    left_day="Heute übrig: ${left}.",
    left_month="Diesen Monat übrig: ${left}.",
    link_code="Dein Code ist **{code}**. Schreib mir innerhalb von {minutes} Minuten `!link {code}`"
    " dort, wo du weitermachen willst. Er gilt einmal; zeig ihn niemandem.",
    linked="Du bist es! Von jetzt an bist du für mich hier und dort eine Person, und wir haben ein"
    " Gespräch: Mach weiter, wo du willst.",
    linked_apart="Du bist es! Von jetzt an bist du für mich hier und dort eine Person. Unsere"
    " Gespräche bleiben getrennt.",
    link_own="Den Code hast du von hier. Schreib ihn mir auf einer anderen Plattform oder in einem"
    " anderen Gespräch.",
    link_wrong="Dieser Code gilt nicht: Er ist vertippt, schon benutzt oder älter als zehn Minuten."
    " `!link`, dort, wo du vorher warst, gibt einen neuen.",
    link_shape="Das ist kein Code: Er hat acht Buchstaben und Ziffern. `!link`, dort, wo du vorher"
    " warst, gibt einen.",
    link_locked="Das waren zu viele ungültige Codes. Bitte warte eine Weile, bevor du es wieder"
    " versuchst.",
    unlinked="Hier bist du wieder eine eigene Person, und wir beginnen von vorn.",
    unread="Was du gleich danach geschrieben hast, habe ich nicht gelesen: Bitte schick es noch"
    " einmal.",
    unlink_none="Du bist mit nichts verbunden.",
    export_web="Alles, was gesagt wurde, auch was gelöscht aussieht, liegt unter `/api/v1/export`,"
    " in einer Datei.",
    export_head="Die letzten {count} Nachrichten dieses Gesprächs:",
    export_more="Für alles verbinde dies mit dem Web (`!link`) und hol dir den Export dort, oder"
    " frag den Betreiber.",
    export_none="Hier wurde noch nichts gesagt.",
    you="Du",
    me="Ich",
    forget_ask="Das löscht alles, was wir beide gesagt haben, samt Dateien, hier und auf jeder"
    " Plattform, die du verbunden hast. Es lässt sich nicht rückgängig machen. Schreib"
    " `!forget yes`, wenn du das willst.",
    forgotten="Erledigt: Ich habe alles gelöscht, was wir beide gesagt haben, samt"
    " Dateien. Was in Kanälen gesagt wurde, bleibt dort.",
    apology="Entschuldige, das konnte ich gerade nicht beantworten. Deine Nachricht ist"
    " gespeichert; bitte versuch es gleich noch einmal. (Nummer {reference})",
    interrupted="[Die Antwort brach hier ab. Frag noch einmal, um den Rest zu bekommen.]",
    truncated="[Länger darf eine Antwort nicht sein. Schreib „weiter“, um den Rest zu bekommen.]",
    refused="Dabei kann ich nicht helfen. Gibt es etwas anderes?",
    file_empty="Die Datei ist leer.",
    file_kind="Das kann ich nicht öffnen: Ich lese Bilder (PNG, JPEG, GIF, WebP), PDFs und reinen"
    " Text.",
    file_size="Das ist mir zu groß: Ein Bild darf 5 MB haben, ein PDF 16 MB, ein Text 64 kB.",
    file_gone="Ich konnte es nicht bekommen: Bitte schick es noch einmal.",
    file_refused="Es war nicht zu lesen: Vielleicht ist es beschädigt, geschützt oder zu lang.",
    file_unnamed="Zu der Datei, die du geschickt hast: {why}",
    spent_day="Was ich heute für dich ausgeben darf, ist aufgebraucht. Morgen (UTC) kann ich wieder"
    " antworten.",
    spent_month="Was ich diesen Monat für dich ausgeben darf, ist aufgebraucht. Nächsten Monat kann"
    " ich wieder antworten.",
    full_day="Was ich heute ausgeben darf, ist aufgebraucht. Morgen (UTC) kann ich wieder"
    " antworten.",
    full_month="Was ich diesen Monat ausgeben darf, ist aufgebraucht. Nächsten Monat kann ich"
    " wieder antworten.",
    near="Du hast {percent} % von dem verbraucht, was ich für dich ausgeben darf.",
    too_many="Das waren zu viele Nachrichten in kurzer Zeit. Bitte warte {seconds} s.",
)
