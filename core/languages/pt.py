"""Portuguese."""

from core.languages.words import Words

WORDS = Words(
    help_intro="Escreva-me e eu respondo. Lembro-me do que foi dito nesta conversa.",
    help={
        "help": ("[comando]", "mostra isto, ou explica um comando"),
        "new": ("", "recomeça esta conversa"),
        "stop": ("", "termina uma resposta longa demais"),
        "persona": ("[nome]", "mostra quem pode responder aqui, ou escolhe; `usual` desfaz"),
        "model": ("[nome]", "mostra os modelos, ou escolhe um; `usual` desfaz"),
        "usage": ("", "mostra o que você gastou e o que resta"),
        "link": (
            "[código]",
            (
                "dá um código; escrito em outra plataforma, prova que lá você é a mesma pessoa, e"
                " as nossas conversas tornam-se uma. Com `separado` depois do código ficam"
                " separadas"
            ),
        ),
        "unlink": ("", "faz de você de novo uma pessoa à parte aqui"),
        "export": ("", "dá a você o que foi dito"),
        "forget": ("", "apaga tudo o que conversamos, em todas as plataformas vinculadas"),
        "about": ("", "diz o que sou"),
    },
    about="Sou {name} {version}, uma IA, não uma pessoa. As minhas respostas vêm de {model} e podem"
    " estar erradas.",
    about_demo="Sou {name} {version}, um programa de IA, não uma pessoa. Isto é uma demonstração:"
    " aqui nenhum modelo responde, só repito e conto.",
    about_help="`!ajuda` mostra o que você pode me dizer.",
    fresh="Recomeçamos: o que foi dito até agora já não faz parte desta conversa.",
    stopped="Parado.",
    nothing_runs="Não há resposta para parar.",
    alone="Isso fica entre nós: escreva-me a sós, não onde outros leem.",
    stranger="Aqui não sei quem você é, por isso não posso fazer isso.",
    personas="Aqui podem responder:\n\n{list}\n\nAgora: {now}. `!persona nome` escolhe.",
    personas_none="Aqui não há mais ninguém que possa responder.",
    persona_unknown="Não conheço “{name}”. Aqui podem responder:\n\n{list}",
    persona_chosen="A partir de agora {name} responde aqui.",
    persona_usual="A partir de agora responde aqui quem responde sempre.",
    models="Estes modelos podem responder:\n\n{list}\n\nAgora: {now}. `!model nome` escolhe um.",
    model_unknown="Não tenho o modelo “{name}”. Podem responder:\n\n{list}",
    model_chosen="A partir de agora {name} responde aqui.",
    model_usual="A partir de agora o modelo habitual responde aqui.",
    usual="como sempre",
    usage_none="Aqui o gasto não é contado.",
    usage_day="Respostas de hoje: {answers}; tokens: {tokens}; ${cost}.",
    usage_month="Respostas deste mês: {answers}; tokens: {tokens}; ${cost}.",
    left_day="Resta hoje: ${left}.",
    left_month="Resta este mês: ${left}.",
    link_code="O seu código é **{code}**. Nos próximos {minutes} minutos, escreva-me `!link {code}`"
    " onde quiser continuar. Vale uma vez; não o mostre a ninguém.",
    linked="É você! A partir de agora você é para mim uma só pessoa aqui e lá, e temos uma só"
    " conversa: continue onde quiser.",
    linked_apart="É você! A partir de agora você é para mim uma só pessoa aqui e lá. As nossas"
    " conversas ficam separadas.",
    link_own="Esse código você tem daqui. Escreva-o em outra plataforma ou em outra conversa.",
    link_wrong="Esse código não vale: está mal escrito, já foi usado ou tem mais de dez minutos."
    " `!link`, onde você estava antes, dá um novo.",
    link_shape="Isso não é um código: ele tem oito letras e algarismos. `!link`, onde você estava"
    " antes, dá um.",
    link_locked="Foram códigos inválidos demais. Espere um pouco antes de tentar de novo.",
    unlinked="Aqui você é de novo uma pessoa à parte, e recomeçamos.",
    unread="Não li o que você escreveu logo depois: por favor, envie de novo.",
    unlink_none="Você não está vinculado a nada.",
    export_web="Tudo o que foi dito, também o que foi limpo, está em `/api/v1/export`, num"
    " arquivo.",
    export_head="As últimas {count} mensagens desta conversa:",
    export_more="Para ter tudo, vincule isto à web (`!link`) e peça lá a exportação, ou fale com"
    " quem me administra.",
    export_none="Aqui ainda nada foi dito.",
    you="Você",
    me="Eu",
    forget_ask="Isto apaga tudo o que conversamos, com os arquivos, aqui e em cada plataforma que"
    " você vinculou. Não pode ser desfeito. Escreva `!forget yes` se quiser isso.",
    forgotten="Feito: apaguei tudo o que conversamos, com os arquivos. O que"
    " foi dito em canais fica lá.",
    apology="Desculpe, não consegui responder agora. A sua mensagem está guardada; tente de novo"
    " daqui a pouco. (Referência {reference})",
    interrupted="[A resposta interrompeu-se aqui. Pergunte de novo para ter o resto.]",
    truncated="[A resposta chegou ao máximo. Diga “continue” para ter o resto.]",
    refused="Com isso não posso ajudar. Há mais alguma coisa?",
    file_empty="Está vazio.",
    file_kind="Não consigo abrir: leio imagens (PNG, JPEG, GIF, WebP), PDFs e texto simples.",
    file_size="É grande demais para mim: uma imagem pode ter 5 MB, um PDF 16 MB, um texto 64 kB.",
    file_gone="Não consegui obtê-lo: envie de novo, por favor.",
    file_refused="Não foi possível ler: talvez esteja danificado, protegido ou seja longo demais.",
    file_unnamed="Sobre o arquivo que você enviou: {why}",
    spent_day="Esgotou-se o que posso gastar hoje com você. Amanhã (UTC) posso responder de novo.",
    spent_month="Esgotou-se o que posso gastar este mês com você. No próximo mês posso responder de"
    " novo.",
    full_day="Esgotou-se o que posso gastar hoje. Amanhã (UTC) posso responder de novo.",
    full_month="Esgotou-se o que posso gastar este mês. No próximo mês posso responder de novo.",
    near="Você gastou {percent} % do que posso gastar com você.",
    too_many="Foram mensagens demais em pouco tempo. Espere {seconds} s, por favor.",
)
