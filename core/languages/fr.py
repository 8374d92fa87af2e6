"""French."""

from core.languages.words import Words

WORDS = Words(
    help_intro="Écrivez-moi et je réponds. Je me souviens de ce qui a été dit dans cette"
    " conversation.",
    help={
        "help": ("[commande]", "montre ceci, ou explique une commande"),
        "new": ("", "recommence cette conversation"),
        "stop": ("", "termine une réponse trop longue"),
        "persona": ("[nom]", "montre qui peut répondre ici, ou le choisit ; `usual` l'annule"),
        "model": ("[nom]", "montre les modèles, ou en choisit un ; `usual` l'annule"),
        "usage": ("", "montre ce que vous avez consommé et ce qui reste"),
        "link": (
            "[code]",
            (
                "donne un code ; écrit sur une autre plateforme, il prouve que vous y êtes la même"
                " personne, et nos conversations n'en font plus qu'une. Avec `séparé` après le"
                " code, elles restent séparées"
            ),
        ),
        "unlink": ("", "refait de vous une personne à part ici"),
        "export": ("", "vous donne ce qui a été dit"),
        "forget": ("", "efface tout ce que nous nous sommes dit, sur toutes les plateformes liées"),
        "about": ("", "dit ce que je suis"),
    },
    about="Je suis {name} {version}, une IA, pas une personne. Mes réponses viennent de {model} et"
    " peuvent être fausses.",
    about_demo="Je suis {name} {version}, un programme d'IA, pas une personne. Ceci est une"
    " démonstration : aucun modèle ne répond ici, je ne fais que répéter et compter.",
    about_help="`!aide` montre ce que vous pouvez me dire.",
    fresh="Nous recommençons : ce qui a été dit ne fait plus partie de cette conversation.",
    stopped="Arrêté.",
    nothing_runs="Il n'y a pas de réponse à arrêter.",
    alone="Cela reste entre nous : écrivez-le-moi à moi seul, pas là où d'autres lisent.",
    stranger="Je ne sais pas qui vous êtes ici, je ne peux donc pas faire cela.",
    personas="Peuvent répondre ici :\n\n{list}\n\nEn ce moment : {now}. `!persona nom` choisit.",
    personas_none="Il n'y a personne d'autre ici qui pourrait répondre.",
    persona_unknown="Je ne connais pas « {name} ». Peuvent répondre ici :\n\n{list}",
    persona_chosen="Désormais, {name} répond ici.",
    persona_usual="Désormais répond ici qui le fait d'habitude.",
    models="Ces modèles peuvent répondre :\n\n{list}\n\nEn ce moment : {now}. `!model nom` en"
    " choisit un.",
    model_unknown="Je n'ai pas le modèle « {name} ». Peuvent répondre :\n\n{list}",
    model_chosen="Désormais, {name} répond ici.",
    model_usual="Désormais, le modèle habituel répond ici.",
    usual="comme d'habitude",
    usage_none="La consommation n'est pas comptée ici.",
    usage_day="Réponses aujourd'hui : {answers} ; tokens : {tokens} ; ${cost}.",
    usage_month="Réponses ce mois-ci : {answers} ; tokens : {tokens} ; ${cost}.",
    left_day="Reste aujourd'hui : ${left}.",
    left_month="Reste ce mois-ci : ${left}.",
    link_code="Votre code est **{code}**. Dans les {minutes} minutes, écrivez-moi `!link {code}` là"
    " où vous voulez continuer. Il sert une fois ; ne le montrez à personne.",
    linked="C'est bien vous ! Désormais vous êtes pour moi une seule personne ici et là-bas, et"
    " nous avons une seule conversation : continuez où vous voulez.",
    linked_apart="C'est bien vous ! Désormais vous êtes pour moi une seule personne ici et là-bas."
    " Nos conversations restent séparées.",
    link_own="Ce code, vous l'avez d'ici. Écrivez-le-moi sur une autre plateforme, ou dans une"
    " autre conversation.",
    link_wrong="Ce code n'est pas valable : il est mal tapé, a déjà servi ou date de plus de dix"
    " minutes. `!link`, là où vous étiez avant, en donne un nouveau.",
    link_shape="Ce n'est pas un code : il a huit lettres et chiffres. `!link`, là où vous étiez"
    " avant, en donne un.",
    link_locked="Cela fait trop de codes non valables. Attendez un peu avant de réessayer.",
    unlinked="Ici vous êtes de nouveau une personne à part, et nous recommençons.",
    unread="Je n'ai pas lu ce que vous avez écrit juste après : veuillez le renvoyer.",
    unlink_none="Vous n'êtes lié à rien.",
    export_web="Tout ce qui a été dit, même ce qui a été effacé de l'écran, est à"
    " `/api/v1/export`, en un fichier.",
    export_head="Les {count} derniers messages de cette conversation :",
    export_more="Pour tout avoir, liez ceci au web (`!link`) et demandez-y l'export, ou adressez-"
    "vous à qui m'exploite.",
    export_none="Rien n'a encore été dit ici.",
    you="Vous",
    me="Moi",
    forget_ask="Ceci efface tout ce que nous nous sommes dit, avec les fichiers, ici et sur chaque"
    " plateforme que vous avez liée. C'est irréversible. Écrivez `!forget yes` si vous le voulez.",
    forgotten="C'est fait : j'ai effacé tout ce que nous nous sommes dit, avec les"
    " fichiers. Ce qui a été dit dans des canaux y reste.",
    apology="Désolé, je n'ai pas pu répondre à l'instant. Votre message est conservé ; réessayez"
    " dans un moment. (Référence {reference})",
    interrupted="[La réponse s'est interrompue ici. Redemandez pour avoir la suite.]",
    truncated="[La réponse a atteint sa longueur maximale. Dites « continue » pour avoir la"
    " suite.]",
    refused="Je ne peux pas aider pour cela. Y a-t-il autre chose ?",
    file_empty="C'est vide.",
    file_kind="Je ne peux pas l'ouvrir : je lis les images (PNG, JPEG, GIF, WebP), les PDF et le"
    " texte brut.",
    file_size="C'est trop grand pour moi : une image peut avoir 5 Mo, un PDF 16 Mo, un texte"
    " 64 ko.",
    file_gone="Je n'ai pas pu l'obtenir : renvoyez-le, s'il vous plaît.",
    file_refused="Impossible à lire : c'est peut-être abîmé, protégé ou trop long.",
    file_unnamed="À propos du fichier que vous avez envoyé : {why}",
    spent_day="Ce que je peux dépenser pour vous aujourd'hui est épuisé. Je pourrai répondre de"
    " nouveau demain (UTC).",
    spent_month="Ce que je peux dépenser pour vous ce mois-ci est épuisé. Je pourrai répondre de"
    " nouveau le mois prochain.",
    full_day="Ce que je peux dépenser aujourd'hui est épuisé. Je pourrai répondre de nouveau demain"
    " (UTC).",
    full_month="Ce que je peux dépenser ce mois-ci est épuisé. Je pourrai répondre de nouveau le"
    " mois prochain.",
    near="Vous avez consommé {percent} % de ce que je peux dépenser pour vous.",
    too_many="Cela fait trop de messages en peu de temps. Attendez {seconds} s, s'il vous plaît.",
)
